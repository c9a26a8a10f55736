"""Memory as a program names it: buffers, and the slots that are views of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, NamedTuple

from funcdl.tensor import Tensor, empty
from funcdl.watching.nested import leaves_of

__all__ = ["BYTES", "Buffer", "Rows", "Slot", "laid", "packed", "placed", "run", "slots"]

BYTES = empty(0).char().dtype
"""In which any memory can be seen."""


class Rows(NamedTuple):
    """How a buffer's numbers lie in rows with one column more than was recorded.

    Attributes:
        width: the columns that were recorded.
        pitch: how far apart rows begin.
        ones: whether the last column is ones; otherwise nobody reads it.
    """

    width: int
    pitch: int
    ones: bool


@dataclass(frozen=True, eq=False)
class Buffer:
    """Memory that lives and dies as one.

    Attributes:
        name: what it is called where a program is shown.
        shape: that of what was first seen there.
        memory: a flat tensor, in which neighbours may lie too; None for what has no numbers.
        start: where its own begin.
        parts: for a pack, the buffers that lie there one behind the other.
        rows: for a widened buffer, how it lies.
        ones: whether all of its numbers are 1.
    """

    name: str
    shape: tuple[int, ...]
    memory: Any
    start: int = 0
    parts: tuple[Buffer, ...] = ()
    rows: Rows | None = None
    ones: bool = False

    @property
    def size(self) -> int:
        """Count its numbers."""
        return prod(self.shape)

    def slot(self) -> Slot:
        """Give the slot of all of its numbers, in order."""
        return Slot(self, self.shape, laid(self.shape), self.start, self.memory.dtype)


@dataclass(frozen=True)
class Slot:
    """A view of a buffer, as a tensor is of its storage; it stands for a tensor in a call."""

    buffer: Buffer
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    dtype: Any

    @property
    def ndim(self) -> int:
        """Count its axes."""
        return len(self.shape)

    @property
    def numel(self) -> int:
        """Count its numbers."""
        return prod(self.shape)

    def is_contiguous(self) -> bool:
        """Tell whether its numbers lie one behind the other."""
        steps = zip(self.shape, self.stride, laid(self.shape))
        return not self.numel or all(n == 1 or own == due for n, own, due in steps)

    def is_dense(self) -> bool:
        """Tell whether its numbers lie one behind the other, in whatever order of its axes."""
        axes = sorted(zip(self.stride, self.shape), reverse=True)
        long = [(step, n) for step, n in axes if n != 1]
        due = laid(tuple(n for _, n in long))
        return not self.numel or all(own == step for (own, _), step in zip(long, due))

    def fills(self) -> bool:
        """Tell whether it is all of its buffer, in whatever order."""
        first = self.offset == self.buffer.start and self.dtype == self.buffer.memory.dtype
        return first and self.numel == self.buffer.size and self.is_dense()

    def is_complete(self) -> bool:
        """Tell whether it is all of its buffer, in order."""
        first = self.offset == self.buffer.start and self.dtype == self.buffer.memory.dtype
        return first and self.numel == self.buffer.size and self.is_contiguous()

    def tensor(self) -> Tensor:
        """Give the tensor that it stands for."""
        memory = self.buffer.memory
        if memory.dtype != self.dtype:  # the bits of numbers, seen as others
            memory = memory.view(self.dtype)
        view: Tensor = memory.as_strided(self.shape, self.stride, self.offset)
        return view

    def seen(self, view: Callable[[Tensor], Tensor]) -> Slot:
        """Give another view of it, by what makes one of a tensor."""
        t = view(self.tensor())
        return replace(
            self,
            shape=tuple(t.shape),
            stride=tuple(t.stride()),
            offset=int(t.storage_offset()),
            dtype=t.dtype,
        )


def run(names: Sequence[str]) -> str:
    """Name what lies one behind the other.

    >>> run(["w", "b"]), run(["a", "b", "c"])
    ('[w b]', '[a … c]')
    """
    return f"[{' '.join(names if len(names) < 3 else [names[0], '…', names[-1]])}]"


def packed(parts: Sequence[Buffer], memory: Tensor) -> Buffer:
    """Make a buffer of others, one behind the other in a memory."""
    name = run([part.name for part in parts])
    return Buffer(name, (sum(part.size for part in parts),), memory, parts=tuple(parts))


def placed(buffer: Buffer, start: int, slot: Slot) -> Slot:
    """Give the place of a slot when the numbers of its buffer begin at `start` of another one."""
    shift = (start - slot.buffer.start) * slot.buffer.memory.element_size() // slot.dtype.itemsize
    return replace(slot, buffer=buffer, offset=slot.offset + shift)


def slots(value: Any) -> list[Slot]:
    """List the slots in nested containers, from left to right."""
    return leaves_of(Slot, value)


def laid(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Give the strides of numbers that lie one behind the other.

    >>> laid((2, 3, 4))
    (12, 4, 1)
    """
    return tuple(prod(shape[i + 1 :]) for i in range(len(shape)))
