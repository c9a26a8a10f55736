"""Staging a training step: record it once for each shape of its batch, then replay it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from funcdl import tree
from funcdl.contract import Params, Value
from funcdl.errors import KindError, UsageError
from funcdl.staging.plan import Pack, Planner, same_view
from funcdl.staging.record import (
    Call,
    OpaqueLayerError,
    Recorder,
    UnrecordedError,
    rebuild,
    storage,
    tensors,
    unwrap,
)
from funcdl.tensor import Generator, Tensor
from funcdl.tree import nodes

__all__ = ["stage"]

Step = Callable[..., Any]
MOST_PLANS = 16


def stage(step: Step) -> Step:
    """Turn a pure training step into a flat list of calls in place, over buffers made once.

    The step is run once on tensors that record what is called on them. The recording is planned
    anew (see `funcdl.staging.plan`) and from then on replayed: no Python of the layers runs, no
    memory is allocated, nothing is computed that nobody reads. The pure step stays the definition:
    the first replay is compared with it, and later ones give its numbers but for rounding.

    Args:
        step: `step(params, state, batch, rng=None) -> (params, state, *rest)` as `training_step`
            makes it: a pure function whose calls depend on shapes and dtypes alone. A layer in it
            that looks at numbers (as by `float(x)`), uses autograd or writes into memory of its
            own is not recorded, but called as it is in each replay.

    Returns:
        A function with the arguments and results of `step`. The params and state that it returns
        are its own buffers, which its next call overwrites (clone what is to be kept; the rest,
        such as the loss, is the caller's). Those handed to it are copied in, unless they are what
        it returned last, and never written to. A batch of another shape or dtype is recorded
        anew; of the last 16 kinds, each is recorded once. In `torch.inference_mode()` PyTorch
        makes each call shorter; a step that was staged there has to be used there.

    Raises:
        KindError: `step` is no function, it does not return params and state as it takes them, or
            it looks at numbers outside of any layer.
        UsageError: the replay's numbers are not the step's: it is not pure.

    >>> import torch
    >>> from funcdl import linear, mse, sgd, supervised, training_step
    >>> objective, optimiser = supervised(linear(1), mse()), sgd(0.1)
    >>> params, _ = objective.init(torch.Generator().manual_seed(0), ((1,), (1,)))
    >>> state, step = optimiser.init(params), stage(training_step(objective, optimiser))
    >>> for _ in range(50):
    ...     params, state, loss = step(params, state, (torch.ones(4, 1), torch.zeros(4, 1)))
    >>> round(float(loss), 4)
    0.0
    """
    if not callable(step):
        raise KindError(f"stage: expected a training step, got {type(step).__name__}")
    return Staged(step)


class Staged:
    """A step with its buffers: of what is carried on, and of a replay for each shape of batch."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.carried = Carried(())
        self.replays: dict[Any, Replay] = {}
        self.last: Replay | None = None

    def __call__(
        self, params: Params, state: Any, batch: Value, rng: Generator | None = None
    ) -> Any:
        """Take one step."""
        carried, replay = self.carried, self.last
        if params is not carried.params or state is not carried.state:
            carried = self._take(params, state)
            replay = self.last
        xs = _flatten(batch)
        if replay is None or rng is not replay.rng or not replay.takes(xs):
            key = (rng, *map(_kind, xs))
            if key not in self.replays:
                return self._first(key, batch, rng)
            replay = self.last = self.replays[key]
        try:
            return replay(xs)
        except Exception:
            # The step itself says in its own words what is wrong with its input.
            self.step(*carried.copies(), batch, *_given(rng))
            raise

    def _take(self, params: Params, state: Any) -> Carried:
        """Copy parameters and state that came from elsewhere into the buffers."""
        if not self.carried.fits((params, state)):
            self.carried, self.replays, self.last = Carried((params, state)), {}, None
        self.carried.fill((params, state))
        return self.carried

    def _first(self, key: Any, batch: Value, rng: Generator | None) -> Any:
        """Take the first step with a shape of batch: record it, replay it and compare."""
        before: Any = None if rng is None else rng.get_state()
        inputs = (*self.carried.copies(), rebuild(batch, _copy))
        expected = self.step(*inputs, *_given(rng))
        replay = Replay(self.step, self.carried, inputs, rng, before)
        if rng is not None:
            rng.set_state(before)
        result = replay(_flatten(batch))
        _compare(result, expected, inputs)
        if len(self.replays) == MOST_PLANS:
            del self.replays[next(iter(self.replays))]
        self.replays[key] = self.last = replay
        return result


class Carried:
    """Buffers of the parameters and the optimiser's state.

    Leaves of one dtype that have the parameters' shapes, the parameters themselves and what the
    optimiser keeps of each, are packs.
    """

    def __init__(self, like: Any) -> None:
        leaves, self.structure = tree.flatten(like)
        count = len(tree.leaves(like[0])) if like else 0
        self.shapes = [leaf.shape for leaf in tensors(leaves[:count])]
        self.packs: list[tuple[Pack, int]] = []
        self.leaves: list[Any] = [rebuild(leaf, _copy) for leaf in leaves]
        start = 0
        while start < len(leaves):
            run = leaves[start : start + count]
            if self.shapes and self._is_pack(run):
                pack = Pack(run)
                self.leaves[start : start + count] = pack.parts
                self.packs.append((pack, start))
                start += count
            else:
                start += 1
        self.params: Params = None
        self.state: Any = None
        if like:
            self.params, self.state = tree.unflatten(self.structure, self.leaves)

    def _is_pack(self, run: list[Any]) -> bool:
        if not all(isinstance(leaf, Tensor) for leaf in run):
            return False
        kinds = {(leaf.dtype, leaf.device) for leaf in run}
        return len(kinds) == 1 and [leaf.shape for leaf in run] == self.shapes

    def fits(self, value: Any) -> bool:
        """Tell whether a value has the structure, shapes and dtypes of the buffers."""
        leaves, structure = tree.flatten(value)
        return structure == self.structure and all(map(_alike, leaves, self.leaves))

    def fill(self, value: Any) -> None:
        """Copy a value into the buffers."""
        for buffer, leaf in zip(self.leaves, [rebuild(t, _copy) for t in tree.leaves(value)]):
            if isinstance(buffer, Tensor):
                buffer.copy_(leaf)

    def copies(self) -> Any:
        """Copy parameters and state out of the buffers."""
        return rebuild((self.params, self.state), _copy)


class Replay:
    """The calls that one step is, for one shape of batch."""

    def __init__(
        self, step: Step, carried: Carried, inputs: Any, rng: Generator | None, before: Any
    ) -> None:
        """Record the step and plan its replay; `before` is the generator's state to begin with."""
        self.carried, self.rng = carried, rng
        self.kinds = [_kind(x) for x in _flatten(inputs[2])]
        outputs, calls, old = _record(step, inputs, rng, before)
        if not isinstance(outputs, tuple) or len(outputs) < 2:
            raise KindError(
                "stage: expected a step that returns (params, state, …), "
                f"got {type(outputs).__name__}"
            )
        leaves, structure = tree.flatten(outputs[:2])
        if structure != carried.structure or not all(map(_alike, leaves, carried.leaves)):
            raise KindError(
                "stage: expected a step that returns params and state of the structure, shapes and "
                "dtypes that it takes, all tensors but what never changes"
            )
        self.params, self.state = carried.params, carried.state
        self.batch = tensors(old[2])
        self._plan(calls, tree.leaves(old[:2]), leaves, outputs[2:])

    def _plan(self, calls: list[Call], old: list[Any], new: list[Any], rest: Any) -> None:
        planner = Planner(tensors((old, self.batch)))
        inside = [isinstance(leaf, Tensor) for leaf in old]
        for leaf, buffer, is_tensor in zip(old, self.carried.leaves, inside):
            if is_tensor:
                planner.move(leaf, buffer)
        for pack, start in self.carried.packs:
            planner.add_pack(pack, old[start : start + len(pack.parts)])
        # What goes out must not lie where something else is carried.
        homes = {storage(leaf) for leaf in tensors(old)}

        def out_of_the_way(t: Tensor, home: Any = None) -> Tensor:
            if storage(t) not in homes or (home is not None and same_view(t, home)):
                return t
            copy = t.clone()
            calls.append(Call("clone", type(t).clone, (t,), {}, [copy], True))
            return copy

        ends = [out_of_the_way(n, o) for o, n, is_tensor in zip(old, new, inside) if is_tensor]
        rest = rebuild(rest, out_of_the_way)
        starts = tensors(old)
        wanted = ends + tensors(rest)
        calls = planner.prune(calls, wanted)
        calls = planner.fuse(calls, self.carried.shapes)
        planner.reuse(calls, wanted, list(zip(starts, ends)))
        planner.widen(calls, [*starts, *wanted])
        self.batch = [planner.at(t) for t in self.batch]
        self.calls = planner.write(calls)
        for buffer, end in zip(tensors(self.carried.leaves), ends):
            if not same_view(planner.at(end), buffer):
                self.calls.append(partial(buffer.copy_, planner.at(end)))
        self.rest = rebuild(rest, planner.at)
        self.loss = self.rest[0] if len(rest) == 1 and isinstance(rest[0], Tensor) else None

    def takes(self, xs: list[Any]) -> bool:
        """Tell whether a batch has the shapes and dtypes of the recorded one."""
        if len(xs) != len(self.kinds):
            return False
        for x, kind in zip(xs, self.kinds):
            if type(x) is Tensor:
                if x.shape != kind[0] or x.dtype is not kind[1]:
                    return False
            elif _kind(x) != kind:
                return False
        return True

    def __call__(self, xs: list[Any]) -> Any:
        """Take a step: in with the batch, then call after call, out with what is not carried."""
        if len(xs) != len(self.batch):
            xs = tensors(xs)
        for buffer, x in zip(self.batch, xs):
            buffer.copy_(x)
        for call in self.calls:
            call()
        if self.loss is not None:
            return self.params, self.state, self.loss.clone()
        return (self.params, self.state, *rebuild(self.rest, _copy))


def _record(step: Step, inputs: Any, rng: Generator | None, before: Any) -> Any:
    """Run the step on recorded copies of its inputs; again, while layers turn out to be opaque."""
    opaque: set[Any] = set()
    while True:
        if rng is not None:
            rng.set_state(before)
        recorder = Recorder(opaque)
        old = rebuild(inputs, _copy)
        try:
            outputs = step(*recorder.wrap(old), *_given(rng))
        except OpaqueLayerError as error:
            opaque.add(error.layer)
        except UnrecordedError as error:
            raise KindError(
                f"stage: expected a step whose calls depend on shapes alone, got one that {error}, "
                "outside of any layer"
            ) from None
        else:
            return unwrap(outputs), recorder.calls, old


def _given(rng: Generator | None) -> tuple[Generator, ...]:
    return () if rng is None else (rng,)


def _flatten(batch: Value) -> list[Any]:
    """List the leaves of a batch, which mostly is a pair: each step begins with it."""
    if not tree.is_node(batch):
        return [batch]
    found: list[Any] = []
    for entry in nodes.entries(batch):
        if type(entry) is Tensor:
            found.append(entry)
        else:
            found += _flatten(entry)
    return found


def _kind(x: Any) -> Any:
    """Say what a replay depends on: a tensor's shape and dtype, anything else itself."""
    return (x.shape, x.dtype) if isinstance(x, Tensor) else (x,)


def _copy(t: Tensor) -> Tensor:
    return t.detach().clone()


def _alike(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return a.shape == b.shape and a.dtype == b.dtype and a.device == b.device
    return type(a) is type(b) and bool(a == b)


def _compare(result: Any, expected: Any, inputs: Any) -> None:
    """Raise a UsageError where a replay's numbers are not those of the step, but for rounding."""
    before = tensors(inputs[:2])
    for i, (a, b) in enumerate(zip(tensors(result), tensors(expected))):
        a, b = a.double(), b.double()
        away, size = a.sub(b).norm(), b.norm()
        if i < len(before):
            # An optimiser that divides by a gradient's size makes much of its rounding.
            room = 0.1 * b.sub(before[i].double()).norm() + 1e-4 * size
        else:
            room = 1e-3 * size + 1e-6
        if not away > room:
            continue
        raise UsageError(
            "stage: expected a pure step, whose numbers come from its arguments alone, got other "
            "numbers from its replay than from the step itself: does it draw from a generator "
            "that was not handed in?"
        )
