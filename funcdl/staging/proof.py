"""Proof: what was recorded, repeated call by call, and how far rounding alone moves its numbers.

A recording that leaves nothing out gives, on other numbers than its own, those of the step itself
to the last bit: the calls are the same. A plan gives them but for rounding, and what rounding does
is found by doing it: each result of each call is moved by a unit in its last place, up or down, and
how far the outputs then move is how far they may be from each other. So a gradient that is 0 but
for rounding may be any such number, and what an optimiser makes of it; all else is held tightly.

Parker, "Monte Carlo arithmetic: exploiting randomness in floating-point arithmetic" (1997), with a
fixed pattern in the place of random numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from funcdl.staging.record import CREATES, Call, tensors
from funcdl.staging.steps import COPIES, RESHAPES, fill
from funcdl.tensor import Tensor

__all__ = ["Literal", "agree"]

# Calls whose results are exact: copies, choices, and what is whole.
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

# The distance from 1 to the next number, and the least number of full precision.
PRECISION = {
    "torch.float64": (2.0**-52, 2.0**-1022),
    "torch.float32": (2.0**-23, 2.0**-126),
    "torch.bfloat16": (2.0**-7, 2.0**-126),
    "torch.float16": (2.0**-10, 2.0**-14),
}
ROUNDS = 2


class Literal:
    """The calls of a recording on its own tensors, one after the other."""

    def __init__(self, calls: list[Call], inputs: Any, outputs: Any) -> None:
        self.inputs, self.outputs = tensors(inputs), tensors(outputs)
        self.calls = [
            (_again(call), [] if call.name in EXACT else list(call.outs)) for call in calls
        ]

    def __call__(self, inputs: Any, noise: _Noise | None = None) -> list[Tensor]:
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
            moved = self(inputs, _Noise(seed))
            found = [max(most, _apart(a, b)) for most, a, b in zip(found, moved, numbers)]
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


class _Noise:
    """A wave of numbers from −1 to 1, laid over each result from another place on."""

    def __init__(self, seed: int) -> None:
        self.seed, self.shift = seed, 0
        self.waves: dict[Any, Tensor] = {}

    def shake(self, t: Tensor) -> None:
        """Move each number by up to two units in its last place."""
        if str(t.dtype) not in PRECISION or not t.numel():
            return
        step = 2 * PRECISION[str(t.dtype)][0]
        self.shift = (self.shift + 131) % 1009
        wave = self._wave(t).narrow(0, self.shift, t.numel())
        t.mul_(wave.mul(step).add_(1).view(t.shape))

    def _wave(self, t: Tensor) -> Tensor:
        wave = self.waves.get(t.device)
        if wave is None or len(wave) < t.numel() + 1009:
            places = t.new_ones(t.numel() + 1009).double().cumsum(0)
            wave = self.waves[t.device] = places.mul_(1.7 + self.seed).sin_()
        return wave


def agree(
    found: list[Tensor],
    expected: list[Tensor],
    spread: Callable[[], list[float]] | None = None,
    units: float = 0.0,
    times: float = 8.0,
) -> bool:
    """Tell whether numbers are the expected ones but for rounding.

    Each tensor has to be within so many `units` in the last place of the expected one's size, or so
    many `times` as far as rounding moves it: `spread` is asked only where the first does not hold,
    and without it rounding moves nothing.
    """
    if len(found) != len(expected):
        return False
    away = [_apart(a, b) for a, b in zip(found, expected)]
    rooms = [units * _unit(b) for b in expected]
    if all(distance <= room for distance, room in zip(away, rooms)):
        return True
    moved = [0.0] * len(expected) if spread is None else spread()
    return all(
        distance <= max(room, times * most + _least(b))
        for distance, room, most, b in zip(away, rooms, moved, expected)
    )


def _apart(a: Tensor, b: Tensor) -> float:
    """Measure the distance of two tensors; the same infinity, and no number twice, are alike."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return float("inf")
    if not a.is_floating_point() and not a.is_complex():
        return 0.0 if a.equal(b) else float("inf")
    same = a.eq(b).logical_or_(a.isnan().logical_and_(b.isnan()))
    wide = (a, b) if a.is_complex() else (a.double(), b.double())
    return float(wide[0].sub(wide[1]).masked_fill_(same, 0).abs().norm())


def _unit(t: Tensor) -> float:
    """Give a unit in the last place of a tensor's size."""
    if str(t.dtype) not in PRECISION:
        return 0.0
    return PRECISION[str(t.dtype)][0] * float(t.double().nan_to_num(0, 0, 0).norm())


def _least(t: Tensor) -> float:
    """Give the size of what is too small to keep its precision."""
    return PRECISION[str(t.dtype)][1] * t.numel() ** 0.5 if str(t.dtype) in PRECISION else 0.0
