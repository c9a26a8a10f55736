"""Standard streams that are closed, or that nobody reads any longer."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

__all__ = ["fill", "let_go"]


def fill() -> None:
    """Put something where a standard stream is closed: the next file opened would take its place.

    What is written to standard output fails then, as on a full disk, and is not lost in silence;
    notes and errors that have nowhere to go are.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(null, mode, encoding="utf-8"))  # noqa: SIM115


def let_go() -> None:
    """Drop what could not be written to standard output: it would fail again at the very end."""
    with suppress(OSError, ValueError):  # a stream of another kind has no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
