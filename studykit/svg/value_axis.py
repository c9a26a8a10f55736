"""The axis of a setting's values: logarithmic, with 0 a step to the left of the smallest.

Values that are words stand evenly apart, in the order in which they come.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from studykit.svg.elements import line, words

__all__ = ["LEFT", "RIGHT", "ValueAxis", "number"]

LEFT, RIGHT = 13.0, 98.0
"""Where the axis is, in per cent of the figure's width."""

INSET = 0.04
"""The part of the axis that stays free at either end, so that marks are whole."""

WORDS = 0.12
"""The same for words, which are longer than numbers."""

LABEL = 0.1
"""The part of the axis that a label may take."""


class ValueAxis:
    """From a value to the part of the axis that is left of it.

    Args:
        values: at least one; all numbers, at least 0 each, or all words.

    >>> axis = ValueAxis([0, 1, 10, 100])
    >>> [round(axis(value), 2) for value in (0, 1, 10, 100)]
    [0.04, 0.35, 0.65, 0.96]
    """

    def __init__(self, values: Sequence[float | str]) -> None:
        numbers = sorted({value for value in values if not isinstance(value, str)})
        names = dict.fromkeys(value for value in values if isinstance(value, str))
        self.values: list[float | str] = [*numbers, *names]
        logs = [math.log(value) for value in numbers if value > 0] or [0.0]
        step = (logs[-1] - logs[0]) / (len(logs) - 1) if len(logs) > 1 else 1.0
        places = [math.log(value) if value > 0 else logs[0] - step for value in numbers]
        first = logs[-1] + step if numbers else 0.0
        places += [first + k for k in range(len(names))]
        inset = INSET if numbers else WORDS
        self._places = {
            value: inset + (1 - 2 * inset) * (place - places[0]) / ((places[-1] - places[0]) or 1.0)
            for value, place in zip(self.values, places)
        }

    def __call__(self, value: float | str) -> float:
        """Place a value; a single one is in the middle."""
        return 0.5 if len(self.values) == 1 else self._places[value]

    @property
    def gap(self) -> float:
        """The least distance between two values."""
        return min((self(b) - self(a) for a, b in pairwise(self.values)), default=1.0)

    def per_cent(self, part: float) -> str:
        """Write a part of the axis in per cent of the figure's width."""
        return f"{LEFT + (RIGHT - LEFT) * part:.2f}%"

    def drawn(self, about: str, y: int) -> Iterator[str]:
        """Draw the axis at a height in pixels, with its values and what they are under it."""
        free = 0.0
        for value in self.values:
            x = self.per_cent(self(value))
            yield line("grid", x, x, y, y + 5)
            if self(value) >= free:  # A label that would run into the one before is left out.
                free = self(value) + LABEL
                yield words(number(value), x, y + 19, "middle", "under")
        yield words(about, f"{RIGHT}%", y + 37, "end", "under")


def number(value: float | str) -> str:
    """Write a value of a setting.

    >>> number(8000), number(0.1), number(10.0), number("warp")
    ('8,000', '0.1', '10', 'warp')
    """
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value >= 1000 else f"{value:g}"
