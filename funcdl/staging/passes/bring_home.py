"""Copy what is carried on to where it comes in."""

from __future__ import annotations

from funcdl.staging.memory import Buffer, Slot
from funcdl.staging.passes.lower import in_place
from funcdl.staging.program import Program
from funcdl.trace.call import Call

__all__ = ["bring_home"]


def bring_home(program: Program) -> Program:
    """Copy each end into its start, where it is not there yet: first those that lie in another's.

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
    params[0] <- params[0]
    params[1] <- params[1]
    """
    carried = {start.buffer for start in program.starts}
    aside: list[Call] = []
    home: list[Call] = []
    for start, end in zip(program.starts, program.ends):
        if start == end:
            continue
        if end.buffer in carried:
            copy = _like(f"home{len(aside) + 1}", end)
            aside.append(in_place("copy_", copy, end))
            end = copy
        home.append(in_place("copy_", start, end))
    return program._replace(calls=(*program.calls, *aside, *home), ends=program.starts)


def _like(name: str, slot: Slot) -> Slot:
    """Make memory for a slot's numbers."""
    return Buffer(name, slot.shape, slot.tensor().new_empty(slot.numel)).whole()
