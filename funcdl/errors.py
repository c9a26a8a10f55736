"""The library's errors: one base, each also the built-in error that a caller would expect."""

from __future__ import annotations

from typing import TypeVar

__all__ = [
    "DerivativeError",
    "FuncdlError",
    "InputError",
    "KindError",
    "ShapeError",
    "TreeError",
    "UsageError",
]

E = TypeVar("E", bound="FuncdlError")


class FuncdlError(Exception):
    """Base of every error that funcdl raises: one sentence, led by the path to the culprit."""

    def __init__(self, message: str = "") -> None:
        # A tensor that came in the place of something else is written in several lines.
        super().__init__(" ".join(message.split()) if "\n" in message else message)

    def within(self: E, place: str) -> E:
        """Return the same error as seen from one level further out.

        >>> str(ShapeError("linear: expected (…, 196), got (32, 14, 14)").within("serial[2]"))
        'serial[2] linear: expected (…, 196), got (32, 14, 14)'
        """
        return type(self)(f"{place} {self}")


class InputError(FuncdlError, ValueError):
    """A value outside its range: a width of 0, a negative rate."""


class ShapeError(FuncdlError, ValueError):
    """A shape that does not fit the layer, or parameters that do not fit the input."""


class TreeError(FuncdlError, ValueError):
    """Two pytrees whose structures differ; the message names the first path where they do."""


class KindError(FuncdlError, TypeError):
    """An object of the wrong kind: a string for a layer, a number for a generator."""


class UsageError(FuncdlError, RuntimeError):
    """A call out of order: `backward` before `forward`."""


class DerivativeError(FuncdlError, ValueError):
    """A vjp that does not fit the values of its layer."""
