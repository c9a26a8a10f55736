"""Let nothing that goes out lie where something else is carried."""

from __future__ import annotations

from funcdl.staging.memory import Buffer, Slot
from funcdl.staging.program import Program
from funcdl.tensor import Tensor
from funcdl.watching.call import Call
from funcdl.watching.nested import rebuild

__all__ = ["separate"]


def separate(program: Program) -> Program:
    """Copy outputs that are views of what comes in, for the next step's is written there.

    >>> import torch
    >>> from funcdl.staging.translate import program_of
    >>> def swap(params, state, batch):
    ...     a, b = params
    ...     return (b, a), state, a
    >>> program = program_of(swap, (torch.ones(3), torch.ones(3)), (), ())
    >>> print(program)
    params[0] <- params[1]
    params[1] <- params[0]
    gives params[0]
    >>> print(separate(program))
    t1 = clone(params[1])
    t2 = clone(params[0])
    t3 = clone(params[0])
    params[0] <- t1
    params[1] <- t2
    gives t3
    """
    own = {start.buffer for start in program.starts}
    count = sum(call.fresh for call in program.calls)
    copies: list[Call] = []

    def separated(slot: Slot) -> Slot:
        if slot.buffer not in own:
            return slot
        name = f"t{count + len(copies) + 1}"
        memory = slot.tensor().new_empty(slot.numel)
        copy = Buffer(name, slot.shape, memory).slot()
        copies.append(Call("clone", Tensor.clone, (slot,), {}, (copy,), True))
        return copy

    ends = tuple(
        end if end == start else separated(end) for start, end in zip(program.starts, program.ends)
    )
    rest = rebuild(program.rest, separated, Slot)
    return program._replace(calls=(*program.calls, *copies), ends=ends, rest=rest)
