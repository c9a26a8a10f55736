"""A program: a step's calls on slots of memory, which every pass of the planner takes and gives.

Nothing in a program changes: a pass makes another one. The memory is there from the start, and
nothing is computed in it before the program is bound (see `funcdl.staging.replay`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from funcdl.staging.memory import Buffer, Slot, slots
from funcdl.staging.show import show
from funcdl.watching.call import Call
from funcdl.watching.kinds import CREATES
from funcdl.watching.nested import rebuild

__all__ = ["Move", "Program", "moved", "reads", "writes"]


class Move(NamedTuple):
    """Where the numbers of a buffer go: into another one, in which each slot has its place."""

    buffer: Buffer
    place: Callable[[Slot], Slot]


class Program(NamedTuple):
    """A step: its calls, what comes in, and what goes out.

    Attributes:
        calls: one after the other.
        starts: what is carried on, params and state, as it comes in.
        ends: the same as it goes out; each will take the place of its start.
        batch: the rest of what comes in.
        rest: the rest of what goes out, in its containers.
        packs: buffers whose parts are starts; the parameters' comes first.
        settled: how many of the first calls may not write where something is carried.
    """

    calls: tuple[Call, ...]
    starts: tuple[Slot, ...]
    ends: tuple[Slot, ...]
    batch: tuple[Slot, ...]
    rest: Any = ()
    packs: tuple[Buffer, ...] = ()
    settled: int = 0

    def outputs(self) -> list[Slot]:
        """List what goes out."""
        return [*self.ends, *slots(self.rest)]

    def variable(self) -> set[Buffer]:
        """Name what a replay writes: what comes in, and what is written. The rest is constant."""
        found = {slot.buffer for slot in (*self.starts, *self.batch)}
        return found.union(*map(writes, self.calls))

    def moved(self, moves: Mapping[Buffer, Move]) -> Program:
        """Let each slot of a buffer that moves be where its numbers go."""
        calls = tuple(moved(call, moves) for call in self.calls)
        starts, ends, batch, rest = _moved((self.starts, self.ends, self.batch, self.rest), moves)
        return self._replace(calls=calls, starts=starts, ends=ends, batch=batch, rest=rest)

    def __str__(self) -> str:
        return show(self)


def moved(call: Call, moves: Mapping[Buffer, Move]) -> Call:
    """Make a call where the numbers of its slots go."""

    def places(buffers: frozenset[Any]) -> frozenset[Any]:
        return frozenset(moves[b].buffer if b in moves else b for b in buffers)

    args, kwargs, outs = _moved((call.args, call.kwargs, call.outs), moves)
    holds, keeps = places(call.holds), places(call.keeps)
    return replace(call, args=args, kwargs=kwargs, outs=outs, holds=holds, keeps=keeps)


def _moved(value: Any, moves: Mapping[Buffer, Move]) -> Any:
    def place(slot: Slot) -> Slot:
        return moves[slot.buffer].place(slot) if slot.buffer in moves else slot

    return rebuild(value, place, Slot)


def reads(call: Call) -> set[Buffer]:
    """Name what a call reads; of what it only takes the shape of, nothing."""
    args = call.args[1:] if call.name in CREATES else call.args
    return {slot.buffer for slot in slots((args, call.kwargs))} | call.holds


def writes(call: Call) -> set[Buffer]:
    """Name what a call writes."""
    return {slot.buffer for slot in call.outs} | call.keeps
