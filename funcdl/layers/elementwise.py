"""One factor or one summand for each feature."""

from __future__ import annotations

from typing import NamedTuple

from funcdl.contract import Layer, Vjp, declared
from funcdl.initialisers import Initialiser, ones, zeros
from funcdl.ops.leading import align, total
from funcdl.shown import named_defaults
from funcdl.signature import Signature, of
from funcdl.tensor import Generator, Tensor, as_dtype_of, wide

__all__ = ["Bias", "Scale", "bias", "scale"]

SAME = "*models … features>=0", "*models … features"


class Scale(NamedTuple):
    """Parameters of `scale`: `scale` (*models, features)."""

    scale: Tensor


class Bias(NamedTuple):
    """Parameters of `bias`: `b` (*models, features)."""

    b: Tensor


@named_defaults
def scale(init: Initialiser = ones) -> Layer[Scale, Tensor, Tensor]:
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

    def apply(params: Scale, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        (factor,) = params
        fitted = align(factor, x)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Scale, Tensor | None]:
            # A product of two halves may be too large for one, where the sum is not.
            d_factor = as_dtype_of(total(wide(dy).mul(wide(x)), factor), factor)
            return Scale(d_factor), dy.mul(fitted) if need_dx else None

        return x.mul(fitted), vjp

    takes = Signature(of(Scale, "*models features>=0"), *SAME)
    return declared("scale", takes, apply, of(Scale, init))


@named_defaults
def bias(init: Initialiser = zeros) -> Layer[Bias, Tensor, Tensor]:
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

    def apply(params: Bias, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        (b,) = params

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Bias, Tensor | None]:
            return Bias(total(dy, b)), dy if need_dx else None

        return x.add(align(b, x)), vjp

    takes = Signature(of(Bias, "*models features>=0"), *SAME)
    return declared("bias", takes, apply, of(Bias, init))
