"""Where words go: results to standard output, notes, progress and errors to standard error.

Everything that is printed, by whomever, ends in one of the two streams, and these write what their
encoding lacks in plain characters (`funcdl_cli.plain`). The consoles here do so before they lay
out, so that a table stays in line.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from textwrap import wrap
from typing import Any

from rich.console import Console, ConsoleDimensions
from rich.text import Text

from funcdl_cli.plain import plain

__all__ = ["err", "funcdl_version", "hush", "notes", "out", "say", "say_json"]

WIDE = 10_000
"""Columns of what is no terminal: a file has room for every line."""


class _Console(Console):
    """As wide as its terminal, and in the characters that its stream has."""

    @property  # type: ignore[misc]
    def size(self) -> ConsoleDimensions:
        """The terminal's size; COLUMNS goes before, and where there is neither, nothing wraps."""
        columns = os.environ.get("COLUMNS", "")
        size = super().size
        if columns.isdigit() and int(columns):
            return ConsoleDimensions(int(columns), size.height)
        if not self.is_terminal:
            return ConsoleDimensions(WIDE, size.height)
        if self.is_dumb_terminal:
            with suppress(OSError):  # it has a width too
                return ConsoleDimensions(*os.get_terminal_size(self.file.fileno()))
        return size

    def print(self, *parts: Any, **settings: Any) -> None:
        super().print(*parts, **{"crop": False, **settings})  # nothing is lost that is too wide

    def render_str(self, text: str, **settings: Any) -> Text:
        return super().render_str(plain(text, self.encoding), **settings)


class _Sentences(_Console):
    """For lines, which a terminal breaks between words, and nothing else breaks."""

    def __init__(self, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, soft_wrap=True, highlight=False, markup=False, emoji=False)

    def print(self, *lines: Any, **settings: Any) -> None:
        super().print(
            *(_broken(self, line) if isinstance(line, str) else line for line in lines), **settings
        )


out = _Console(emoji=False)
_said = _Sentences()
err = _Sentences(stderr=True)
notes = _Sentences(stderr=True)
"""What is of no use once the command has ended; `--quiet` silences it."""


def _broken(console: Console, text: str) -> str:
    """Break long lines of a text between words where there is a terminal; a word stays whole."""
    if not console.is_terminal:
        return text
    lines = []
    for line in plain(text, console.encoding).split("\n"):
        inside = " " * (len(line) - len(line.lstrip()))
        whole = len(line) <= console.width
        lines += (
            [line]
            if whole
            else wrap(
                line,
                console.width,
                subsequent_indent=inside,
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
    return "\n".join(lines)


def hush(quiet: bool) -> bool:
    """Silence the notes, or let them be heard again."""
    notes.quiet = quiet
    return quiet


def say(text: str) -> None:
    """Print lines of the result as they are."""
    _said.print(text)


def say_json(document: Any) -> None:
    """Print a result as one JSON document in ASCII, which every locale can write.

    Raises:
        ValueError: a number in it is not finite, which JSON has no word for.
    """
    print(json.dumps(document, indent=2, allow_nan=False))


def funcdl_version() -> str:
    """Return the version of funcdl that is installed."""
    try:
        return version("funcdl")
    except PackageNotFoundError:
        return "(not installed)"
