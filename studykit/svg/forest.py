"""A forest plot: one row an effect, its mean and its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from studykit.svg.elements import element, line, words
from studykit.svg.rows import HEADING, at, framed, group, headings, short
from studykit.svg.scale import Scale, ticks

__all__ = ["Bar", "forest"]

LONG = 48
"""Letters that a phone has room for in a line."""


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
        words("← fewer errors", "0", 14, "start", "under"),
        words("more errors →", "100%", 14, "end", "under"),
    ]
    said, top = [], 20
    for row, heading in zip(rows, headings([row.group for row in rows])):
        parts += group(heading, top)
        top += HEADING if heading else 0
        parts += [
            words(short(row.label, LONG), "0", top + 16, "start", "label"),
            words(short(row.under, LONG), "0", top + 31, "start", "under"),
            words(row.note, "100%", top + 31, "end", "label"),
        ]
        clear, told = False, f"{row.label}, {row.under}: {row.mean:+.2f}"
        if row.low is not None and row.high is not None:
            clear = row.low > 0 or row.high < 0
            told += f", from {row.low:+.2f} to {row.high:+.2f}"
            parts.append(line("bar", at(across, row.low), at(across, row.high), top + 44, top + 44))
        kind = "dot" if clear else "dot open"
        parts.append(element("circle", kind=kind, cx=at(across, row.mean), cy=top + 44, r=5))
        said.append(told.replace("-", "−") + ".")
        top += 60
    # First of all, so that it is under the words.
    parts.insert(0, line("zero", at(across, 0), at(across, 0), 20, top))
    return framed(name, title, " ".join(said), across, axis, top, parts)
