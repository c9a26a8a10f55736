"""Copy what is carried on to where it comes in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from funcdl.staging.memory import Buffer, Slot
from funcdl.staging.passes.lower import in_place
from funcdl.staging.program import Program
from funcdl.watching.call import Call

__all__ = ["bring_home"]


def bring_home(program: Program) -> Program:
    """Copy each end into its start, where it is not there yet: first those that lie in another's.

    Neighbours that go to neighbours, as the parts of a pack do, go in one call.

    >>> import torch
    >>> from funcdl.staging.translate import program_of
    >>> def swap(params, state, batch):
    ...     a, b = params
    ...     return (b, a * 2), state
    >>> print(bring_home(program_of(swap, (torch.ones(3), torch.ones(3)), (), ())))
    t1 = mul(params[0], 2)
    home1.copy_(params[1])
    params[0].copy_(home1)
    params[1].copy_(t1)

    >>> from funcdl.staging.passes import fuse, settle
    >>> def double(params, state, batch):
    ...     return tuple(p * 2 for p in params), state, batch.cumsum(0)
    >>> program = program_of(double, (torch.ones(3), torch.ones(2)), (), torch.ones(3))
    >>> print(program := settle(fuse(program)))  # cumsum might fail: what is before stays away
    [t1 t2] = mul([params[0] params[1]], 2)
    t3 = cumsum(batch, 0)
    --
    params[0] <- t1
    params[1] <- t2
    gives t3
    >>> print(bring_home(program))
    [t1 t2] = mul([params[0] params[1]], 2)
    t3 = cumsum(batch, 0)
    --
    [params[0] params[1]].copy_([t1 t2])
    gives t3
    """
    carried = {start.buffer for start in program.starts}
    aside: list[Call] = []
    home: list[Call] = []
    for start, end in _joined(zip(program.starts, program.ends)):
        if end.buffer in carried:
            copy = _like(f"home{len(aside) + 1}", end)
            aside.append(in_place("copy_", copy, end))
            end = copy
        home.append(in_place("copy_", start, end))
    return program._replace(calls=(*program.calls, *aside, *home), ends=program.starts)


def _joined(pairs: Iterable[tuple[Slot, Slot]]) -> list[tuple[Slot, Slot]]:
    """Make one pair of those whose starts, and whose ends, lie one behind the other."""
    found: list[tuple[Slot, Slot]] = []
    for start, end in pairs:
        if start == end:
            continue
        if found:
            both = _behind(found[-1][0], start), _behind(found[-1][1], end)
            if both[0] and both[1]:
                found[-1] = both[0], both[1]
                continue
        found.append((start, end))
    return found


def _behind(a: Slot, b: Slot) -> Slot | None:
    """Give the slot of two that lie one behind the other; None where they do not."""
    if a.buffer is not b.buffer or a.buffer.rows or a.dtype != b.dtype:
        return None
    if not (a.is_contiguous() and b.is_contiguous()) or b.offset != a.offset + a.numel:
        return None
    return replace(a, shape=(a.numel + b.numel,), stride=(1,))


def _like(name: str, slot: Slot) -> Slot:
    """Make memory for a slot's numbers."""
    return Buffer(name, slot.shape, slot.tensor().new_empty(slot.numel)).slot()
