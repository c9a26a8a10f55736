"""The axis of a setting's values: logarithmic, with 0 a step to the left of the smallest.

Values that are words stand side by side.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from pairs.figures.rows import escaped

__all__ = ["LEFT", "RIGHT", "ValueAxis", "number"]

LEFT, RIGHT = 13.0, 98.0
"""Where the axis is, in per cent of the figure's width."""

INSET = 0.04
"""The part of the axis that stays free at either end, so that marks are whole."""

LABEL = 0.1
"""The part of the axis that a label may take."""


class ValueAxis:
    """From a value to the part of the axis that is left of it.

    Args:
        values: at least one; numbers of at least 0, or words in the order in which they stand.

    >>> axis = ValueAxis([0, 1, 10, 100])
    >>> [round(axis(value), 2) for value in (0, 1, 10, 100)]
    [0.04, 0.35, 0.65, 0.96]
    >>> axis = ValueAxis(["none", "shift", "warp"])
    >>> [round(axis(value), 2) for value in ("none", "shift", "warp")]
    [0.04, 0.5, 0.96]
    """

    def __init__(self, values: Sequence[float | str]) -> None:
        numbers = sorted({value for value in values if not isinstance(value, str)})
        words = dict.fromkeys(value for value in values if isinstance(value, str))
        logs = [math.log(value) for value in numbers if value > 0] or [0.0]
        step = (logs[-1] - logs[0]) / (len(logs) - 1) if len(logs) > 1 else 1.0
        zero = logs[0] - step
        self._places: dict[float | str, float] = {
            **{value: math.log(value) if value > 0 else zero for value in numbers},
            **{word: float(i) for i, word in enumerate(words)},
        }
        self.values = list(self._places)

    def __call__(self, value: float | str) -> float:
        """Place a value; a single one is in the middle."""
        if len(self.values) == 1:
            return 0.5
        first, *_, last = self._places.values()
        return INSET + (1 - 2 * INSET) * (self._places[value] - first) / (last - first)

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
            yield f'<line class="grid" x1="{x}" x2="{x}" y1="{y}" y2="{y + 5}"/>'
            if self(value) >= free:  # A label that would run into the one before is left out.
                free = self(value) + LABEL
                yield (
                    f'<text class="under" x="{x}" y="{y + 19}" text-anchor="middle">'
                    f"{number(value)}</text>"
                )
        yield (
            f'<text class="under" x="{RIGHT}%" y="{y + 37}" text-anchor="end">'
            f"{escaped(about)}</text>"
        )


def number(value: float | str) -> str:
    """Write a value of a setting.

    >>> number(8000), number(0.1), number(10.0), number("warp")
    ('8,000', '0.1', '10', 'warp')
    """
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value >= 1000 else f"{value:g}"
