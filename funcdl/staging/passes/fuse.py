"""Make one call of the same elementwise call on each of the parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from funcdl.staging.memory import Buffer, Slot, packed, placed, slots
from funcdl.staging.methods import ELEMENTWISE
from funcdl.staging.order import keeps_order
from funcdl.staging.program import Move, Program
from funcdl.watching.call import Call

__all__ = ["fuse"]

Members = Mapping[Buffer, tuple[Buffer, int]]
"""The pack that a buffer is a part of, and its place among the parts."""


def fuse(program: Program) -> Program:
    """Join tensors of the parameters' shapes to packs, and go over a pack in one call.

    >>> import torch
    >>> from funcdl.staging.translate import program_of
    >>> def step(params, state, batch):
    ...     return tuple(p - 0.1 * (p * batch) for p in params), state
    >>> program = program_of(step, (torch.ones(2), torch.ones(3, 2)), (), torch.ones(()))
    >>> print(program)
    t1 = mul(params[0], batch)
    t2 = mul(t1, 0.1)
    t3 = sub(params[0], t2)
    t4 = mul(params[1], batch)
    t5 = mul(t4, 0.1)
    t6 = sub(params[1], t5)
    params[0] <- t3
    params[1] <- t6
    >>> print(fuse(program))
    [t1 t4] = mul([params[0] params[1]], batch)
    [t2 t5] = mul([t1 t4], 0.1)
    [t3 t6] = sub([params[0] params[1]], [t2 t5])
    params[0] <- t3
    params[1] <- t6
    """
    if not program.packs or len(program.packs[0].parts) < 2:
        return program
    calls = program.calls
    shapes = [part.shape for part in program.packs[0].parts]
    loose = program.variable() - {slot.buffer for slot in program.starts}
    members: Members = {p: (pack, k) for pack in program.packs for k, p in enumerate(pack.parts)}
    position = list(range(len(calls)))
    fused: dict[int, Call] = {}
    found = True
    while found:
        found = False
        for places in _groups(calls, shapes, position, members, loose):
            group = [calls[i] for i in places]
            # Asked only now, since a group fused just before may have packed its operands.
            if _in_one_pack(group, members):
                found = True
                members = _with_packs(group, members)
                fused[places[-1]] = _joined(group, members)
                for i in places:
                    position[i] = places[-1]
    if not fused or not keeps_order(calls, position):
        return program
    kept = tuple(fused.get(i, call) for i, call in enumerate(calls) if position[i] == i)
    return program._replace(calls=kept).moved(_moves(members))


def _groups(
    calls: Sequence[Call],
    shapes: list[Any],
    position: list[int],
    members: Members,
    loose: set[Buffer],
) -> list[list[int]]:
    """Find the calls that do the same to each parameter and are not fused yet."""
    found: dict[Any, list[int]] = {}
    done = {last for i, last in enumerate(position) if i != last}
    for i, call in enumerate(calls):
        if position[i] == i and i not in done:
            signature, k = _signature(call, shapes, members, loose)
            group = found.setdefault(signature, [])
            if signature is not None and len(group) == k:
                group.append(i)
    return [group for group in found.values() if len(group) == len(shapes)]


def _signature(
    call: Call, shapes: list[Any], members: Members, loose: set[Buffer]
) -> tuple[Any, int]:
    """Say what a call does to the k-th parameter, in words that are the same for all k."""
    if call.name.removesuffix("_") not in ELEMENTWISE or len(call.outs) != 1:
        return None, 0
    ks = {members[s.buffer][1] for s in slots((call.args, call.outs)) if s.buffer in members}
    if len(ks) != 1 or slots(call.kwargs):
        return None, 0
    (k,), (out,) = ks, call.outs
    if out.shape != shapes[k] or not out.is_complete():
        return None, 0
    words: list[Any] = [call.name, tuple(sorted(call.kwargs.items()))]
    for a in call.args:
        if not isinstance(a, Slot):
            words.append(repr(a))
        elif a.ndim == 0:
            words.append((a.buffer, a.offset))
        elif a.shape != shapes[k] or a.dtype != out.dtype or not a.is_complete():
            return None, 0
        elif a.buffer in members:
            words.append(members[a.buffer][0])
        elif a.buffer in loose:
            words.append("a pack to be")
        else:
            return None, 0
    return tuple(words), k


def _in_one_pack(group: list[Call], members: Members) -> bool:
    """Tell whether each operand, and the result, is of one pack for all, or of none yet.

    A call that is made for some parameters alone, as by a masked transform, leaves tensors of two
    kinds: one in a pack already, and one that is not. And no tensor has two places in a pack: a
    gradient that serves two parameters, or a result that the next call reads.
    """
    places: dict[Buffer, int] = {}
    for column in _columns(group):
        packs = set()
        for k, slot in enumerate(column):
            pack, place = members.get(slot.buffer, (None, k))
            packs.add(pack)
            if place != k or places.setdefault(slot.buffer, k) != k:
                return False
        if len(packs) > 1:
            return False
    return True


def _columns(group: list[Call]) -> list[tuple[Slot, ...]]:
    """List the slots that a group's calls have in the same place, but for numbers."""
    columns = zip(*([*call.args, *call.outs] for call in group))
    return [column for column in columns if isinstance(column[0], Slot) and column[0].ndim]


def _with_packs(group: list[Call], members: Members) -> Members:
    """Join those operands and results of a group that are in no pack yet."""
    found = dict(members)
    for column in _columns(group):
        if column[0].buffer not in found:
            parts = [slot.buffer for slot in column]
            size = sum(part.size for part in parts)
            pack = packed(parts, column[0].buffer.memory.new_empty(size))
            found |= {part: (pack, k) for k, part in enumerate(parts)}
    return found


def _joined(group: list[Call], members: Members) -> Call:
    """Make one call on packs of calls on their members."""

    def join(a: Any) -> Any:
        return members[a.buffer][0].slot() if isinstance(a, Slot) and a.ndim else a

    first = group[0]
    return replace(first, args=tuple(map(join, first.args)), outs=(join(first.outs[0]),))


def _moves(members: Members) -> dict[Buffer, Move]:
    """Say where the parts of packs go."""
    return {
        part: Move(pack, partial(placed, pack, pack.start + sum(p.size for p in pack.parts[:k])))
        for part, (pack, k) in members.items()
    }
