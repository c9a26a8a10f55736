"""Choices: where one side is taken, the other contributes nothing."""

from __future__ import annotations

from funcdl.tensor import Tensor, empty

__all__ = ["ZERO", "only"]

ZERO = empty(()).zero_()
"""What stands beside tensors of any dtype without changing theirs."""


def only(a: Tensor, mask: Tensor) -> Tensor:
    """Give `a` where the mask, of Booleans, is set and 0 elsewhere.

    A product with the mask would make NaN of 0 times infinity.
    """
    return a.where(mask, ZERO)
