"""A table of vectors, looked up by index."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcdl.arguments import show, tensor, whole
from funcdl.contract import Layer, Shape, Vjp
from funcdl.errors import FuncdlError, InputError, KindError, ShapeError
from funcdl.initialisers import Initialiser, normal
from funcdl.misfit import apart
from funcdl.tensor import Generator, Tensor

__all__ = ["Lookup", "embedding"]


class Lookup(NamedTuple):
    """Parameters of `embedding`: `w` (*models, vocabulary, features)."""

    w: Tensor


def embedding(vocabulary: int, features: int, *, w_init: Initialiser | None = None) -> Layer:
    """Replace each index by its row of a table.

        y = w[x]        dw[i] = Σ dy where x = i        dx = None: an index has no cotangent

    Args:
        vocabulary: the number of rows, at least 1.
        features: the length of a row, at least 1.
        w_init: draws `w` of shape (vocabulary, features); N(0, 1) without it, as in PyTorch.

    Returns:
        A layer from (…), int64 in [0, vocabulary), to (…, features), with parameters
        `Lookup(w)`. For `w` of (*models, vocabulary, features), x begins with the model axes.

    Raises:
        InputError, KindError: a hyperparameter is not an integer of at least 1; an index is
            out of range, or not int64.
        ShapeError: x does not begin with the model axes.

    Bengio, Ducharme, Vincent and Jauvin, "A neural probabilistic language model" (2003).

    >>> import torch
    >>> layer = embedding(3, 2)
    >>> params, shape = layer.init(torch.Generator().manual_seed(0), (5,))
    >>> params.w.shape, shape
    (torch.Size([3, 2]), (5, 2))
    >>> y, vjp = layer(params, torch.tensor([2, 0, 2]))
    >>> torch.equal(y[0], params.w[2]), vjp(torch.ones(3, 2))[0].w
    (True, tensor([[1., 1.],
            [0., 0.],
            [2., 2.]]))
    """
    whole("embedding", "vocabulary", vocabulary, 1)
    whole("embedding", "features", features, 1)
    draw = w_init or normal()

    def init(rng: Generator, in_shape: Shape) -> tuple[Lookup, Shape]:
        if not all(isinstance(length, int) for length in in_shape):
            raise ShapeError(f"embedding: expected one tensor of indices, got {show(in_shape)}")
        w = draw(rng, (vocabulary, features))
        return Lookup(w), (*in_shape, features)

    def apply(params: Lookup, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        try:
            (w,) = params
            models, width = w.shape[:-2], w.shape[-1]
            if x.shape[: len(models)] != models or x.is_meta is not w.is_meta:
                raise ValueError("models, or devices")
            if x.element_size() != 8:
                raise TypeError("indices of another kind")
            rows = x.reshape(*models, -1, 1).expand(*models, -1, width)
            y = w.gather(-2, rows)
        except (RuntimeError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise _misfit(params, x, error) from None

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Lookup, None]:
            dw = w.new_zeros(w.shape).scatter_add_(-2, rows, dy.reshape(rows.shape))
            return Lookup(dw), None

        return y.reshape(*x.shape, width), vjp

    return Layer("embedding", init, apply, f"{vocabulary}, {features}")


def _misfit(params: Any, x: Any, error: Exception) -> FuncdlError:
    """Say in one sentence why a table could not be looked up."""
    if not (isinstance(params, tuple) and len(params) == 1 and isinstance(params[0], Tensor)):
        return KindError(f"embedding: expected params (w,), got {type(params).__name__}")
    w, dtype = params[0], tensor("embedding", x).dtype
    if (problem := apart("embedding", w, x)) is not None:
        return problem
    models = w.shape[:-2]
    if x.shape[: len(models)] != models:
        expected = ", ".join(map(str, (*models, "…")))
        return ShapeError(f"embedding: expected ({expected}), got {show(x.shape)}")
    if x.is_floating_point() or x.element_size() != 8:
        return KindError(f"embedding: expected indices to be int64, got {dtype}")
    if w.ndim > 1 and x.numel() and not 0 <= int(x.min()) <= int(x.max()) < w.shape[-2]:
        return InputError(
            f"embedding: expected indices from 0 to {w.shape[-2] - 1}, got one of "
            f"{int(x.min())} to {int(x.max())}"
        )
    return ShapeError(f"embedding: w {show(w.shape)} does not fit x {show(x.shape)}: {error}")
