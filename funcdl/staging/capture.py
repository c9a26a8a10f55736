"""Capture: all calls of a replay as one, where a device can repeat them by itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from operator import call as make_call
from typing import Any

from funcdl.errors import UsageError, exhausted
from funcdl.signature.kinds import devices, first_line
from funcdl.staging.recording import Recording
from funcdl.staging.replay import Replay
from funcdl.tensor import Generator

__all__ = ["Capture", "captured", "expect_one_device"]

Capture = Callable[[Callable[[], None]], Callable[[], Any]]
"""From a function that makes the calls of a step to one that repeats them."""


def expect_one_device(inputs: Any, rng: Generator | None) -> None:
    """Refuse inputs on several devices.

    What a device repeats by itself reads its own memory alone: a rate or a count that is kept
    elsewhere would be that of the first step for ever.

    Args:
        inputs: (params, state, batch).
        rng: the generator that is handed in.

    Raises:
        UsageError: they are not all on one device.
    """
    found = set(devices(inputs))
    if rng is not None:
        own = str(rng.device)
        # "cuda" without a number is the current device, which the tensors' names have.
        if own not in {device.partition(":")[0] for device in found}:
            found.add(own)
    if len(found) > 1:
        raise UsageError(
            "stage: expected params, state, batch and generator on one device, to be captured, "
            f"got some on {' and some on '.join(sorted(found))}"
        )


def captured(capture: Capture, recording: Recording | None, replay: Replay | None) -> Replay:
    """Make a replay whose calls are one.

    It may change what is carried, and draw from the generator.

    Raises:
        UsageError: a layer, or the whole step, is called as it is, or `capture` fails.
    """
    if recording is None or replay is None:
        raise _refused("a step that has to be called as it is: does it look at numbers?")
    for call in recording.calls:
        if call.layer:
            raise _refused(f"the layer {call.name}, which has to be called as it is")
    calls = [*replay.body, *replay.tail]

    def make() -> None:
        deque(map(make_call, calls), 0)

    try:
        again = capture(make)
    except Exception as error:
        problem = exhausted("stage", error) or _refused(f"an error: {first_line(error)}")
        raise problem from error
    if not callable(again):
        raise _refused(f"{type(again).__name__} from capture, where it gives a function")
    one = Replay(replay.carried, replay.batch, [], [again], replay.rest)
    # A device that repeats them knows addresses alone: nobody else may be given that memory.
    one.keeps = make
    return one


def _refused(got: str) -> UsageError:
    return UsageError(f"stage: expected calls that can be captured, got {got}")
