"""How a program is shown: a call a line, with the names of what it reads and writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from funcdl import tree
from funcdl.misuse import short
from funcdl.staging.memory import Buffer, Slot, laid, run, slots
from funcdl.staging.rows import in_rows
from funcdl.tree import nodes
from funcdl.watching.call import Call

if TYPE_CHECKING:
    from funcdl.staging.program import Program

__all__ = ["show"]


def show(program: Program) -> str:
    """Write a program's calls, and below them what goes out.

    `a <- b`: what is carried on as `a` goes out as `b`, of which nothing is said where it is there.
    A new result is `t1 = name(…)`, a call in place is `t1.name(…)`. `[a b]` is a pack, or some
    parts of it, `[x 1]` is x with its column of ones, and `x:int32` are the bits of x. A line `--`
    stands behind the calls that may not write where something is carried.
    """
    lines = [line(call) for call in program.calls]
    if program.settled:
        lines.insert(program.settled, "--")
    pairs = zip(program.starts, program.ends)
    ends = [f"{name(start)} <- {name(end)}" for start, end in pairs if start != end]
    rest = ", ".join(map(written, program.rest))
    return "\n".join([*lines, *ends, *([f"gives {rest}"] if rest else [])])


def line(call: Call) -> str:
    """Write one call."""
    words = [*map(written, call.args), *(f"{k}={written(v)}" for k, v in call.kwargs.items())]
    if call.fresh:
        return f"{', '.join(map(name, call.outs))} = {call.name}({', '.join(words)})"
    if call.args and isinstance(call.args[0], Slot) and " " not in call.name:
        return f"{words[0]}.{call.name}({', '.join(words[1:])})"
    return f"{call.name}({', '.join(words)})"


def written(value: Any) -> str:
    """Write an argument."""
    if isinstance(value, Slot):
        return name(value)
    if tree.is_node(value) and slots(value):
        return f"({', '.join(map(written, nodes.entries(value)))})"
    return short(value)


def name(slot: Slot) -> str:
    """Name a slot: by its buffer or the parts of it that it is, or else by its place there."""
    buffer = slot.buffer
    if slot.dtype != buffer.memory.dtype:
        own = replace(slot, dtype=buffer.memory.dtype)
        return f"{name(own)}:{str(slot.dtype).removeprefix('torch.')}"
    for known, view in [*_known(buffer), *_rows(buffer)]:
        if view == slot:
            return known
        turned = replace(view, shape=view.shape[::-1], stride=view.stride[::-1])
        if view.ndim == 2 and turned == slot:
            return f"{known}.mT"
    if slot.is_contiguous() and not buffer.rows:
        end = slot.offset + slot.numel
        inside = [
            (known, view)
            for known, view in [*_known(buffer)][bool(buffer.parts) :]
            if slot.offset <= view.offset and view.offset + view.numel <= end
        ]
        if inside and sum(view.numel for _, view in inside) == slot.numel:
            (first, _), *more = inside
            if not more:
                return f"{first}.view{slot.shape}"
            return run([known for known, _ in inside])
    return f"{buffer.name}.as_strided({slot.shape}, {slot.stride}, {slot.offset})"


def _known(buffer: Buffer) -> Iterator[tuple[str, Slot]]:
    """List what has a name in a buffer: all of it, and its parts."""
    if buffer.memory is None:
        return
    own = buffer.slot()
    if buffer.rows:
        rows = in_rows(buffer, replace(own, offset=0))
        yield buffer.name, replace(rows, offset=own.offset)
        return
    yield buffer.name, own
    start = buffer.start
    for part in buffer.parts:
        yield part.name, replace(own, shape=part.shape, stride=laid(part.shape), offset=start)
        start += part.size


def _rows(buffer: Buffer) -> Iterator[tuple[str, Slot]]:
    """Name the rows of a widened buffer with their last column."""
    if buffer.rows:
        width, pitch, ones = buffer.rows
        shape = buffer.size // width, width + 1
        name = f"[{buffer.name} {'1' if ones else '·'}]"
        yield name, replace(buffer.slot(), shape=shape, stride=(pitch, 1))
