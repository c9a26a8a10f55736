"""Where words go: results to standard output, notes, progress and errors to standard error."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rich.console import Console

__all__ = ["err", "funcdl_version", "hush", "notes", "out", "say", "say_json"]

LEAST = 80
"""A table in fewer columns would leave numbers out; a narrower terminal wraps its lines."""

out = Console()
if out.width < LEAST:
    out.width = LEAST
err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
notes = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
"""What is of no use once the command has ended; `--quiet` silences it."""


def hush(quiet: bool) -> bool:
    """Silence the notes, or let them be heard again."""
    notes.quiet = quiet
    return quiet


def say(text: str) -> None:
    """Print a line of the result as it is."""
    out.print(text, soft_wrap=True, highlight=False, markup=False)


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
