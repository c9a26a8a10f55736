"""The scale of an axis: round marks, evenly apart, or by decades where values span them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

__all__ = ["Scale", "decades", "scale", "ticks"]

SPAN = 10.0
"""Values whose largest is so many times the smallest are on a logarithmic axis."""


class Scale(NamedTuple):
    """From the first to the last of its marks, evenly or logarithmically."""

    marks: list[float]
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the part of the axis that is before a value; what is off the axis is at its end.

        >>> Scale([0.0, 10.0])(2.5), Scale([1.0, 10.0, 100.0], log=True)(10.0)
        (0.25, 0.5)
        """
        low, high = self.marks[0], self.marks[-1]
        value = min(max(value, low), high)
        if self.log:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)

    def labels(self, most: int) -> list[tuple[float, str]]:
        """Return each mark with its words; of more than `most` only some have any."""
        every = max(1, math.ceil(len(self.marks) / most))
        return [
            (mark, f"{mark:g}".replace("-", "−") if i % every == 0 else "")
            for i, mark in enumerate(self.marks)
        ]


def scale(values: Iterable[float], also: Iterable[float] = (), most: int = 9) -> Scale:
    """Choose the scale of values, none below 0: logarithmic where they span a decade or more.

    One that is not logarithmic begins at 0.

    Args:
        values: at least one.
        also: what the axis has to hold too, as far as it can: the ends of intervals.
        most: steps, where they are even.

    >>> scale([1, 3]), scale([0, 30], most=3)
    (Scale(marks=[0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0], log=False), Scale(marks=[0.0, 10.0, 20.0, 30.0], log=False))
    >>> scale([0.2, 4], [-1, 6])
    Scale(marks=[0.2, 0.5, 1.0, 2.0, 5.0, 10.0], log=True)
    """  # noqa: E501
    kept = list(values)
    low, high = min(kept), max([*kept, *also])
    if low > 0 and max(kept) / low >= SPAN:
        # Intervals may reach to 0 and below: down to a third of the least value they are shown.
        return Scale(decades(min([low, *(x for x in also if x >= low / 3)]), high), log=True)
    return Scale(ticks(0, high, most))


def ticks(low: float, high: float, most: int = 9) -> list[float]:
    """Return round numbers that reach from at most `low` to at least `high`.

    >>> ticks(0, 30), ticks(-0.7, 0.3)
    ([0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0], [-0.8, -0.6, -0.4, -0.2, 0.0, 0.2, 0.4])
    """
    if high - low < 1e-6:  # One value, or several that differ by rounding.
        high = low + 1
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * m for m in (1, 2, 5, 10) if power * m * most >= span * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(k * step, 9) for k in range(first, max(last, first + 1) + 1)]


def decades(low: float, high: float) -> list[float]:
    """Return round numbers for a logarithmic axis, from at most `low` to at least `high`.

    >>> decades(0.003, 0.26), decades(1e-6, 3.0)
    ([0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5], [1e-06, 1e-05, 0.0001, 0.001, 0.01, 0.1, 1.0, 10.0])
    """  # noqa: E501
    span = math.log10(high / low)
    parts: Sequence[int] = (1, 2, 5) if span < 3 else (1,)
    every = max(1, math.ceil(span / 8))
    first, last = math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + every
    marks = [float(f"{part}e{power}") for power in range(first, last + 1, every) for part in parts]
    start = max(i for i, mark in enumerate(marks) if mark <= low)
    end = min(i for i, mark in enumerate(marks) if mark >= high and i > start)
    return marks[start : end + 1]
