"""Figures of one row a model or an effect: the rounds of each, and intervals.

Positions along the axis are in per cent and heights in pixels, so a figure takes the width it is
given while its words keep their size, on a phone too. Colours are the page's, by class.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from statistics import median, quantiles
from typing import NamedTuple

from studykit.svg.scale import Scale, scale, ticks

__all__ = ["Bar", "Strip", "escaped", "forest", "strips"]

EDGE = 5.0
"""Per cent of the width that stay free at either end, for half a label of the axis."""

HEADING = 30
"""Pixels of the words over a group of rows."""

LONG = 48
"""Letters that a phone has room for in a line."""

LABELS = 8
"""So many marks have words: more would run into each other on a phone."""


class Strip(NamedTuple):
    """The values of one model, one a round, with the words at its left and right.

    Rows of one group follow each other, under its name.
    """

    label: str
    note: str
    values: Sequence[float]
    group: str = ""


class Bar(NamedTuple):
    """An effect and its interval, None where there is none, with the words over it.

    Rows of one group follow each other, under its name.
    """

    label: str
    note: str
    under: str
    mean: float
    low: float | None
    high: float | None
    group: str = ""


def strips(name: str, title: str, axis: str, rows: Sequence[Strip]) -> str:
    """Draw a strip a row: a dot a value, a box over the middle half, a line at the median.

    The axis is logarithmic where the values span a decade.

    Args:
        name: of the figure, unique in its page.
        title: what it shows, in a few words; its description has the numbers.
        axis: what the values are.
        rows: at least one, each with at least one value, not below 0.
    """
    across = scale(value for row in rows for value in row.values)
    parts: list[str] = []
    said, top = [], 0
    for row, heading in zip(rows, _headings([row.group for row in rows])):
        parts += _group(heading, top)
        top += HEADING if heading else 0
        first, middle, third = _quartiles(row.values)
        parts += [
            _words(_short(row.label), "0", top + 16),
            _words(row.note, "100%", top + 16, "end"),
            f'<rect class="box" x="{_at(across, first)}" y="{top + 24}" height="20" rx="2" '
            f'width="{float(_at(across, third)[:-1]) - float(_at(across, first)[:-1]):.2f}%"/>',
            _line("median", _at(across, middle), _at(across, middle), top + 22, top + 46),
        ]
        for k, value in enumerate(row.values):
            # Spread by rank in a fixed pattern, so that equal values do not hide each other.
            y = top + 34 + (k * 5 % 7 - 3) * 2
            parts.append(f'<circle class="dot" cx="{_at(across, value)}" cy="{y}" r="3.5"/>')
        said.append(
            f"{row.label}: {len(row.values)} values from {min(row.values):.2f} to "
            f"{max(row.values):.2f}, median {middle:.2f}."
        )
        top += 58
    return _figure(name, title, " ".join(said), across, axis, top, parts)


def forest(name: str, title: str, axis: str, rows: Sequence[Bar]) -> str:
    """Draw a forest plot: a mean and its interval a row, and a line where there is no effect.

    The mark is filled where the interval leaves 0 out.

    Args:
        name: of the figure, unique in its page.
        title: what it shows, in a few words; its description has the numbers.
        axis: what the numbers are.
        rows: at least one.
    """
    ends = [end for row in rows for end in (row.mean, row.low, row.high) if end is not None]
    across = Scale(ticks(min(0, *ends), max(0, *ends)))
    parts = [
        _words("← fewer errors", "0", 14, kind="under"),
        _words("more errors →", "100%", 14, "end", "under"),
    ]
    said, top = [], 20
    for row, heading in zip(rows, _headings([row.group for row in rows])):
        parts += _group(heading, top)
        top += HEADING if heading else 0
        parts += [
            _words(_short(row.label, LONG), "0", top + 16),
            _words(_short(row.under, LONG), "0", top + 31, kind="under"),
            _words(row.note, "100%", top + 31, "end"),
        ]
        clear, words = False, f"{row.label}, {row.under}: {row.mean:+.2f}"
        if row.low is not None and row.high is not None:
            clear = row.low > 0 or row.high < 0
            words += f", from {row.low:+.2f} to {row.high:+.2f}"
            parts.append(
                _line("bar", _at(across, row.low), _at(across, row.high), top + 44, top + 44)
            )
        kind = "dot" if clear else "dot open"
        parts.append(f'<circle class="{kind}" cx="{_at(across, row.mean)}" cy="{top + 44}" r="5"/>')
        said.append(words.replace("-", "−") + ".")
        top += 60
    # First of all, so that it is under the words.
    parts.insert(0, _line("zero", _at(across, 0), _at(across, 0), 20, top))
    return _figure(name, title, " ".join(said), across, axis, top, parts)


def escaped(text: object) -> str:
    """Return text as HTML shows it: no markup in it, and nothing that cannot be written."""
    return escape(str(text).encode("utf-8", "replace").decode())


def _figure(
    name: str,
    title: str,
    about: str,
    across: Scale,
    axis: str,
    height: int,
    parts: Sequence[str],
) -> str:
    words = f"{axis} (logarithmic)" if across.log else axis
    return "\n".join(
        [
            f'<svg role="img" width="100%" height="{height + 46}" '
            f'aria-labelledby="{name}-title {name}-desc">',
            f'<title id="{name}-title">{escaped(title)}</title>',
            f'<desc id="{name}-desc">{escaped(about)}</desc>',
            *_grid(across, height),
            *parts,
            _words(words, "100%", height + 38, "end", "under"),
            "</svg>",
        ]
    )


def _grid(across: Scale, height: int) -> Iterator[str]:
    for mark, words in across.labels(LABELS):
        yield _line("grid", _at(across, mark), _at(across, mark), 0, height)
        if words:
            yield _words(words, _at(across, mark), height + 18, "middle", "under")


def _headings(groups: Sequence[str]) -> Iterator[str]:
    """Give each row the name of its group where that begins."""
    before = ""
    for group in groups:
        yield group if group != before else ""
        before = group


def _group(heading: str, top: int) -> Iterator[str]:
    if heading:
        yield _line("rule", "0", "100%", top + 6, top + 6)
        yield _words(_short(heading), "0", top + 24, kind="group")


def _at(across: Scale, value: float) -> str:
    """Place a value, in per cent of the width."""
    return f"{EDGE + (100 - 2 * EDGE) * across(value):.2f}%"


def _line(kind: str, x1: str, x2: str, y1: int, y2: int) -> str:
    return f'<line class="{kind}" x1="{x1}" x2="{x2}" y1="{y1}" y2="{y2}"/>'


def _words(text: str, x: str, y: int, anchor: str = "start", kind: str = "label") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escaped(text)}</text>'


def _short(text: str, most: int = 36) -> str:
    """Cut what would run into the words at the right; the description has it whole."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) == 1:
        return values[0], values[0], values[0]
    first, _, third = quantiles(values, n=4, method="inclusive")
    return first, median(values), third
