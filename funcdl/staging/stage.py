"""Staging a training step: record it once for each shape of its batch, then replay it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from funcdl.contract import Layer, Params, Value
from funcdl.errors import FuncdlError, KindError, exhausted
from funcdl.misuse import factory, kind_of
from funcdl.staging.capture import Capture, captured, expect_one_device
from funcdl.staging.carried import Carried, copied
from funcdl.staging.generators import given, set_state, state_of
from funcdl.staging.kinds import form
from funcdl.staging.literal import OtherShapesError
from funcdl.staging.proof import expect_carried, faithful, proven, stands_alone
from funcdl.staging.recording import Step
from funcdl.staging.replay import Replay
from funcdl.staging.trial import Trial, like
from funcdl.tensor import Generator
from funcdl.watching.nested import rebuild

__all__ = ["stage"]

MOST_PLANS = 16

StepT = TypeVar("StepT", bound=Callable[..., Any])


def stage(step: StepT, *, capture: Capture | None = None) -> StepT:
    """Turn a pure training step into a flat list of calls in place, over buffers made once.

    The step is run once on tensors that record what is called on them. The recording is planned
    anew, pass by pass, and from then on replayed: no Python of the layers runs, no
    memory is allocated, nothing is computed that nobody reads. The pure step stays the definition.
    It is recorded on other numbers than those of the first call, and has to give the numbers of
    that call, to the last bit; the plan has to give them but for what rounding does to them. What
    is not seen by a recording, or cannot be repeated, is called as it is: a layer of a user's own
    that looks at numbers (as by `float(x)`), uses autograd, draws from `rng` by a call on no tensor
    or writes into memory of its own, or the whole step.

    Args:
        step: `step(params, state, batch, rng=None) -> (params, state, *rest)` as `training_step`
            makes it: a pure function.
        capture: where a device can repeat many calls as one, as CUDA's graphs do: it is given a
            function without arguments that makes the calls of a step, may call it as often as it
            likes, and gives a function that repeats them. It is asked once for each kind of batch.

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
            pure. Or it cannot be captured: params, state, batch and generator are not all on one
            device, a layer is called as it is, or `capture` itself fails.

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
    if capture is not None and not callable(capture):
        raise KindError(f"stage: expected capture to be a function, got {kind_of(capture)}")
    staged: Any = Staged(step, capture)  # called as the step is
    return staged  # type: ignore[no-any-return]


class Staged:
    """A step with its buffers: of what is carried on, and of a replay for each kind of batch.

    Attributes:
        replays: by the generator's device and the kind of batch; None where the step is called as
            it is.
    """

    def __init__(self, step: Step, capture: Capture | None = None) -> None:
        self.step, self.capture = step, capture
        self.carried = Carried(())
        self.replays: dict[Any, Replay | None] = {}
        self.last: Replay | None = None

    def __reduce__(self) -> Any:
        """Copy and pickle the step; its buffers are made anew."""
        return Staged, (self.step, self.capture)

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
            return self.step(params, state, batch, *given(rng))
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
            return replay(batch) if rng in (None, replay.rng) else replay.drawing(batch, rng)
        except OtherShapesError:
            # A layer's numbers decide how many there are, and now there are others.
            return self.step(*carried.copies(), batch, *given(rng))
        except Exception:
            # The step itself says in its own words what is wrong with its input.
            self.step(*carried.copies(), batch, *given(rng))
            raise

    def _find(self, params: Params, state: Any, batch: Value, rng: Generator | None) -> Any:
        """Give the replay for a kind of batch; without one, the step's results themselves."""
        try:
            key = None if rng is None else rng.device, form(batch)
        except (TypeError, AttributeError):  # an object, or no generator: the step has its words
            return self.step(params, state, batch, *given(rng))
        if key not in self.replays:
            return self._first(key, params, state, batch, rng)
        return self.replays[key] or self.step(params, state, batch, *given(rng))

    def _first(
        self, key: Any, params: Params, state: Any, batch: Value, rng: Generator | None
    ) -> Any:
        """Take the first step with a kind of batch: record it, plan it, and prove the plan."""
        if self.capture is not None:
            expect_one_device((params, state, batch), rng)
        inputs = (*rebuild((params, state), copied), rebuild(batch, like))
        start = state_of(rng)
        try:
            outputs = self.step(*rebuild(inputs, like), *given(rng))
        except Exception:
            raise
        except BaseException:  # an interrupt: no step was taken
            set_state(rng, start)
            raise
        expect_carried(outputs, self.carried)
        end = state_of(rng)
        real = Trial(inputs, start, rebuild(outputs, like), end)
        if self.carried.params is not params or self.carried.state is not state:
            self.carried.take((params, state))
        try:
            found = None
            if stands_alone(self.step, params, state, batch, real, rng):
                found = faithful(self.step, real, rng)
            replay = found and proven(found[0], (found[1], real), self.carried, rng)
            if self.capture is not None:
                after = self.carried.copies()
                replay = captured(self.capture, found and found[0], replay)
                self.carried.fill(after)
                set_state(rng, end)
        except BaseException:
            self.carried.fill(inputs[:2])
            set_state(rng, start)
            raise
        if len(self.replays) == MOST_PLANS:
            del self.replays[next(iter(self.replays))]
        self.replays[key] = replay
        if replay is None:
            set_state(rng, start)
            return self.step(params, state, batch, *given(rng))
        self.last = replay
        replay.serve(batch, rng, bool(replay.body) or (rng is not None and not start.equal(end)))
        return (self.carried.params, self.carried.state, *real.outputs[2:])
