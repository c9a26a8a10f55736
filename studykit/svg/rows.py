"""What figures of one row a model or an effect share: groups of rows over one axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from studykit.svg.elements import figure, line, words
from studykit.svg.scale import Scale

__all__ = ["HEADING", "at", "framed", "group", "headings", "short"]

EDGE = 5.0
"""Per cent of the width that stay free at either end, for half a label of the axis."""

HEADING = 30
"""Pixels of the words over a group of rows."""

LABELS = 8
"""So many marks have words: more would run into each other on a phone."""


def framed(
    name: str,
    title: str,
    about: str,
    across: Scale,
    axis: str,
    height: int,
    parts: Sequence[str],
) -> str:
    """Put rows over their axis.

    Args:
        name: of the figure, unique in its page.
        title: what it shows, in a few words.
        about: its numbers in words.
        across: the scale of the axis.
        axis: what its numbers are.
        height: of the rows, in pixels.
        parts: the rows, as markup.
    """
    said = f"{axis} (logarithmic)" if across.log else axis
    under = words(said, "100%", height + 38, "end", "under")
    return figure(name, title, about, height + 46, [*_grid(across, height), *parts, under])


def _grid(across: Scale, height: int) -> Iterator[str]:
    for mark, said in across.labels(LABELS):
        yield line("grid", at(across, mark), at(across, mark), 0, height)
        if said:
            yield words(said, at(across, mark), height + 18, "middle", "under")


def headings(groups: Sequence[str]) -> Iterator[str]:
    """Give each row the name of its group where that begins."""
    before = ""
    for name in groups:
        yield name if name != before else ""
        before = name


def group(heading: str, top: int) -> Iterator[str]:
    """Draw a group's name with a rule over it, if it has one."""
    if heading:
        yield line("rule", "0", "100%", top + 6, top + 6)
        yield words(short(heading), "0", top + 24, "start", "group")


def at(across: Scale, value: float) -> str:
    """Place a value, in per cent of the width."""
    return f"{EDGE + (100 - 2 * EDGE) * across(value):.2f}%"


def short(text: str, most: int = 36) -> str:
    """Cut what would run into the words at the right; the description has it whole."""
    return text if len(text) <= most else text[: most - 1] + "…"
