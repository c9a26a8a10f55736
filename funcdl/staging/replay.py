"""A replay: the calls that one step is, for one kind of batch, and what they leave behind."""

from __future__ import annotations

import math
from collections import deque
from functools import partial
from operator import call as make_call
from operator import length_hint
from typing import Any

from funcdl import tree
from funcdl.contract import Value
from funcdl.staging.carried import Carried, plain
from funcdl.staging.plan import Planner, same_view
from funcdl.staging.proof import Literal
from funcdl.staging.record import Call, rebuild, storage, tensors
from funcdl.tensor import Generator, Tensor
from funcdl.tree import nodes

__all__ = ["Recording", "Replay", "form", "literally", "planned"]


class Recording:
    """What a step did when it was recorded.

    Attributes:
        calls: all of its calls.
        inputs: (params, state, batch), on whose memory they were made.
        outputs: (params, state, …), likewise.
        literal: the calls as they were made; a plan changes them.
    """

    def __init__(self, calls: list[Call], inputs: Any, outputs: Any) -> None:
        self.calls, self.inputs, self.outputs = calls, inputs, outputs
        self.literal = Literal(calls, inputs, outputs)

    def carried(self) -> tuple[list[Any], list[Any]]:
        """List the leaves of params and state, as they come in and as they go out."""
        return tree.leaves(self.inputs[:2]), tree.leaves(self.outputs[:2])


class Replay:
    """The calls of a step: in with the batch, call after call, out with what is not carried.

    The first calls, the `body`, may fail, or be interrupted: they write nothing that is carried.
    Those of the `tail` cannot fail, and run as one call of C, which no signal interrupts: so that
    what is carried is always that of a whole number of steps.
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


def planned(recording: Recording, carried: Carried) -> Replay | None:
    """Plan a recording anew, in place over the buffers.

    None where it writes into its inputs, or reads memory as a conjugate.
    """
    calls = recording.calls
    old, new = recording.carried()
    batch = tensors(recording.inputs[2])
    starts = tensors(old)
    homes = {storage(t) for t in starts}
    everything = tensors([(call.args, call.kwargs, call.outs) for call in calls])
    if any(t.is_conj() or t.is_neg() for t in everything):
        return None  # a view of another place in memory would be of other numbers
    if any(not call.fresh and call.writes & homes for call in calls):
        return None
    planner = Planner([*starts, *batch])
    for leaf, buffer in zip(old, carried.leaves):
        if isinstance(leaf, Tensor):
            planner.move(leaf, buffer)
    for pack, places in carried.packs:
        planner.add_pack(pack, [old[i] for i in places])

    # What goes out must not lie where something else is carried.
    def out_of_the_way(t: Tensor, home: Any = None) -> Tensor:
        if storage(t) not in homes or (home is not None and same_view(t, home)):
            return t
        copy = t.clone()
        calls.append(Call("clone", type(t).clone, (t,), {}, [copy], True))
        return copy

    ends = [out_of_the_way(n, o) for o, n in zip(old, new) if isinstance(o, Tensor)]
    rest = rebuild(recording.outputs[2:], out_of_the_way)
    wanted = ends + tensors(rest)
    calls = planner.fuse(planner.prune(calls, wanted), carried.shapes)
    made = [out for call in calls if call.fresh for out in call.outs]
    settled = planner.settled(calls)
    planner.reuse(calls, wanted, list(zip(starts, ends)), settled)
    planner.widen(calls, [*starts, *wanted])
    body, tail = planner.write(calls, settled)
    # Nothing may be read that this plan does not write.
    for out in made:
        if out.is_floating_point():
            out.fill_(math.nan)
    tail += _homeward(tensors(carried.leaves), [planner.at(end) for end in ends])
    return Replay(carried, [planner.at(t) for t in batch], body, tail, rebuild(rest, planner.at))


def literally(recording: Recording, carried: Carried) -> Replay:
    """Repeat a recording as it was made, between copies from the buffers and back."""
    old, new = recording.carried()
    buffers = tensors(carried.leaves)
    body: list[Any] = [partial(own.copy_, buffer) for own, buffer in zip(tensors(old), buffers)]
    body += [call for call, _ in recording.literal.calls]
    tail = _homeward(buffers, tensors(new))
    return Replay(carried, tensors(recording.inputs[2]), body, tail, recording.outputs[2:])


def _homeward(buffers: list[Tensor], ends: list[Tensor]) -> list[Any]:
    """Copy what is carried into its buffers; first out of the way, where it lies in another one."""
    taken = {storage(buffer) for buffer in buffers}
    first, last = [], []
    for buffer, end in zip(buffers, ends):
        if same_view(end, buffer):
            continue
        if storage(end) in taken:
            aside = end.clone()
            first.append(partial(aside.copy_, end))
            end = aside
        last.append(partial(buffer.copy_, end))
    return first + last


def form(value: Value) -> Any:
    """Say what a replay depends on: containers, shapes, dtypes and devices, and other values.

    Raises:
        TypeError: an object is among them that is no such value.
    """
    if isinstance(value, Tensor):
        return value.shape, value.dtype, value.device
    if not tree.is_node(value):
        if not plain(value):
            raise TypeError("an object, which may change, or look the same as another")
        return type(value), repr(value)
    names = tuple(value) if isinstance(value, dict) else len(nodes.entries(value))
    return type(value), names, tuple(map(form, nodes.entries(value)))
