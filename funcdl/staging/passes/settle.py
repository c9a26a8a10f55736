"""Count the calls that may not write where something is carried."""

from __future__ import annotations

from funcdl.staging.methods import never_fails
from funcdl.staging.passes.lower import methods
from funcdl.staging.program import Program

__all__ = ["settle"]


def settle(program: Program) -> Program:
    """Count the calls up to the last one that may fail, or run Python.

    Only what comes behind it may write where something is carried: a replay that is cut short has
    then changed nothing, or is finished before anybody can look.

    >>> import torch
    >>> from funcdl.staging.translate import program_of
    >>> def step(params, state, batch):
    ...     return params - params.gather(0, batch), state
    >>> print(settle(program_of(step, torch.ones(3), (), torch.tensor([0, 1, 0]))))
    t1 = gather(params, 0, batch)
    --
    t2 = sub(params, t1)
    params <- t2
    """
    for i in range(len(program.calls), 0, -1):
        if not all(map(never_fails, methods(program.calls[i - 1]))):
            return program._replace(settled=i)
    return program._replace(settled=0)
