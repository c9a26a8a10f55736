"""Let a result take the place of an operand that is not read again."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

from funcdl.staging.memory import Buffer, Slot, slots
from funcdl.staging.methods import ELEMENTWISE
from funcdl.staging.program import Move, Program, moved, reads, writes
from funcdl.watching.call import Call

__all__ = ["reuse"]

# What may put its result in the place of an operand.
REUSING = ELEMENTWISE | {"clone", "choice"}
COMMUTATIVE = {"add", "mul"}


def reuse(program: Program) -> Program:
    """Write results where operands were, and what is carried on where it came in.

    No output but its own settles where something is carried, and nothing at all by a call that may
    not (see `settle`).

    >>> import torch
    >>> from funcdl.staging.translate import program_of
    >>> def step(params, state, batch):
    ...     return params - 0.1 * (params * batch).tanh(), state
    >>> program = program_of(step, torch.ones(3), (), torch.ones(3))
    >>> print(program)
    t1 = mul(params, batch)
    t2 = tanh(t1)
    t3 = mul(t2, 0.1)
    t4 = sub(params, t3)
    params <- t4
    >>> print(reuse(program))
    batch.mul_(params)
    batch.tanh_()
    batch.mul_(0.1)
    params.sub_(batch)
    """
    last: dict[Buffer, float] = {}
    for i, call in enumerate(program.calls):
        last |= dict.fromkeys(reads(call) | writes(call), i)
    last |= dict.fromkeys((slot.buffer for slot in program.outputs()), math.inf)
    own: dict[Buffer, set[Buffer]] = {}
    for start, end in zip(program.starts, program.ends):
        own.setdefault(start.buffer, set()).add(end.buffer)
    variable = program.variable()

    moves: dict[Buffer, Move] = {}
    calls: list[Call] = []
    for i, recorded in enumerate(program.calls):
        call = moved(recorded, moves)
        for k in _operands(call):
            a, out = call.args[k], call.outs[0]
            ends = last[out.buffer]
            free = a.buffer in variable and last[a.buffer] <= i
            if a.buffer in own:
                free = free and i >= program.settled
                free = free and (ends < math.inf or out.buffer in own[a.buffer])
            if free and _alike(a, out) and not _overlaps(call, a):
                moves[out.buffer] = Move(a.buffer, partial(_instead, out, a))
                last[a.buffer] = ends
                rest = (*call.args[:k], *call.args[k + 1 :])
                call = replace(call, name=call.name + "_", args=(a, *rest), outs=(a,), fresh=False)
                break
        calls.append(call)
    # The calls have been moved one by one.
    return program._replace(calls=()).moved(moves)._replace(calls=tuple(calls))


def _operands(call: Call) -> list[int]:
    """List which arguments a call's result may take the place of."""
    if not call.fresh or len(call.outs) != 1 or call.name not in REUSING:
        return []
    if not call.outs[0].fills():  # it is a part of a pack
        return []
    many = 2 if call.name in COMMUTATIVE and not call.kwargs else 1
    return [k for k, a in enumerate(call.args[:many]) if isinstance(a, Slot)]


def _alike(a: Slot, out: Slot) -> bool:
    """Tell whether two slots are of one shape and dtype, and lie alike, without gaps."""
    if a.shape != out.shape or a.dtype != out.dtype or not (a.is_dense() and out.is_dense()):
        return False
    return all(n == 1 or p == q for n, p, q in zip(a.shape, a.stride, out.stride))


def _overlaps(call: Call, a: Slot) -> bool:
    """Tell whether another operand shares memory with `a` without being the same view."""
    others = slots((call.args, call.kwargs))
    return any(b.buffer is a.buffer and b != a for b in others)


def _instead(out: Slot, a: Slot, slot: Slot) -> Slot:
    """Give the place of a view of `out` when that is where `a` is."""
    shift = (a.offset - out.offset) * out.dtype.itemsize // slot.dtype.itemsize
    return replace(slot, buffer=a.buffer, offset=slot.offset + shift)
