"""Sines and cosines of a position, at frequencies that fall from feature to feature."""

from __future__ import annotations

import math

from funcdl.tensor import Tensor, as_dtype_of, wide

__all__ = ["rotate", "waves"]


def waves(like: Tensor, base: float) -> tuple[Tensor, Tensor]:
    """Compute sin(t / bᶦ) and cos(t / bᶦ), bᶦ = base^(2i / features), for t and i from 0 on.

    In float64: a position has more digits than float32 leaves to an angle.

    Args:
        like: (…, time, features), whose numbers do not matter.
        base: b of the last.

    Returns:
        Two tensors of shape (time, ⌈features / 2⌉), in float64.
    """
    time, features = like.shape[-2:]
    ones = like.new_ones((time, (features + 1) // 2)).double()
    t, i = ones.cumsum(0).sub_(1), ones.cumsum(1).sub_(1)
    angles = i.mul_(-2 * math.log(base) / max(features, 1)).exp_().mul_(t)
    return angles.sin(), angles.cos()


def rotate(x: Tensor, base: float, back: bool = False) -> Tensor:
    """Turn each pair of features, (x₂ᵢ, x₂ᵢ₊₁), by the angle t / bᶦ of its time step t; or back.

    Args:
        x: (…, time, features), an even number of these.
        base: see `waves`.
        back: the inverse, which is the adjoint too.
    """
    rows = wide(x)
    sin, cos = (as_dtype_of(t, rows) for t in waves(x, base))
    if back:
        sin = sin.neg()
    even, odd = rows.reshape(*rows.shape[:-1], rows.shape[-1] // 2, 2).unbind(-1)
    y = rows.new_empty((*even.shape, 2))
    y.select(-1, 0).copy_(even.mul(cos).sub_(odd.mul(sin)))
    y.select(-1, 1).copy_(even.mul(sin).add_(odd.mul(cos)))
    return as_dtype_of(y.reshape(x.shape), x)
