"""Rounding: numbers moved by it, and numbers that are the same but for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcdl.tensor import Tensor

__all__ = ["Noise", "agree", "apart"]

# The distance from 1 to the next number, and the least number of full precision.
PRECISION = {
    "torch.float64": (2.0**-52, 2.0**-1022),
    "torch.float32": (2.0**-23, 2.0**-126),
    "torch.bfloat16": (2.0**-7, 2.0**-126),
    "torch.float16": (2.0**-10, 2.0**-14),
}

PIECE = 2**15


class Noise:
    """A wave of numbers from −1 to 1, laid over each result from another place on."""

    def __init__(self, seed: int) -> None:
        self.seed, self.shift = seed, 0
        self.waves: dict[Any, Tensor] = {}

    def shake(self, t: Tensor) -> None:
        """Move each number by up to two units in its last place."""
        if str(t.dtype) not in PRECISION or not t.numel():
            return
        step = 2 * PRECISION[str(t.dtype)][0]
        longest = max(range(t.ndim), key=lambda axis: t.shape[axis], default=0)
        # Piece by piece, since in float64, and with its product, it takes five times its memory.
        for part in t.chunk(-(-t.numel() // PIECE), longest) if t.ndim else (t,):
            self.shift = (self.shift + 131) % 1009
            wave = self._wave(part).narrow(0, self.shift, part.numel())
            part.mul_(wave.mul(step).add_(1).view(part.shape))

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
    away = [apart(a, b) for a, b in zip(found, expected)]
    rooms = [units * _unit(b) for b in expected]
    if all(distance <= room for distance, room in zip(away, rooms)):
        return True
    moved = [0.0] * len(expected) if spread is None else spread()
    return all(
        distance <= max(room, times * most + _least(b))
        for distance, room, most, b in zip(away, rooms, moved, expected)
    )


def apart(a: Tensor, b: Tensor) -> float:
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
