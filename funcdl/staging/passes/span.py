"""Let an elementwise call go over the last columns too, where that does no harm."""

from __future__ import annotations

from dataclasses import replace

from funcdl.staging.memory import Slot, slots
from funcdl.staging.methods import ELEMENTWISE, is_method
from funcdl.staging.program import Program
from funcdl.staging.rows import wide
from funcdl.watching.call import Call

__all__ = ["span"]

# Elementwise methods with f(1) = 1: they may go over a column of ones.
KEEPS_ONE = {"relu_", "sign_", "abs_", "sqrt_", "square_", "reciprocal_", "rsqrt_"}


def span(program: Program) -> Program:
    """Go over rows with their last column: that is memory without gaps.

    >>> import torch
    >>> from funcdl.staging.passes import lower, reuse, widen
    >>> from funcdl.staging.translate import program_of
    >>> def step(params, state, batch):
    ...     w, b = params
    ...     return params, state, (batch * 2).relu() @ w + b
    >>> params = torch.ones(3, 2), torch.ones(2)
    >>> program = lower(widen(reuse(program_of(step, params, (), torch.ones(4, 3)))))
    >>> print(span(program))
    batch.mul_(2)
    [batch 1].relu_()
    t3.addmm_(batch, params[0], beta=0)
    t3.add_(params[1])
    gives t3
    """
    return program._replace(calls=tuple(map(_spanning, program.calls)))


def _spanning(call: Call) -> Call:
    if call.name.removesuffix("_") not in ELEMENTWISE or not is_method(call):
        return call
    target: Slot = call.args[0]
    rows = target.buffer.rows
    if rows is None or target.dtype != target.buffer.memory.dtype:
        return call
    if rows.ones and call.name not in KEEPS_ONE:
        return call
    for slot in slots(call.args):
        if slot.buffer.rows is None or slot.buffer.rows.width != rows.width or not wide(slot):
            return call
    args = tuple(wide(a) if isinstance(a, Slot) else a for a in call.args)
    return replace(call, args=args, outs=(args[0],))
