"""A recording of a step: what it called, on which inputs, and what it gave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcdl.errors import KindError
from funcdl.staging.generators import given, set_state
from funcdl.staging.literal import Literal
from funcdl.staging.trial import like
from funcdl.tensor import Generator
from funcdl.watching.call import Call, OpaqueLayerError, UnrecordedError
from funcdl.watching.nested import rebuild
from funcdl.watching.recorder import Recorder
from funcdl.watching.watcher import unwrap

__all__ = ["Recording", "Step", "run"]

Step = Callable[..., Any]
"""A training step: `step(params, state, batch, rng=None) -> (params, state, *rest)`."""


class Recording:
    """What a step did when it was recorded.

    Attributes:
        calls: all of its calls.
        inputs: (params, state, batch), on whose memory they were made.
        outputs: (params, state, …), likewise.
        literal: the calls as they were made, to be made again.
    """

    def __init__(self, calls: list[Call], inputs: Any, outputs: Any) -> None:
        self.calls, self.inputs, self.outputs = calls, inputs, outputs
        self.literal = Literal(calls, inputs, outputs)


def run(
    step: Step, inputs: Any, rng: Generator | None = None, start: Any = None, users: bool = False
) -> Recording:
    """Run a step on recorded copies of its inputs; again, while layers turn out to be opaque.

    Args:
        step: the step.
        inputs: (params, state, batch).
        rng: the generator to hand in, in the state `start`.
        start: that state.
        users: whether the layers that users made are called as they are.

    Raises:
        KindError: the step looks at numbers outside of any layer.
    """
    opaque: set[Any] = set()
    while True:
        set_state(rng, start)
        recorder = Recorder(opaque, users)
        own = rebuild(inputs, like)
        try:
            outputs = unwrap(step(*recorder.wrap(own), *given(rng)))
        except OpaqueLayerError as error:
            opaque |= {error.layer, error.place}
        except UnrecordedError as error:
            raise KindError(
                f"stage: expected a step whose calls depend on shapes alone, got one that {error}, "
                "outside of any layer"
            ) from None
        else:
            return Recording(recorder.calls, own, outputs)
