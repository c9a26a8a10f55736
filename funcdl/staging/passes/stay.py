"""Let numbers that are copied, and not read again where they were, stay there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from funcdl.staging.memory import BYTES, Buffer, Slot, slots
from funcdl.staging.program import Move, Program, moved
from funcdl.watching.call import Call

__all__ = ["stay"]


class Touch(NamedTuple):
    """That a call reads or writes a slot; for a copy, the slot on its other side."""

    at: int
    slot: Slot
    writes: bool
    copy: Slot | None


def stay(program: Program) -> Program:
    """Lay what is copied from a buffer, piece by piece or whole, where it comes from.

    The pieces that were copied may be overwritten, since nobody reads them there again, and those
    that are not copied yet are still what they were. What is carried or goes out stays apart.

    >>> import torch
    >>> from funcdl.staging.passes import lower
    >>> from funcdl.staging.translate import program_of
    >>> def step(params, state, batch):
    ...     x, y = params * batch, params.new_empty(4)
    ...     y[:2].copy_(x[:2]).mul_(2)
    ...     y[2:].copy_(x[2:]).mul_(3)
    ...     return params, state, y.sum()
    >>> program = program_of(step, torch.ones(4), (), torch.ones(()))
    >>> print(program := lower(program))
    t1.copy_(params)
    t1.mul_(batch)
    t2.as_strided((2,), (1,), 0).copy_(t1.as_strided((2,), (1,), 0))
    t2.as_strided((2,), (1,), 0).mul_(2)
    t2.as_strided((2,), (1,), 2).copy_(t1.as_strided((2,), (1,), 2))
    t2.as_strided((2,), (1,), 2).mul_(3)
    t3 = sum(t2)
    gives t3
    >>> print(stay(program))
    t1.copy_(params)
    t1.mul_(batch)
    t1.as_strided((2,), (1,), 0).mul_(2)
    t1.as_strided((2,), (1,), 2).mul_(3)
    t3 = sum(t1)
    gives t3
    """
    touches, moves = _touches(program), dict[Buffer, Move]()
    given = {slot.buffer for slot in program.batch}
    for call in program.calls:
        if not _copies(call):
            continue
        x, y = (_there(slot, moves) for slot in call.args)
        own, theirs = touches.get(x.buffer), touches.get(y.buffer)
        if own is None or theirs is None or own is theirs or x.buffer in given or not _alike(x, y):
            continue
        if x.buffer.memory.nbytes > y.buffer.memory.nbytes:
            continue
        place = partial(_at, buffer=y.buffer, shift=y.offset - x.offset)
        laid = [touch._replace(slot=place(touch.slot)) for touch in own]
        if all(_inside(touch.slot, x.dtype) for touch in laid) and _may_stay(laid, theirs):
            moves[x.buffer] = Move(y.buffer, place)
            del touches[x.buffer]
            touches[y.buffer] = sorted([*theirs, *laid], key=lambda touch: touch.at)
    calls: list[Call] = []
    settled = 0
    for i, call in enumerate(program.calls):
        settled = len(calls) if i == program.settled else settled
        while moves.keys() & {slot.buffer for slot in slots((call.args, call.kwargs, call.outs))}:
            call = moved(call, moves)
        if not (_copies(call) and _same(*call.args)):
            calls.append(call)
    settled = len(calls) if program.settled == len(program.calls) else settled
    return program._replace(calls=tuple(calls), settled=settled)


def _touches(program: Program) -> dict[Buffer, list[Touch]]:
    """List what reads and writes each buffer that may be laid elsewhere, or be laid upon."""
    taken = {slot.buffer for slot in (*program.starts, *program.outputs())}
    taken = taken.union(*(call.holds | call.keeps for call in program.calls))
    free = program.variable() - taken
    found: dict[Buffer, list[Touch]] = {buffer: [] for buffer in free if not buffer.rows}
    for i, call in enumerate(program.calls):
        pair = call.args if _copies(call) else (None, None)
        touches = [Touch(i, slot, True, pair[1]) for slot in call.outs]
        read = (slot for slot in slots((call.args, call.kwargs)) if slot not in call.outs)
        touches += [Touch(i, slot, False, pair[0]) for slot in read]
        for touch in touches:
            if touch.slot.buffer in found:
                found[touch.slot.buffer].append(touch)
    return found


def _may_stay(laid: Sequence[Touch], theirs: Sequence[Touch]) -> bool:
    """Tell whether a buffer, laid where it is copied from, overwrites nothing that is needed."""
    first = laid[0].at
    later = [touch for touch in theirs if touch.at >= first]
    buffer = laid[0].slot.buffer
    size = laid[0].slot.dtype.itemsize
    overwritten = buffer.memory.new_zeros(buffer.memory.nbytes // size, dtype=BYTES)

    def seen(slot: Slot) -> Any:
        return overwritten.as_strided(slot.shape, slot.stride, slot.offset)

    ours = [(touch.at, True, touch) for touch in laid]
    events = sorted([*ours, *((touch.at, False, touch) for touch in later)], key=itemgetter(0))
    for _, group in groupby(events, key=itemgetter(0)):
        touches = list(group)
        written = [touch for _, own, touch in touches if own and touch.writes]
        needed = [touch.slot for _, own, touch in touches if not own]
        if any(bool(seen(slot).any()) for slot in needed):
            return False
        for touch in written:
            seen(touch.slot).fill_(1)
        stays = [touch.slot for touch in written if touch.copy]
        for slot in needed:
            if not any(_same(slot, other) for other in stays) and bool(seen(slot).any()):
                return False
    return True


def _copies(call: Call) -> bool:
    """Tell whether a call does nothing but copy numbers as they are."""
    if call.name != "copy_" or call.fresh or len(call.args) != 2 or call.kwargs:
        return False
    return all(isinstance(a, Slot) for a in call.args)


def _there(slot: Slot, moves: dict[Buffer, Move]) -> Slot:
    """Follow a slot to where its numbers were moved."""
    while slot.buffer in moves:
        slot = moves[slot.buffer].place(slot)
    return slot


def _at(slot: Slot, buffer: Buffer, shift: int) -> Slot:
    return replace(slot, buffer=buffer, offset=slot.offset + shift)


def _inside(slot: Slot, dtype: Any) -> bool:
    """Tell whether a slot lies within its buffer, in numbers as long as those of a dtype."""
    last = slot.offset + sum((n - 1) * step for n, step in zip(slot.shape, slot.stride))
    room = slot.buffer.memory.nbytes // slot.dtype.itemsize
    return slot.dtype.itemsize == dtype.itemsize and slot.offset >= 0 and last < room


def _alike(x: Slot, y: Slot) -> bool:
    """Tell whether two slots are of one shape and dtype, and lie alike."""
    steps = zip(x.shape, x.stride, y.stride)
    return x.shape == y.shape and x.dtype == y.dtype and all(n == 1 or p == q for n, p, q in steps)


def _same(x: Slot, y: Slot) -> bool:
    """Tell whether two slots are the same numbers in the same place."""
    return x.buffer is y.buffer and x.offset == y.offset and _alike(x, y)
