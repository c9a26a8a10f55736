"""Choices: where one side is taken, the other contributes nothing."""

from __future__ import annotations

from funcdl.tensor import Tensor, empty

__all__ = ["BITS", "ZERO", "only", "passed"]

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
