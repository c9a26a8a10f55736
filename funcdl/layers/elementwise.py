"""One factor or one summand for each feature."""

from __future__ import annotations

from typing import NamedTuple

from funcdl.arguments import generator, last_axis, show, tensor
from funcdl.contract import Layer, Shape, Vjp
from funcdl.errors import ShapeError
from funcdl.initialisers import Initialiser, ones, zeros
from funcdl.ops.leading import align, total
from funcdl.tensor import Generator, Tensor

__all__ = ["Bias", "Scale", "bias", "fitting", "scale"]


class Scale(NamedTuple):
    """Parameters of `scale`: `scale` (*models, features)."""

    scale: Tensor


class Bias(NamedTuple):
    """Parameters of `bias`: `b` (*models, features)."""

    b: Tensor


def fitting(where: str, p: Tensor, x: Tensor) -> None:
    """Refuse a last axis that is not that of the parameter, which torch might broadcast."""
    if x.ndim < p.ndim or x.shape[-1] != p.shape[-1] or x.shape[: p.ndim - 1] != p.shape[:-1]:
        expected = ", ".join(map(str, (*p.shape[:-1], "…", p.shape[-1])))
        raise ShapeError(f"{where}: expected ({expected}), got {show(x.shape)}")


def scale(init: Initialiser = ones) -> Layer:
    """Multiply each feature by a factor that is learnt.

        y = γ x        dγ = Σ dy x        dx = γ dy

    Args:
        init: draws γ of shape (features,).

    Returns:
        A layer from (…, features) to the same, with parameters `Scale(scale)`.

    Raises:
        ShapeError: the last axis does not fit γ.

    The gains of Salimans and Kingma, "Weight normalization" (2016).

    >>> import torch
    >>> y, vjp = scale()(Scale(torch.tensor([2.0, 3.0])), torch.ones(4, 2))
    >>> y[0], vjp(torch.ones(4, 2))[0]
    (tensor([2., 3.]), Scale(scale=tensor([4., 4.])))
    """

    def draw(rng: Generator, in_shape: Shape) -> tuple[Scale, Shape]:
        return Scale(init(generator("scale", rng), (last_axis("scale", in_shape),))), in_shape

    def apply(params: Scale, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        (factor,) = params
        fitting("scale", factor, tensor("scale", x))
        wide = align(factor, x)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Scale, Tensor | None]:
            return Scale(total(dy.mul(x), factor)), dy.mul(wide) if need_dx else None

        return x.mul(wide), vjp

    return Layer("scale", draw, apply)


def bias(init: Initialiser = zeros) -> Layer:
    """Add to each feature a number that is learnt.

        y = x + b        db = Σ dy        dx = dy

    Args:
        init: draws `b` of shape (features,).

    Returns:
        A layer from (…, features) to the same, with parameters `Bias(b)`.

    Raises:
        ShapeError: the last axis does not fit `b`.

    The threshold of Rosenblatt, "The perceptron" (1958).

    >>> import torch
    >>> y, vjp = bias()(Bias(torch.tensor([2.0, 3.0])), torch.ones(4, 2))
    >>> y[0], vjp(torch.ones(4, 2))[0]
    (tensor([3., 4.]), Bias(b=tensor([4., 4.])))
    """

    def draw(rng: Generator, in_shape: Shape) -> tuple[Bias, Shape]:
        return Bias(init(generator("bias", rng), (last_axis("bias", in_shape),))), in_shape

    def apply(params: Bias, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        (b,) = params
        fitting("bias", b, tensor("bias", x))

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Bias, Tensor | None]:
            return Bias(total(dy, b)), dy if need_dx else None

        return x.add(align(b, x)), vjp

    return Layer("bias", draw, apply)
