"""A table of vectors, looked up by index."""

from __future__ import annotations

from typing import NamedTuple

from funcdl.arguments import integer
from funcdl.contract import Layer, Vjp, declared
from funcdl.initialisers import Initialiser, normal
from funcdl.signature import Signature, of
from funcdl.tensor import Generator, Tensor

__all__ = ["Lookup", "embedding"]


class Lookup(NamedTuple):
    """Parameters of `embedding`: `w` (*models, vocabulary, features)."""

    w: Tensor


def embedding(
    vocabulary: int,
    features: int,
    *,
    w_init: Initialiser | None = None,
    padding: int | None = None,
) -> Layer[Lookup, Tensor, Tensor]:
    """Replace each index by its row of a table.

        y = w[x]        dw[i] = Σ dy where x = i        dx = None: an index has no cotangent

    Args:
        vocabulary: the number of rows, at least 1.
        features: the length of a row, at least 1.
        w_init: draws `w` of shape (vocabulary, features); N(0, 1) without it, as in PyTorch.
        padding: the index of what fills sequences up: its row begins with 0 and has no gradient, so
            that it stays so; None for none.

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
    integer("embedding", "vocabulary", vocabulary, 1)
    integer("embedding", "features", features, 1)
    if padding is not None:
        integer("embedding", "padding", padding, 0, vocabulary - 1)

    def apply(params: Lookup, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        (w,) = params
        models = w.shape[:-2]
        rows = x.reshape(*models, -1, 1).expand(*models, -1, features)
        y = w.gather(-2, rows)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Lookup, None]:
            dw = w.new_zeros(w.shape).scatter_add_(-2, rows, dy.reshape(rows.shape))
            if padding is not None:
                dw.select(-2, padding).zero_()
            return Lookup(dw), None

        return y.reshape(*x.shape, features), vjp

    takes = Signature(
        of(Lookup, "*models vocabulary features"),
        "indices: *models … <vocabulary",
        "*models … features",
        floats=False,
        vocabulary=vocabulary,
        features=features,
    )
    drawn = w_init or normal()

    def padded(rng: Generator, shape: tuple[int, ...]) -> Tensor:
        table = drawn(rng, shape)
        if padding is not None:
            table.select(-2, padding).zero_()
        return table

    draw = of(Lookup, drawn if padding is None else padded)
    args = f"{vocabulary}, {features}" + ("" if padding is None else f", padding={padding}")
    return declared("embedding", takes, apply, draw, args)
