"""Of two names for the same numbers, take the one that has a method in place."""

from __future__ import annotations

from dataclasses import replace

from funcdl.ops.choose import BITS, ZERO
from funcdl.staging.memory import Slot
from funcdl.staging.program import Program
from funcdl.watching.call import Call
from funcdl.watching.nested import storage

__all__ = ["rename"]

IN_PLACE_NAMES = {"maximum": "clamp_min", "minimum": "clamp_max"}


def rename(program: Program) -> Program:
    """Name what chooses between numbers and 0 a choice, and the larger of two a clamp.

    >>> import torch
    >>> from funcdl.staging.translate import program_of
    >>> def step(params, state, batch):
    ...     return params.maximum(batch).where(batch > 0, 0.0), state
    >>> program = program_of(step, torch.ones(3), (), torch.ones(3))
    >>> print(program)
    t1 = maximum(params, batch)
    t2 = gt(batch, 0)
    t3 = where(t1, t2, 0.0)
    params <- t3
    >>> print(rename(program))
    t1 = clamp_min(params, batch)
    t2 = gt(batch, 0)
    t3 = choice(t1, t2, 0.0)
    params <- t3
    """
    return program._replace(calls=tuple(map(_renamed, program.calls)))


def _renamed(call: Call) -> Call:
    name = "choice" if _is_choice(call) else IN_PLACE_NAMES.get(call.name, call.name)
    return call if name == call.name else replace(call, name=name)


def _is_choice(call: Call) -> bool:
    """Tell whether a call gives its first argument where a mask is set, and 0 elsewhere."""
    if call.name != "where" or len(call.args) != 3 or not call.fresh:
        return False
    first, _, other = call.args
    zero = isinstance(other, (int, float)) and other == 0
    if isinstance(other, Slot):
        zero = storage(other.buffer.memory) == storage(ZERO)
    (out,) = call.outs
    alike = isinstance(first, Slot) and (first.shape, first.dtype) == (out.shape, out.dtype)
    return zero and alike and out.dtype.itemsize in BITS
