"""Rounds on a leading model axis, and one round alone, which has no such axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from funcdl import tree

__all__ = ["stacked", "unstacked"]

T = TypeVar("T")


def stacked(rounds: Sequence[T]) -> T:
    """Stack the tensors of several rounds on a leading axis; those of one alone stay as they are.

    >>> import torch
    >>> stacked([torch.ones(3)]).shape, stacked([torch.ones(3), torch.zeros(3)]).shape
    (torch.Size([3]), torch.Size([2, 3]))
    """
    found: T = rounds[0] if len(rounds) == 1 else tree.stack(rounds)
    return found


def unstacked(stack: T, rounds: int) -> list[T]:
    """Give each round its own tensors again: the inverse of `stacked`.

    >>> import torch
    >>> unstacked(torch.ones(3), 1), [one.shape for one in unstacked(torch.ones(2, 3), 2)]
    ([tensor([1., 1., 1.])], [torch.Size([3]), torch.Size([3])])
    """
    return [stack] if rounds == 1 else tree.unstack(stack)
