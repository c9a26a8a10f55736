"""What an error says of names that there are not, and of values."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

__all__ = ["nearest", "short", "unknown"]


def unknown(key: str, known: Sequence[str], what: str = "keys") -> str:
    """Say what was expected for a key that there is not, with the nearest that there is.

    >>> unknown("round", ["model", "rounds"])
    'expected one of the keys model, rounds; did you mean rounds?'
    """
    return f"expected one of the {what} {', '.join(known)}{nearest(key, known)}"


def nearest(key: str, known: Sequence[str]) -> str:
    """Ask whether the nearest of known names was meant; nothing where none is near."""
    near = get_close_matches(key, known, 1)
    return f"; did you mean {near[0]}?" if near else ""


def short(value: Any) -> str:
    """Write a value in a few characters."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return "…"
    return text if len(text) <= 40 else f"{text[:39]}…"
