"""Distances of vectors, row by row, and their derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable

from funcdl.ops.choose import only
from funcdl.tensor import Tensor

__all__ = ["cosine", "minkowski"]

Measured = tuple[Tensor, Callable[[Tensor], "tuple[Tensor, Tensor]"]]

TINY = 1.2e-38  # the least that float32 divides by without loss


def minkowski(a: Tensor, b: Tensor, power: float = 2.0, eps: float = 1e-6) -> Measured:
    """Compute (Σ |z|^power)^(1 / power), z = a − b + eps, of each row (…), and what pulls back.

    da = sign(z) (|z| / y)^(power − 1) dy        db = −da
    """
    z = a.sub(b).add_(eps)
    size = z.abs()
    largest = size.amax(-1, keepdim=True)
    if power == math.inf:
        y = largest
    elif power == 1:
        y = size.sum(-1, keepdim=True)
    elif power == 2:
        y = _length(size, largest)
    else:
        unit = _unit(largest)
        share = size.div(unit).pow_(power).sum(-1, keepdim=True)
        y = share.pow_(1 / power).mul_(unit)

    def pull(dy: Tensor) -> tuple[Tensor, Tensor]:
        d = dy.unsqueeze(-1)
        if power == 1:
            da = z.sign().mul_(d)
        elif power == math.inf:
            top = size.eq(largest)
            da = only(z.sign().mul_(d).div_(top.sum(-1, keepdim=True)), top)
        else:
            da = z.div(y.clamp_min(TINY))
            if power != 2:
                da = da.abs().pow_(power - 1).mul_(z.sign())
            da.mul_(d)
        return da, da.neg()

    return y.squeeze(-1), pull


def cosine(a: Tensor, b: Tensor, eps: float = 1e-8) -> Measured:
    """Compute a · b / (‖a‖ ‖b‖) of each row (…), norms of at least eps, and what pulls back.

    da = (b / ‖b‖ − y a / ‖a‖) / ‖a‖ dy, and db likewise
    """
    (u, size_a, long_a), (v, size_b, long_b) = _directed(a, eps), _directed(b, eps)
    y = u.mul(v).sum(-1, keepdim=True)

    def pull(dy: Tensor) -> tuple[Tensor, Tensor]:
        d = dy.unsqueeze(-1)
        da = v.addcmul(u, only(y, long_a), value=-1).div_(size_a).mul_(d)
        db = u.addcmul(v, only(y, long_b), value=-1).div_(size_b).mul_(d)
        return da, db

    return y.squeeze(-1), pull


def _directed(x: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """Give the rows at length 1, what they are divided by, and whether that is their norm."""
    largest = x.abs().amax(-1, keepdim=True)
    norm = _length(x, largest)
    counted = norm.clamp_min(eps)
    return x.div(counted), counted, norm.gt(eps)


def _length(x: Tensor, largest: Tensor) -> Tensor:
    unit = _unit(largest)
    return x.div(unit).square_().sum(-1, keepdim=True).sqrt_().mul_(unit)


def _unit(largest: Tensor) -> Tensor:
    """Give what rows are divided by whose powers might overflow, or vanish: a power of 2.

    So the division rounds nothing.
    """
    size = largest.nan_to_num(math.nan).clamp_min_(TINY)
    return size.div(size.frexp()[0].mul(2))
