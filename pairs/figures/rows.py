"""Figures of one row a model or an effect: the rounds of each, and intervals.

Positions along the axis are in per cent and heights in pixels, so a figure takes the width it is
given while its words keep their size, on a phone too. Colours are the page's, by class.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from statistics import median, quantiles
from typing import NamedTuple

__all__ = ["Bar", "Strip", "escaped", "forest", "strips", "ticks"]

EDGE = 5.0
"""Per cent of the width that stay free at either end, for half a label of the axis."""


class Strip(NamedTuple):
    """The values of one model, one a round, with the words at its left and right."""

    label: str
    note: str
    values: Sequence[float]


class Bar(NamedTuple):
    """An effect and its interval, None where there is none, with the words over it."""

    label: str
    note: str
    under: str
    mean: float
    low: float | None
    high: float | None


class Axis(NamedTuple):
    """Round numbers from one end of the axis to the other."""

    marks: list[float]

    def __call__(self, value: float) -> str:
        """Place a value, in per cent of the width."""
        low, high = self.marks[0], self.marks[-1]
        return f"{EDGE + (100 - 2 * EDGE) * (value - low) / (high - low):.2f}%"


def strips(name: str, title: str, rows: Sequence[Strip]) -> str:
    """Draw a strip a row: a dot a value, a box over the middle half, a line at the median.

    Args:
        name: of the figure, unique in its page.
        title: what it shows, in a few words; its description has the numbers.
        rows: at least one, each with at least one value, not below 0.
    """
    axis = Axis(ticks(0, max(max(row.values) for row in rows)))
    parts, said = [], []
    for i, row in enumerate(rows):
        top = 58 * i
        first, middle, third = _quartiles(row.values)
        parts += [
            _words(_short(row.label), "0", top + 16),
            _words(row.note, "100%", top + 16, "end"),
            f'<rect class="box" x="{axis(first)}" y="{top + 24}" height="20" rx="2" '
            f'width="{float(axis(third)[:-1]) - float(axis(first)[:-1]):.2f}%"/>',
            _line("median", axis(middle), axis(middle), top + 22, top + 46),
        ]
        for k, value in enumerate(row.values):
            # Spread by rank in a fixed pattern, so that equal values do not hide each other.
            y = top + 34 + (k * 5 % 7 - 3) * 2
            parts.append(f'<circle class="dot" cx="{axis(value)}" cy="{y}" r="3.5"/>')
        said.append(
            f"{row.label}: {len(row.values)} values from {min(row.values):.2f} to "
            f"{max(row.values):.2f}, median {middle:.2f}."
        )
    return _figure(name, title, " ".join(said), axis, 58 * len(rows), parts)


def forest(name: str, title: str, rows: Sequence[Bar]) -> str:
    """Draw a forest plot: a mean and its interval a row, and a line where there is no effect.

    The mark is filled where the interval leaves 0 out.

    Args:
        name: of the figure, unique in its page.
        title: what it shows, in a few words; its description has the numbers.
        rows: at least one.
    """
    ends = [end for row in rows for end in (row.mean, row.low, row.high) if end is not None]
    axis = Axis(ticks(min(0, *ends), max(0, *ends)))
    height = 60 * len(rows) + 20
    parts = [
        _words("← fewer errors", "0", 14, kind="under"),
        _words("more errors →", "100%", 14, "end", "under"),
        _line("zero", axis(0), axis(0), 20, height),
    ]
    said = []
    for i, row in enumerate(rows):
        top = 60 * i + 20
        parts += [
            _words(_short(row.label), "0", top + 16),
            _words(row.note, "100%", top + 16, "end"),
            _words(_short(row.under), "0", top + 31, kind="under"),
        ]
        clear, words = False, f"{row.label}, {row.under}: {row.mean:+.2f}"
        if row.low is not None and row.high is not None:
            clear = row.low > 0 or row.high < 0
            words += f", from {row.low:+.2f} to {row.high:+.2f}"
            parts.append(_line("bar", axis(row.low), axis(row.high), top + 44, top + 44))
        kind = "dot" if clear else "dot open"
        parts.append(f'<circle class="{kind}" cx="{axis(row.mean)}" cy="{top + 44}" r="5"/>')
        said.append(words.replace("-", "−") + ".")
    return _figure(name, title, " ".join(said), axis, height, parts)


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


def escaped(text: object) -> str:
    """Return text as HTML shows it: no markup in it, and nothing that cannot be written."""
    return escape(str(text).encode("utf-8", "replace").decode())


def _figure(
    name: str, title: str, about: str, axis: Axis, height: int, parts: Sequence[str]
) -> str:
    return "\n".join(
        [
            f'<svg role="img" width="100%" height="{height + 26}" '
            f'aria-labelledby="{name}-title {name}-desc">',
            f'<title id="{name}-title">{escaped(title)}</title>',
            f'<desc id="{name}-desc">{escaped(about)}</desc>',
            *_grid(axis, height),
            *parts,
            "</svg>",
        ]
    )


def _grid(axis: Axis, height: int) -> Iterator[str]:
    for mark in axis.marks:
        yield _line("grid", axis(mark), axis(mark), 0, height)
        yield _words(f"{mark:g}".replace("-", "−"), axis(mark), height + 18, "middle", "under")


def _line(kind: str, x1: str, x2: str, y1: int, y2: int) -> str:
    return f'<line class="{kind}" x1="{x1}" x2="{x2}" y1="{y1}" y2="{y2}"/>'


def _words(text: str, x: str, y: int, anchor: str = "start", kind: str = "label") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escaped(text)}</text>'


def _short(text: str) -> str:
    """Cut what would run into the words at the right; the description has it whole."""
    return text if len(text) <= 36 else text[:35] + "…"


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) == 1:
        return values[0], values[0], values[0]
    first, _, third = quantiles(values, n=4, method="inclusive")
    return first, median(values), third
