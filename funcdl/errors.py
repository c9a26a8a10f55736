"""The library's errors: one base, each also the built-in error that a caller would expect."""

from __future__ import annotations

import re
import sys
from typing import Any, TypeVar

__all__ = [
    "ContractError",
    "DerivativeError",
    "FuncdlError",
    "FuncdlWarning",
    "InputError",
    "KindError",
    "NestingError",
    "ResourceError",
    "ShapeError",
    "TreeError",
    "UsageError",
    "brief",
    "exhausted",
    "recorded",
]

IN_PLACE = re.compile("in-?place")
E = TypeVar("E", bound="FuncdlError")


class FuncdlError(Exception):
    """Base of every error that funcdl raises: one sentence, led by the path to the culprit."""

    def __init__(self, message: str = "") -> None:
        # A tensor that came in the place of something else is written in several lines.
        super().__init__(" ".join(message.split()) if "\n" in message else message)

    def __reduce__(self) -> str | tuple[Any, ...]:
        # As inherited. Where it is not stated, tblib, which dask makes the pickler of exceptions,
        # takes an __init__ of one's own for a broken one and makes the error without calling it.
        return super().__reduce__()

    def within(self: E, place: str) -> E:
        """Return the same error as seen from one level further out.

        >>> str(ShapeError("linear: expected x (…, 196), got (32, 14, 14)").within("serial[2]"))
        'serial[2] linear: expected x (…, 196), got (32, 14, 14)'
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


class ContractError(FuncdlError, ValueError):
    """A layer that breaks the contract; the message names the property."""


class DerivativeError(FuncdlError, ValueError):
    """A vjp that does not fit the values of its layer."""


class ResourceError(FuncdlError, MemoryError):
    """Out of memory for what was asked, or out of stack for a nesting that is too deep."""


class NestingError(ResourceError):
    """A nesting that Python's recursion limit cuts off; the path to it would be as long."""

    def within(self: E, place: str) -> E:
        """Return the error unchanged."""
        return self


class FuncdlWarning(FuncdlError, UserWarning):  # noqa: N818 - it is a warning first
    """What is probably not meant, said once; where warnings are errors, it is one of funcdl's."""


# What torch says where memory is refused, and where a size does not fit a machine's integer.
NO_MEMORY = re.compile(r"(allocate|not enough|out of) memory", re.IGNORECASE)
NO_SIZE = re.compile(r"size calculation overflowed|verflow when unpacking|multiplication overflow")
BYTES = re.compile(r"allocate (\d+) bytes|allocate ([\d.]+ [KMGTPE]i?B)")


def exhausted(where: str, error: BaseException) -> FuncdlError | None:
    """Say in one sentence what memory or stack was too small for; None for any other error.

    >>> exhausted("linear", MemoryError())
    ResourceError('linear: expected memory for what was asked, got none')
    >>> exhausted("linear", ValueError())
    """
    if isinstance(error, RecursionError):
        limit = sys.getrecursionlimit()
        return NestingError(
            f"{where}: expected a nesting that Python's recursion limit of {limit} calls allows, "
            "got a deeper one"
        )
    text = str(error)
    if isinstance(error, MemoryError) or NO_MEMORY.search(text):
        size = BYTES.search(text)
        asked = "what was asked"
        if size:
            asked = f"{int(size[1]):,} bytes" if size[1] else size[2]
        return ResourceError(f"{where}: expected memory for {asked}, got none")
    if NO_SIZE.search(text) or "index-sized integer" in text:
        return ResourceError(
            f"{where}: expected sizes that memory can have, got more than 64 bits can count"
        )
    return None


def recorded(where: str, error: BaseException) -> FuncdlError | None:
    """Say in one sentence that autograd may not record what is written in place; None for others.

    >>> recorded("linear", RuntimeError("a leaf is being used in an in-place operation."))
    UsageError('linear: expected autograd to be off, as in torch.no_grad(), ...')
    >>> recorded("linear", ValueError())
    """
    if not IN_PLACE.search(str(error)):
        return None
    return UsageError(
        f"{where}: expected autograd to be off, as in torch.no_grad(), since it writes in place, "
        "got a tensor that asks for a gradient"
    )


def brief(value: object) -> str:
    """Write a value as Python does, where it can: integers may have too many digits.

    >>> brief((3,)), brief(10**5000)
    ('(3,)', '…')
    """
    try:
        return repr(value)
    except ValueError:
        return "…"
