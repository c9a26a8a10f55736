"""Proof: a recording leaves nothing out, and a plan of it gives the step's numbers."""

from __future__ import annotations

from typing import Any

from funcdl import tree
from funcdl.contract import Params, Value
from funcdl.errors import KindError, UsageError
from funcdl.staging.carried import Carried
from funcdl.staging.generators import given, set_state, state_of
from funcdl.staging.kinds import alike, plain
from funcdl.staging.literal import Literal
from funcdl.staging.plan import plan
from funcdl.staging.recording import Recording, Step, run
from funcdl.staging.replay import Replay, bind, literally
from funcdl.staging.rounding import agree
from funcdl.staging.translate import translate
from funcdl.staging.trial import Trial, like
from funcdl.tensor import Generator, Tensor
from funcdl.watching.call import CapturedError
from funcdl.watching.nested import rebuild, tensors

__all__ = ["expect_carried", "faithful", "proven", "stands_alone"]


def expect_carried(outputs: Any, carried: Carried) -> None:
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


def stands_alone(
    step: Step, params: Params, state: Any, batch: Value, real: Trial, rng: Generator | None
) -> bool:
    """Tell whether a step's results are values, and come from the numbers alone.

    Where parameters ask for a gradient, a step may look at that too.
    """
    rest = tree.leaves(real.outputs[2:])
    if not all(isinstance(leaf, Tensor) or plain(leaf) for leaf in rest):
        return False
    if not any(t.requires_grad for t in tensors((params, state))):
        return True
    set_state(rng, real.start)
    own = tensors(step(params, state, batch, *given(rng)))
    return agree(own, tensors(real.outputs), units=64)


def faithful(step: Step, real: Trial, rng: Generator | None) -> tuple[Recording, Trial] | None:
    """Record a step on other numbers, so that what the recording leaves out is seen.

    That shows on the real numbers: layers of a user's own are then called as they are, and where
    that does not help, None says that the step itself is. Beside a recording comes its own trial.

    Raises:
        KindError: the step looks at numbers outside of any layer.
        UsageError: it gives other numbers when it is called again.
    """
    pure = False
    for others in (real.changed(1), real.changed(0), real.next()):
        for users in (False, True):
            try:
                recording = run(step, others, rng, real.end, users)
            except CapturedError:
                return None
            except KindError:
                raise
            except Exception:
                break  # numbers that the step refuses: by less changed ones, then
            own = Trial(others, real.end, rebuild(recording.outputs, like), state_of(rng))
            if _repeats(recording, real, rng, exactly=not pure):
                return recording, own
            if not pure:
                _expect_pure(step, real, rng)
                pure = True
                if _repeats(recording, real, rng, exactly=False):
                    return recording, own
        else:
            return None
    return None


def _expect_pure(step: Step, real: Trial, rng: Generator | None) -> None:
    """Refuse a step that gives other numbers when it is called again."""
    set_state(rng, real.start)
    again = tensors(step(*rebuild(real.inputs, like), *given(rng)))
    if not agree(again, tensors(real.outputs), units=4):
        raise UsageError(
            "stage: expected a pure step, whose numbers come from its arguments alone, got "
            "other numbers when it was called again: does it draw from a generator that was "
            "not handed in?"
        )


def _repeats(recording: Recording, real: Trial, rng: Generator | None, *, exactly: bool) -> bool:
    """Tell whether a recording gives the step's own numbers where it was not recorded.

    The calls are the same, and so are the numbers, to the last bit; but where a sum of many
    threads comes in any order, and then they are within what rounding does.
    """
    set_state(rng, real.start)
    try:
        numbers = recording.literal(real.inputs)
    except Exception:
        return False
    if rng is not None and not rng.get_state().equal(real.end):
        return False

    def spread() -> list[float]:
        return recording.literal.spread(real.inputs, numbers, lambda: set_state(rng, real.start))

    return agree(numbers, tensors(real.outputs), None if exactly else spread)


def proven(
    recording: Recording, trials: tuple[Trial, ...], carried: Carried, rng: Generator | None
) -> Replay:
    """Plan a recording, and take its own step and the real one to see that it is right."""
    replay = None
    try:
        program = translate(recording, carried)
        if program is not None:
            replay = bind(plan(program), carried)
        right = replay is not None and all(
            _agrees(replay, recording.literal, trial, carried, rng) for trial in trials
        )
    except Exception:  # a call that has no such form in place
        right = False
    if not right or replay is None:
        replay = literally(recording, carried)
        _take(replay, trials[-1], carried, rng)
    return replay


def _agrees(
    replay: Replay, literal: Literal, trial: Trial, carried: Carried, rng: Generator | None
) -> bool:
    """Tell whether a replay gives the numbers of a step, but for rounding."""
    found, numbers = _take(replay, trial, carried, rng), tensors(trial.outputs)

    def spread() -> list[float]:
        return literal.spread(trial.inputs, numbers, lambda: set_state(rng, trial.start))

    return agree(found, numbers, spread, units=4, times=100)


def _take(replay: Replay, trial: Trial, carried: Carried, rng: Generator | None) -> list[Tensor]:
    """Take a step from other inputs than what is carried."""
    carried.fill(trial.inputs[:2])
    set_state(rng, trial.start)
    return [t.clone() for t in tensors(replay(trial.inputs[2]))]
