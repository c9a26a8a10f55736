"""A figure of one row a model: its rounds as dots, with their quartiles."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median, quantiles
from typing import NamedTuple

from studykit.svg.elements import element, line, words
from studykit.svg.rows import HEADING, at, framed, group, headings, short
from studykit.svg.scale import scale

__all__ = ["Strip", "strips"]


class Strip(NamedTuple):
    """The values of one model, one a round, with the words at its left and right.

    Rows of one group follow each other, under its name.
    """

    label: str
    note: str
    values: Sequence[float]
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
    for row, heading in zip(rows, headings([row.group for row in rows])):
        parts += group(heading, top)
        top += HEADING if heading else 0
        first, middle, third = _quartiles(row.values)
        parts += [
            words(short(row.label), "0", top + 16, "start", "label"),
            words(row.note, "100%", top + 16, "end", "label"),
            element(
                "rect",
                kind="box",
                x=at(across, first),
                y=top + 24,
                height=20,
                rx=2,
                width=f"{float(at(across, third)[:-1]) - float(at(across, first)[:-1]):.2f}%",
            ),
            line("median", at(across, middle), at(across, middle), top + 22, top + 46),
        ]
        for k, value in enumerate(row.values):
            # Spread by rank in a fixed pattern, so that equal values do not hide each other.
            y = top + 34 + (k * 5 % 7 - 3) * 2
            parts.append(element("circle", kind="dot", cx=at(across, value), cy=y, r=3.5))
        said.append(
            f"{row.label}: {len(row.values)} values from {min(row.values):.2f} to "
            f"{max(row.values):.2f}, median {middle:.2f}."
        )
        top += 58
    return framed(name, title, " ".join(said), across, axis, top, parts)


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) == 1:
        return values[0], values[0], values[0]
    first, _, third = quantiles(values, n=4, method="inclusive")
    return first, median(values), third
