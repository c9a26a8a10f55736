"""Leave out what is the same in every replay, and what nobody reads."""

from __future__ import annotations

from funcdl.staging.memory import Buffer
from funcdl.staging.program import Program, reads, writes
from funcdl.watching.call import Call

__all__ = ["prune"]


def prune(program: Program) -> Program:
    """Keep the calls that what goes out depends on, and that depend on what comes in.

    What depends on shapes alone was computed by the recording; a call that draws stays.

    >>> import torch
    >>> from funcdl.staging.translate import program_of
    >>> def step(params, state, batch):
    ...     ones = params.new_ones(3) * 0.5
    ...     unread = params.exp()
    ...     return params - batch * ones, state
    >>> program = program_of(step, torch.ones(3), (), torch.ones(3))
    >>> print(program)
    t1 = new_ones(params, 3)
    t2 = mul(t1, 0.5)
    t3 = exp(params)
    t4 = mul(batch, t2)
    t5 = sub(params, t4)
    params <- t5
    >>> print(prune(program))
    t4 = mul(batch, t2)
    t5 = sub(params, t4)
    params <- t5
    """
    variable = _variable(program)
    wanted = {slot.buffer for slot in program.outputs()}
    kept: list[Call] = []
    for call in reversed(program.calls):
        found = writes(call)
        if found & variable and (call.effect or found & wanted):
            wanted |= reads(call)
            kept.append(call)
    return program._replace(calls=tuple(reversed(kept)))


def _variable(program: Program) -> set[Buffer]:
    """Name what is not the same in every replay."""
    variable = {slot.buffer for slot in (*program.starts, *program.batch)}
    for call in program.calls:
        if call.effect or reads(call) & variable:
            variable |= writes(call)
    return variable
