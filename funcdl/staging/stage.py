"""Staging a training step: record it once for each shape of its batch, then replay it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from funcdl import tree
from funcdl.contract import Layer, Params, Value
from funcdl.errors import FuncdlError, KindError, UsageError, exhausted
from funcdl.misuse import factory, kind_of
from funcdl.staging.carried import Carried, alike, copied, plain
from funcdl.staging.proof import Literal, agree
from funcdl.staging.record import (
    CapturedError,
    OpaqueLayerError,
    Recorder,
    UnrecordedError,
    rebuild,
    tensors,
    unwrap,
)
from funcdl.staging.replay import Recording, Replay, form, literally, planned
from funcdl.staging.steps import OtherShapesError
from funcdl.tensor import Generator, Tensor

__all__ = ["stage"]

Step = Callable[..., Any]
MOST_PLANS = 16


def stage(step: Step) -> Step:
    """Turn a pure training step into a flat list of calls in place, over buffers made once.

    The step is run once on tensors that record what is called on them. The recording is planned
    anew (see `funcdl.staging.plan`) and from then on replayed: no Python of the layers runs, no
    memory is allocated, nothing is computed that nobody reads. The pure step stays the definition.
    It is recorded on other numbers than those of the first call, and has to give the numbers of
    that call, to the last bit; the plan has to give them but for what rounding does to them. What
    is not seen by a recording, or cannot be repeated, is called as it is: a layer of a user's own
    that looks at numbers (as by `float(x)`), uses autograd, draws from `rng` by a call on no tensor
    or writes into memory of its own, or the whole step.

    Args:
        step: `step(params, state, batch, rng=None) -> (params, state, *rest)` as `training_step`
            makes it: a pure function.

    Returns:
        A function with the arguments and results of `step`. The params and state that it returns
        are its own buffers, which its next call with them overwrites (clone what is to be kept; the
        rest, such as the loss, is the caller's). Those from elsewhere are copied in and never
        written to; those that it returned before then keep their numbers. A batch of another kind
        (containers, shapes, dtypes, devices, and what is no tensor) is recorded anew; of the last
        16 kinds, each is recorded once. After an error, or an interrupt, params and state are those
        of a whole number of steps. In `torch.inference_mode()` PyTorch makes each call shorter; a
        step that was staged there has to be used there.

    Raises:
        KindError: `step` is no function, it does not return params and state as it takes them, or
            it looks at numbers outside of any layer.
        UsageError: called again with the same arguments, the step gives other numbers: it is not
            pure.

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
    if isinstance(step, Layer):
        raise KindError(
            f"stage: expected a training step, got the layer {step.name}: write "
            "stage(training_step(supervised(net, loss), optimiser))"
        )
    if not callable(step) or factory(step):
        raise KindError(f"stage: expected a training step, got {kind_of(step)}")
    return Staged(step)


class Staged:
    """A step with its buffers: of what is carried on, and of a replay for each kind of batch.

    Attributes:
        replays: by the generator's device and the kind of batch; None where the step is called as
            it is.
    """

    def __init__(self, step: Step) -> None:
        self.step = step
        self.carried = Carried(())
        self.replays: dict[Any, Replay | None] = {}
        self.last: Replay | None = None

    def __reduce__(self) -> Any:
        """Copy and pickle the step; its buffers are made anew."""
        return Staged, (self.step,)

    def __call__(
        self, params: Params, state: Any, batch: Value, rng: Generator | None = None
    ) -> Any:
        """Take one step."""
        carried, replay = self.carried, self.last
        ours = params is carried.params and state is carried.state
        if ours and carried.mutable:
            ours = not carried.edited()
        if not ours and not carried.fits((params, state)):
            carried = self.carried = Carried((params, state))
            self.replays, replay = {}, None
        if not carried.plain:
            return self.step(params, state, batch, *_given(rng))
        if not ours:
            params, state = carried.adapted((params, state))
        if replay is None or rng is not replay.rng or not replay.takes(batch):
            try:
                found = self._find(params, state, batch, rng)
            except (RuntimeError, MemoryError) as error:
                problem = exhausted("stage", error)
                if problem is None or isinstance(error, FuncdlError):
                    raise
                raise problem from error
            if not isinstance(found, Replay):
                return found
            replay = self.last = found
        if not ours:
            carried.take((params, state))
        try:
            return replay(batch) if rng in (None, replay.rng) else _drawing(replay, batch, rng)
        except OtherShapesError:
            # A layer's numbers decide how many there are, and now there are others.
            return self.step(*carried.copies(), batch, *_given(rng))
        except Exception:
            # The step itself says in its own words what is wrong with its input.
            self.step(*carried.copies(), batch, *_given(rng))
            raise

    def _find(self, params: Params, state: Any, batch: Value, rng: Generator | None) -> Any:
        """Give the replay for a kind of batch; without one, the step's results themselves."""
        try:
            key = None if rng is None else rng.device, form(batch)
        except (TypeError, AttributeError):  # an object, or no generator: the step has its words
            return self.step(params, state, batch, *_given(rng))
        if key not in self.replays:
            return self._first(key, params, state, batch, rng)
        return self.replays[key] or self.step(params, state, batch, *_given(rng))

    def _first(
        self, key: Any, params: Params, state: Any, batch: Value, rng: Generator | None
    ) -> Any:
        """Take the first step with a kind of batch: record it, plan it, and prove the plan."""
        inputs = (*rebuild((params, state), copied), rebuild(batch, _like))
        start = _state(rng)
        try:
            outputs = self.step(*rebuild(inputs, _like), *_given(rng))
        except Exception:
            raise
        except BaseException:  # an interrupt: no step was taken
            _set(rng, start)
            raise
        _expect(outputs, self.carried)
        end = _state(rng)
        real = Trial(inputs, start, rebuild(outputs, _like), end)
        if self.carried.params is not params or self.carried.state is not state:
            self.carried.take((params, state))
        try:
            found = None
            if self._stands_alone(params, state, batch, real, rng):
                found = self._recorded(real, rng)
            replay = None if found is None else self._proven(found[0], (found[1], real), rng)
        except BaseException:
            self.carried.fill(inputs[:2])
            _set(rng, start)
            raise
        if len(self.replays) == MOST_PLANS:
            del self.replays[next(iter(self.replays))]
        self.replays[key] = replay
        if replay is None:
            _set(rng, start)
            return self.step(params, state, batch, *_given(rng))
        self.last = replay
        replay.serve(batch, rng, bool(replay.body) or (rng is not None and not start.equal(end)))
        return (self.carried.params, self.carried.state, *real.outputs[2:])

    def _stands_alone(
        self, params: Params, state: Any, batch: Value, real: Trial, rng: Generator | None
    ) -> bool:
        """Tell whether a step's results are values, and come from the numbers alone.

        Where parameters ask for a gradient, a step may look at that too.
        """
        rest = tree.leaves(real.outputs[2:])
        if not all(isinstance(leaf, Tensor) or plain(leaf) for leaf in rest):
            return False
        if not any(t.requires_grad for t in tensors((params, state))):
            return True
        _set(rng, real.start)
        own = tensors(self.step(params, state, batch, *_given(rng)))
        return agree(own, tensors(real.outputs), units=64)

    def _recorded(self, real: Trial, rng: Generator | None) -> tuple[Recording, Trial] | None:
        """Record the step on other numbers, so that what the recording leaves out is seen.

        That shows on the real numbers: layers of a user's own are then called as they are, and
        where that does not help, the whole step is.
        """
        pure = False
        for others in (real.changed(1), real.changed(0), real.next()):
            for users in (False, True):
                try:
                    recording = _record(self.step, others, rng, real.end, users)
                except CapturedError:
                    return None
                except KindError:
                    raise
                except Exception:
                    break  # numbers that the step refuses: by less changed ones, then
                own = Trial(others, real.end, rebuild(recording.outputs, _like), _state(rng))
                if _repeats(recording, real, rng, exactly=not pure):
                    return recording, own
                if not pure:
                    self._expect_pure(real, rng)
                    pure = True
                    if _repeats(recording, real, rng, exactly=False):
                        return recording, own
            else:
                return None
        return None

    def _expect_pure(self, real: Trial, rng: Generator | None) -> None:
        """Refuse a step that gives other numbers when it is called again."""
        _set(rng, real.start)
        again = tensors(self.step(*rebuild(real.inputs, _like), *_given(rng)))
        if not agree(again, tensors(real.outputs), units=4):
            raise UsageError(
                "stage: expected a pure step, whose numbers come from its arguments alone, got "
                "other numbers when it was called again: does it draw from a generator that was "
                "not handed in?"
            )

    def _proven(
        self, recording: Recording, trials: tuple[Trial, ...], rng: Generator | None
    ) -> Replay:
        """Plan a recording, and take its own step and the real one to see that it is right."""
        literal, carried = recording.literal, self.carried
        try:
            replay = planned(recording, carried)
            proven = replay is not None and all(
                _agrees(replay, literal, trial, carried, rng) for trial in trials
            )
        except Exception:  # a call that has no such form in place
            proven = False
        if not proven or replay is None:
            replay = literally(recording, carried)
            _take(replay, trials[-1], carried, rng)
        return replay


class Trial(NamedTuple):
    """Inputs of a step, the generator's state before it, its outputs, and the state after it."""

    inputs: Any
    start: Any
    outputs: Any
    end: Any

    def next(self) -> Any:
        """Give the inputs of the step behind this one, with the same batch."""
        return (*self.outputs[:2], self.inputs[2])

    def changed(self, more: int) -> Any:
        """Give such inputs with other numbers throughout, which a step takes as well.

        Whole numbers that are all the same get `more`, which may be too much for a class.
        """
        params, state, batch = self.next()
        batch = rebuild(batch, lambda t: _turned(t, more))
        return rebuild(params, _moved), rebuild(state, _moved), batch


def _moved(t: Tensor) -> Tensor:
    """Give other numbers of the same signs and about the same size, none of them 0."""
    if not t.is_floating_point():
        return t
    small = _like(t).mul_(0.97).nan_to_num_(0.5, 0.5, -0.5)
    return small.masked_fill_(small.eq(0), 0.03)


def _turned(t: Tensor, more: int) -> Tensor:
    """Turn the examples around: what is a class, or a share, stays one."""
    turned = _like(t).copy_(t.roll(1, 0)) if t.ndim else t
    if t.is_floating_point() or t.is_complex() or not t.numel():
        return _moved(turned)
    if str(t.dtype) == "torch.bool":
        return turned.logical_xor(turned.new_ones(()))
    least, most = t.min(), t.max()
    # The largest for the smallest, and so on.
    return turned.neg().add_(least).add_(most).add_(more if bool(least == most) else 0)


def _drawing(replay: Replay, batch: Value, rng: Generator) -> Any:
    """Take a step that draws from another generator than the one that was there at first."""
    theirs = replay.rng
    if theirs is None:
        return replay(batch)
    before = theirs.get_state()
    theirs.set_state(rng.get_state())
    try:
        return replay(batch)
    finally:
        rng.set_state(theirs.get_state())
        theirs.set_state(before)


def _record(step: Step, inputs: Any, rng: Generator | None, start: Any, users: bool) -> Recording:
    """Run the step on recorded copies of its inputs; again, while layers turn out to be opaque."""
    opaque: set[Any] = set()
    while True:
        _set(rng, start)
        recorder = Recorder(opaque, users)
        old = rebuild(inputs, _like)
        try:
            outputs = unwrap(step(*recorder.wrap(old), *_given(rng)))
        except OpaqueLayerError as error:
            opaque |= {error.layer, error.place}
        except UnrecordedError as error:
            raise KindError(
                f"stage: expected a step whose calls depend on shapes alone, got one that {error}, "
                "outside of any layer"
            ) from None
        else:
            return Recording(recorder.calls, old, outputs)


def _repeats(recording: Recording, real: Trial, rng: Generator | None, *, exactly: bool) -> bool:
    """Tell whether a recording gives the step's own numbers where it was not recorded.

    The calls are the same, and so are the numbers, to the last bit; but where a sum of many
    threads comes in any order, and then they are within what rounding does.
    """
    _set(rng, real.start)
    try:
        numbers = recording.literal(real.inputs)
    except Exception:
        return False
    if rng is not None and not rng.get_state().equal(real.end):
        return False

    def spread() -> list[float]:
        return recording.literal.spread(real.inputs, numbers, lambda: _set(rng, real.start))

    return agree(numbers, tensors(real.outputs), None if exactly else spread)


def _agrees(
    replay: Replay, literal: Literal, trial: Trial, carried: Carried, rng: Generator | None
) -> bool:
    """Tell whether a replay gives the numbers of a step, but for rounding."""
    found, numbers = _take(replay, trial, carried, rng), tensors(trial.outputs)

    def spread() -> list[float]:
        return literal.spread(trial.inputs, numbers, lambda: _set(rng, trial.start))

    return agree(found, numbers, spread, units=4, times=100)


def _take(replay: Replay, trial: Trial, carried: Carried, rng: Generator | None) -> list[Tensor]:
    """Take a step from other inputs than what is carried."""
    carried.fill(trial.inputs[:2])
    _set(rng, trial.start)
    return [t.clone() for t in tensors(replay(trial.inputs[2]))]


def _expect(outputs: Any, carried: Carried) -> None:
    """Refuse a step that does not return params and state as it takes them."""
    if not isinstance(outputs, tuple) or len(outputs) < 2:
        raise KindError(
            f"stage: expected a step that returns (params, state, …), got {type(outputs).__name__}"
        )
    leaves, structure = tree.to_leaves(outputs[:2])
    if structure != carried.structure or not all(map(alike, leaves, carried.leaves)):
        raise KindError(
            "stage: expected a step that returns params and state of the structure, shapes and "
            "dtypes that it takes, all tensors but what never changes"
        )


def _given(rng: Generator | None) -> tuple[Generator, ...]:
    return () if rng is None else (rng,)


def _state(rng: Generator | None) -> Any:
    return None if rng is None else rng.get_state()


def _set(rng: Generator | None, state: Any) -> None:
    if rng is not None:
        rng.set_state(state)


def _like(t: Tensor) -> Tensor:
    return t.detach().clone()
