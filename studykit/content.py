"""What a report holds, whatever its format: tables in words, figures, and records in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from studykit.formats.records import Records

__all__ = ["Content", "Figure", "Sheet", "made_sheet"]


class Sheet(NamedTuple):
    """A table in words: a page, a terminal and each format lay it out in their own way.

    Attributes:
        name: of its file, or of its label.
        caption: what it shows.
        headings: of its columns.
        body: a cell a column in each row.
        words: the headings of columns that hold words; the others hold numbers.
        groups: what each row belongs to; none where all belong together.
    """

    name: str
    caption: str
    headings: Sequence[str]
    body: Sequence[Sequence[str]]
    words: Sequence[str] = ()
    groups: Sequence[str] = ()


class Figure(NamedTuple):
    """A figure with its caption.

    Attributes:
        name: of its file, and unique in its page.
        caption: what is to be known to read it.
        drawn: SVG that stands in a page.
    """

    name: str
    caption: str
    drawn: str


class Content(NamedTuple):
    """Results, for any format.

    Attributes:
        title: of them all.
        sheets: tables in words.
        figures: with their captions.
        records: in numbers, by the name of their file.
    """

    title: str
    sheets: Sequence[Sheet]
    figures: Sequence[Figure]
    records: Mapping[str, Records]


def made_sheet(
    command: str | None, settings: Mapping[str, Any], versions: Mapping[str, Any]
) -> Sheet:
    """Tell how the results were made: the command that gives them again, settings and versions."""
    body: Sequence[Sequence[str]] = [
        *([["command", command]] if command is not None else []),
        *([key.replace("_", " "), str(value)] for key, value in {**settings, **versions}.items()),
    ]
    return Sheet("made", "How the results were made", ["what", "value"], body, ["what", "value"])
