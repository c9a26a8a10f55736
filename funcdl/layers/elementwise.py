"""One factor or one summand for each feature."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcdl.arguments import beside, last_axis, tensor
from funcdl.contract import Layer, Shape, Vjp
from funcdl.errors import KindError
from funcdl.initialisers import Initialiser, ones, zeros
from funcdl.ops.leading import align, total
from funcdl.tensor import Generator, Tensor, as_dtype_of, wide

__all__ = ["Bias", "Scale", "bias", "fitting", "scale"]


class Scale(NamedTuple):
    """Parameters of `scale`: `scale` (*models, features)."""

    scale: Tensor


class Bias(NamedTuple):
    """Parameters of `bias`: `b` (*models, features)."""

    b: Tensor


def fitting(where: str, params: Any, x: Any, own: int = 1) -> Tensor:
    """Return a layer's only parameter, if it fits the input: torch might broadcast what does not.

    `own` is the number of the parameter's trailing axes that are not the models'.
    """
    if not isinstance(params, tuple) or len(params) != 1 or not isinstance(params[0], Tensor):
        raise KindError(f"{where}: expected params of one tensor, got {type(params).__name__}")
    p = params[0]
    beside(where, p, tensor(where, x), own)
    if x.is_meta is not p.is_meta:
        raise KindError(f"{where}: expected all on one device, got {p.device} and {x.device}")
    if x.dtype != p.dtype:
        raise KindError(f"{where}: expected x to be {p.dtype} as the parameter is, got {x.dtype}")
    return p


def scale(init: Initialiser = ones) -> Layer:
    """Multiply each feature by a factor that is learnt.

        y = γ x        dγ = Σ dy x        dx = γ dy

    Args:
        init: draws γ of shape (features,).

    Returns:
        A layer from (…, features) to the same, with parameters `Scale(scale)`.

    Raises:
        ShapeError, KindError: γ does not fit the last axis, or has another dtype than x.

    The gains of Salimans and Kingma, "Weight normalization" (2016).

    >>> import torch
    >>> y, vjp = scale()(Scale(torch.tensor([2.0, 3.0])), torch.ones(4, 2))
    >>> y[0], vjp(torch.ones(4, 2))[0]
    (tensor([2., 3.]), Scale(scale=tensor([4., 4.])))
    """

    def draw(rng: Generator, in_shape: Shape) -> tuple[Scale, Shape]:
        return Scale(init(rng, (last_axis("scale", in_shape),))), in_shape

    def apply(params: Scale, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        factor = fitting("scale", params, x)
        fitted = align(factor, x)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Scale, Tensor | None]:
            # A product of two halves may be too large for one, where the sum is not.
            d_factor = as_dtype_of(total(wide(dy).mul(wide(x)), factor), factor)
            return Scale(d_factor), dy.mul(fitted) if need_dx else None

        return x.mul(fitted), vjp

    return Layer("scale", draw, apply, floats=True)


def bias(init: Initialiser = zeros) -> Layer:
    """Add to each feature a number that is learnt.

        y = x + b        db = Σ dy        dx = dy

    Args:
        init: draws `b` of shape (features,).

    Returns:
        A layer from (…, features) to the same, with parameters `Bias(b)`.

    Raises:
        ShapeError, KindError: `b` does not fit the last axis, or has another dtype than x.

    The threshold of Rosenblatt, "The perceptron" (1958).

    >>> import torch
    >>> y, vjp = bias()(Bias(torch.tensor([2.0, 3.0])), torch.ones(4, 2))
    >>> y[0], vjp(torch.ones(4, 2))[0]
    (tensor([3., 4.]), Bias(b=tensor([4., 4.])))
    """

    def draw(rng: Generator, in_shape: Shape) -> tuple[Bias, Shape]:
        return Bias(init(rng, (last_axis("bias", in_shape),))), in_shape

    def apply(params: Bias, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        b = fitting("bias", params, x)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Bias, Tensor | None]:
            return Bias(total(dy, b)), dy if need_dx else None

        return x.add(align(b, x)), vjp

    return Layer("bias", draw, apply, floats=True)
