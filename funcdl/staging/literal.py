"""A recording, repeated call by call, and how far rounding alone moves its numbers.

A recording that leaves nothing out gives, on other numbers than its own, those of the step itself
to the last bit: the calls are the same. A plan gives them but for rounding, and what rounding does
is found by doing it: each result of each call is moved by a unit in its last place, up or down, and
how far the outputs then move is how far they may be from each other. So a gradient that is 0 but
for rounding may be any such number, and what an optimiser makes of it; all else is held tightly.

Parker, "Monte Carlo arithmetic: exploiting randomness in floating-point arithmetic" (1997), with a
fixed pattern in the place of random numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from funcdl.staging.methods import COPIES, RESHAPES
from funcdl.staging.rounding import Noise, apart
from funcdl.tensor import Tensor
from funcdl.watching.call import Call
from funcdl.watching.kinds import CREATES
from funcdl.watching.nested import tensors

__all__ = ["Literal", "OtherShapesError", "fill"]

# Calls whose results are exact: copies, choices, and whole numbers.
EXACT = (
    CREATES
    | COPIES
    | RESHAPES
    | {
        *("abs", "amax", "amin", "argmax", "bernoulli_", "cat", "ceil", "clamp", "clamp_max"),
        *("clamp_min", "copy_", "fill_", "floor", "gather", "index_select", "masked_fill", "max"),
        *("maximum", "min", "minimum", "neg", "normal_", "relu", "round", "sign", "stack", "trunc"),
        *("uniform_", "where", "zero_", "__getitem__", "__setitem__"),
    }
)

ROUNDS = 2


class OtherShapesError(Exception):
    """A call gave tensors of other shapes than when it was recorded."""


class Literal:
    """The calls of a recording on its own tensors, one after the other."""

    def __init__(self, calls: list[Call], inputs: Any, outputs: Any) -> None:
        self.inputs, self.outputs = tensors(inputs), tensors(outputs)
        self.calls = [
            (_again(call), [] if call.name in EXACT else list(call.outs)) for call in calls
        ]

    def __call__(self, inputs: Any, noise: Noise | None = None) -> list[Tensor]:
        """Give the outputs for other inputs."""
        for own, x in zip(self.inputs, tensors(inputs)):
            own.copy_(x)
            if noise is not None:
                noise.shake(own)
        for call, outs in self.calls:
            call()
            if noise is not None:
                for out in outs:
                    noise.shake(out)
        return [t.clone() for t in self.outputs]

    def spread(self, inputs: Any, numbers: list[Tensor], again: Callable[[], Any]) -> list[float]:
        """Measure how far each output moves where each call rounds otherwise.

        `again` sets the generator back, so that the same numbers are drawn.
        """
        found = [0.0] * len(numbers)
        for seed in range(ROUNDS):
            again()
            moved = self(inputs, Noise(seed))
            found = [max(most, apart(a, b)) for most, a, b in zip(found, moved, numbers)]
        again()
        self(inputs)  # what is never computed again must not stay moved
        return found


def _again(call: Call) -> Callable[[], Any]:
    """Repeat a call as it was made."""
    if not call.fresh:
        return partial(call.func, *call.args, **call.kwargs)
    func, args, kwargs, outs = call.func, call.args, call.kwargs, call.outs
    if call.name in ("new_empty", "empty_like"):
        return lambda: None
    return lambda: fill(outs, func(*args, **kwargs))


def fill(outs: Sequence[Tensor], result: Any) -> None:
    """Copy the tensors of a result where those of the recorded one were.

    Raises:
        OtherShapesError: they are others.
    """
    found = tensors(result)
    if len(found) != len(outs) or any(
        new.shape != out.shape or new.dtype != out.dtype for new, out in zip(found, outs)
    ):
        raise OtherShapesError
    for out, new in zip(outs, found):
        out.copy_(new)
