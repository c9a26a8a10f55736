"""Give what is multiplied by a weight and then gets a bias a column of ones."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

from funcdl.staging.memory import Buffer, Slot, slots
from funcdl.staging.methods import ELEMENTWISE
from funcdl.staging.program import Move, Program
from funcdl.staging.rows import fits, in_rows, stacked, widened

__all__ = ["widen"]


def widen(program: Program) -> Program:
    """Lay what meets a weight and its bias out in rows with a column of ones behind them.

    What meets such a matrix in an elementwise call gets a column too, which nobody reads, so that
    the call goes over memory without gaps (see `span`). The calls stay as they are: `fold` uses the
    ones.

    >>> import torch
    >>> from funcdl.staging.passes.reuse import reuse
    >>> from funcdl.staging.translate import program_of
    >>> def step(params, state, batch):
    ...     w, b = params
    ...     return params, state, batch @ w + b
    >>> params = torch.ones(3, 2), torch.ones(2)
    >>> program = widen(reuse(program_of(step, params, (), torch.ones(4, 3))))
    >>> print(program)
    t1 = matmul(batch, params[0])
    t1.add_(params[1])
    gives t1
    >>> x = program.batch[0]
    >>> x.shape, x.stride, x.buffer.memory.tolist()[:8]
    ((4, 3), (4, 1), [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    """
    views: dict[Buffer, list[Slot]] = {}
    for slot in slots([(call.args, call.kwargs, call.outs) for call in program.calls]):
        views.setdefault(slot.buffer, []).append(slot)
    variable = program.variable()
    # What goes out, or is carried on, has a place of its own.
    taken = {slot.buffer for slot in (*program.starts, *program.outputs())}
    moves: dict[Buffer, Move] = {}

    def give(x: Slot, ones: bool) -> None:
        old, width = x.buffer, x.shape[-1]
        if old in taken or old in moves or old not in variable or width < 2:
            return
        if not old.parts and old.size % width == 0 and all(fits(v, width) for v in views[old]):
            new = widened(old, width, ones)
            moves[old] = Move(new, partial(in_rows, new))

    for product, bias in pairwise(program.calls):
        if product.name in ("matmul", "mm") and bias.name == "add_" and len(bias.args) == 2:
            x, w = product.args
            b = bias.args[1]
            if x.ndim == 2 and isinstance(b, Slot) and b.ndim == 1 and stacked(w, b):
                give(x, True)
    for call in program.calls:
        if not call.fresh and call.name.removesuffix("_") in ELEMENTWISE:
            operands = [slot for slot in slots(call.args) if slot.ndim > 1]
            if any(slot.buffer in moves for slot in operands[1:]):
                give(operands[0], False)
    return program.moved(moves)
