"""Joining tensors along an axis and cutting them apart again."""

from __future__ import annotations

from collections.abc import Sequence

from funcdl.errors import KindError
from funcdl.tensor import Tensor

__all__ = ["cat", "cut", "fill"]


def cat(parts: Sequence[Tensor], axis: int) -> Tensor:
    """Copy tensors one behind the other along an axis, into one new tensor."""
    shape = list(parts[0].shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    joined = parts[0].new_empty(shape)
    start = 0
    for part in parts:
        _same_kind(part, joined)
        length = part.shape[axis]
        joined.narrow(axis, start, length).copy_(part)
        start += length
    return joined


def cut(joined: Tensor, lengths: Sequence[int], axis: int) -> tuple[Tensor, ...]:
    """View the parts that `cat` put together: its adjoint."""
    return tuple(joined.split_with_sizes(list(lengths), axis))


def fill(stacked: Tensor, parts: Sequence[Tensor], axis: int) -> Tensor:
    """Copy the i-th part to position i of an axis of a new tensor, and return it."""
    for i, part in enumerate(parts):
        _same_kind(part, stacked)
        stacked.select(axis, i).copy_(part)
    return stacked


def _same_kind(part: Tensor, whole: Tensor) -> None:
    """Refuse what a copy would round, or fetch from elsewhere, without a word."""
    if part.dtype is not whole.dtype or part.device != whole.device:
        raise KindError(
            f"copy: expected one dtype and device, got {whole.dtype} on {whole.device} and "
            f"{part.dtype} on {part.device}"
        )
