"""Choices: where one side is taken, the other contributes nothing."""

from __future__ import annotations

from funcdl.tensor import Tensor, empty

__all__ = ["BITS", "ZERO", "only", "passed", "turned", "upper"]

ZERO = empty(()).zero_()
"""What stands beside tensors of any dtype without changing theirs."""

# torch chooses number by number, which for many takes ten times as long as a product. A product of
# their bits, as integers, with 0 or 1 chooses too, whatever the bits stand for.
FEW = 1024
BITS = {2: empty(0).short().dtype, 4: empty(0).int().dtype, 8: empty(0).long().dtype}


def only(a: Tensor, mask: Tensor) -> Tensor:
    """Give `a` where the mask, of Booleans, is set and 0 elsewhere.

    A product with the mask would make NaN of 0 times infinity.
    """
    if a.numel() > FEW:
        return a.view(BITS[a.element_size()]).mul(mask).view(a.dtype)
    return a.where(mask, ZERO)


def passed(a: Tensor, y: Tensor) -> Tensor:
    """Give `a` where `y`, of numbers from 0 on, is not 0, and 0 elsewhere.

    NaN is not 0. Where there are many numbers, the sign of the bits of |y| is the mask; so too in
    a staged step (see `funcdl.staging`), where a call in place has no Python about it.
    """
    if a.numel() > FEW or type(a) is not Tensor:
        bits = BITS[a.element_size()]
        return a.view(bits).mul(y.abs().view(bits).sign_()).view(a.dtype)
    return a.where(y.bool(), ZERO)


def upper(a: Tensor, b: Tensor, y: Tensor) -> Tensor:
    """Give `a` where `y` is above 0, and `b` elsewhere; where `y` is NaN, nothing that matters."""
    if y.numel() <= FEW:
        return a.where(y.gt(0), b)
    # b + (a − b), as integers, which go round where they are too large, and so lose nothing.
    low = b.view(BITS[b.element_size()])
    return a.view(low.dtype).sub(low).mul(_above(y)).add_(low).view(b.dtype)


def turned(a: Tensor, y: Tensor) -> Tensor:
    """Give −a where `y` is above 0, and `a` elsewhere; it may be written where `a` was."""
    if y.numel() <= FEW:
        return a.neg().where(y.gt(0), a)
    size = a.element_size()
    flips = _above(y).bitwise_left_shift_(8 * size - 1)  # the sign's bit alone
    return a.view(BITS[size]).bitwise_xor_(flips).view(a.dtype)


def _above(y: Tensor) -> Tensor:
    """Give 1 where `y` is above 0 and 0 elsewhere, as integers of its size."""
    return y.relu().view(BITS[y.element_size()]).sign_()
