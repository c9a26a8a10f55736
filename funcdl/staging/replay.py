"""A replay: the calls that one step is, for one kind of batch, and what they leave behind."""

from __future__ import annotations

from collections import deque
from functools import partial
from operator import call as make_call
from operator import length_hint
from typing import Any

from funcdl import tree
from funcdl.contract import Value
from funcdl.staging.carried import Carried
from funcdl.staging.literal import fill
from funcdl.staging.memory import BYTES, Buffer, Slot
from funcdl.staging.methods import is_method
from funcdl.staging.program import Program, writes
from funcdl.staging.recording import Recording
from funcdl.tensor import Generator, Tensor
from funcdl.watching.call import Call
from funcdl.watching.nested import rebuild, storage, tensors

__all__ = ["Replay", "bind", "literally"]


class Replay:
    """The calls of a step: in with the batch, call after call, out with what is not carried.

    The first calls, the `body`, may fail, or be interrupted: they write nothing that is carried.
    Those of the `tail` cannot fail, and run as one call of C, which no signal interrupts: so that
    what is carried is always that of a whole number of steps.

    Attributes:
        keeps: what has to live as long, though no call of it is made here.
    """

    def __init__(
        self,
        carried: Carried,
        batch: list[Tensor],
        body: list[Any],
        tail: list[Any],
        rest: Any,
    ) -> None:
        self.carried, self.batch, self.body, self.tail = carried, batch, body, tail
        self.rest = rest
        self.loss = rest[0] if len(rest) == 1 and isinstance(rest[0], Tensor) else None
        self.rng: Generator | None = None
        self.draws = False
        self.kinds: list[Any] | None = None
        self.keeps: Any = None

    def serve(self, batch: Value, rng: Generator | None, draws: bool) -> None:
        """Say for what kind of batch it is, and from which generator it draws."""
        self.rng, self.draws = rng, draws
        flat = type(batch) is tuple and all(type(x) is Tensor for x in batch)
        self.kinds = [(x.shape, x.dtype, x.device) for x in batch] if flat else None

    def takes(self, batch: Value) -> bool:
        """Tell, of a tuple of tensors, whether it is of the recorded kind; others are looked up."""
        kinds = self.kinds
        if kinds is None or type(batch) is not tuple or len(batch) != len(kinds):
            return False
        for x, kind in zip(batch, kinds):
            if type(x) is not Tensor or x.shape != kind[0] or x.dtype is not kind[1]:
                return False
            if x.device != kind[2]:
                return False
        return True

    def __call__(self, batch: Value) -> Any:
        """Take a step with a batch of the recorded kind."""
        before = self.rng.get_state() if self.draws and self.rng is not None else None
        tail = iter(self.tail)
        try:
            for buffer, x in zip(self.batch, batch if self.kinds is not None else tensors(batch)):
                buffer.copy_(x.detach() if x.requires_grad else x)
            for call in self.body:
                call()
            deque(map(make_call, tail), 0)
        except BaseException:
            if before is not None and self.rng is not None and length_hint(tail) == len(self.tail):
                self.rng.set_state(before)
            raise
        carried = self.carried
        if self.loss is not None:
            return carried.params, carried.state, self.loss.clone()
        return (carried.params, carried.state, *rebuild(self.rest, lambda t: t.clone()))

    def drawing(self, batch: Value, rng: Generator) -> Any:
        """Take a step that draws from another generator than the one that was there at first."""
        theirs = self.rng
        if theirs is None:
            return self(batch)
        before = theirs.get_state()
        theirs.set_state(rng.get_state())
        try:
            return self(batch)
        finally:
            rng.set_state(theirs.get_state())
            theirs.set_state(before)


def bind(program: Program, carried: Carried) -> Replay:
    """Make the calls of a planned program functions without arguments, on the tensors themselves.

    All memory that they write is filled with NaN first: nothing may be read that they do not write.
    """
    given = {slot.buffer for slot in (*program.starts, *program.batch)}
    written = set().union(*map(writes, program.calls)) - given
    bytes_of = {storage(b.memory): _bytes(b) for b in written if b.memory is not None}
    for memory in bytes_of.values():
        memory.fill_(-1)  # of a float's bits, NaN has only ones
    calls = [_bound(call) for call in program.calls]
    body, tail = calls[: program.settled], calls[program.settled :]
    batch = [slot.tensor() for slot in program.batch]
    return Replay(carried, batch, body, tail, rebuild(program.rest, Slot.tensor, Slot))


def _bytes(buffer: Buffer) -> Tensor:
    """View the memory of a buffer as bytes, but for its column of ones."""
    memory: Tensor = buffer.memory
    if buffer.rows and buffer.rows.ones:
        memory = memory.view(-1, buffer.rows.pitch).narrow(-1, 0, buffer.rows.width)
    return memory.view(BYTES)


def _bound(call: Call) -> Any:
    args, kwargs, outs = rebuild((call.args, call.kwargs, call.outs), Slot.tensor, Slot)
    if call.fresh:
        return lambda: fill(outs, call.func(*args, **kwargs))
    function = call.func
    if is_method(call):
        function, args = getattr(args[0], call.name), args[1:]
    return partial(function, *args, **kwargs) if args or kwargs else function


def literally(recording: Recording, carried: Carried) -> Replay:
    """Repeat a recording as it was made, between copies from the buffers and back."""
    old, new = (tree.leaves(value[:2]) for value in (recording.inputs, recording.outputs))
    buffers = tensors(carried.leaves)
    body: list[Any] = [partial(own.copy_, buffer) for own, buffer in zip(tensors(old), buffers)]
    body += [call for call, _ in recording.literal.calls]
    tail = [partial(buffer.copy_, end) for buffer, end in zip(buffers, tensors(new))]
    return Replay(carried, tensors(recording.inputs[2]), body, tail, recording.outputs[2:])
