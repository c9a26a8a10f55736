"""Let what is never needed at the same time lie in the same memory."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from funcdl.staging.memory import BYTES, Buffer, placed
from funcdl.staging.program import Move, Program, reads, writes

__all__ = ["Span", "arranged", "share"]

ALIGNED = 64
"""What torch's own memory begins at a multiple of, in bytes: a line of the cache."""


class Span(NamedTuple):
    """So many bytes that are needed from one call to another, both included."""

    size: int
    first: float
    last: float


def share(program: Program) -> Program:
    """Lay all that a replay writes, but what is carried, in one memory, by the calls it lives for.

    What goes out lives on. What comes in is there before the first call and after the last, since a
    capture may make the calls again: an index that was written over would point anywhere. A column
    of ones was written once for all replays, so that what has one keeps a memory of its own.

    >>> import torch
    >>> from funcdl.staging.passes import lower
    >>> from funcdl.staging.translate import program_of
    >>> def step(params, state, batch):
    ...     return params, state, (((batch @ params) @ params) @ params).sum()
    >>> program = lower(program_of(step, torch.ones(16, 16), (), torch.ones(16, 16)))
    >>> print(program)
    t1.addmm_(batch, params, beta=0)
    t2.addmm_(t1, params, beta=0)
    t3.addmm_(t2, params, beta=0)
    t4 = sum(t3)
    gives t4
    >>> written = [call.outs[0].buffer for call in share(program).calls]
    >>> [buffer.start * 4 for buffer in written]  # in bytes
    [1024, 2048, 1024, 2048]
    """
    spans = _spans(program)
    moves: dict[Buffer, Move] = {}
    for device in {buffer.memory.device for buffer in spans}:
        own = [buffer for buffer in spans if buffer.memory.device == device]
        starts, size = arranged([spans[buffer] for buffer in own])
        memory = own[0].memory.new_empty(size, dtype=BYTES)
        for old, start in zip(own, starts):
            begin = start // old.memory.element_size()
            new = replace(old, memory=memory.view(old.memory.dtype), start=begin)
            moves[old] = Move(new, partial(placed, new, begin))
    return program.moved(moves)


def _spans(program: Program) -> dict[Buffer, Span]:
    """Say how long what may be moved is needed."""
    first = {slot.buffer: -1.0 for slot in program.batch}
    last = dict(first)
    for i, call in enumerate(program.calls):
        for buffer in reads(call) | writes(call):
            first.setdefault(buffer, i)
            last[buffer] = i
    kept = (*program.outputs(), *program.batch)
    last |= dict.fromkeys((slot.buffer for slot in kept), math.inf)
    free = program.variable() - {slot.buffer for slot in program.starts}
    return {
        buffer: Span(buffer.memory.nbytes, begin, last[buffer])
        for buffer, begin in first.items()
        if buffer in free and buffer.memory is not None and not (buffer.rows and buffer.rows.ones)
    }


def arranged(spans: Sequence[Span]) -> tuple[list[int], int]:
    """Say where each begins, and how many bytes that takes.

    The largest is placed first, each where it is first free of those that it meets in time: an old
    rule for the packing of intervals, and hardly ever far from the least that is possible.

    >>> arranged([Span(64, 0, 1), Span(64, 1, 2), Span(64, 2, 3)])
    ([0, 64, 0], 128)
    """
    starts = [0] * len(spans)
    laid: list[tuple[int, int, Span]] = []
    for i in sorted(range(len(spans)), key=lambda i: -spans[i].size):
        span, start = spans[i], 0
        size = -(-span.size // ALIGNED) * ALIGNED
        for begin, end, other in laid:
            if other.first <= span.last and span.first <= other.last:
                if start + size <= begin:
                    break
                start = max(start, end)
        starts[i] = start
        insort(laid, (start, start + size, span))
    return starts, max((end for _, end, _ in laid), default=0)
