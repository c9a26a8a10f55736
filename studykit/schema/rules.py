"""What `Annotated` says of a field beside its type, and how it is said in words."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

__all__ = ["IN_ORDER", "LARGEST", "Count", "Entries", "Form", "Share", "Sized", "Within", "words"]

LARGEST = sys.float_info.max
"""The largest finite number."""

IN_ORDER = object()
"""Marks a record that is a list of its fields in the file."""


class Within(NamedTuple):
    """Of a number: from `least` to `most`, both of them included."""

    least: float
    most: float = LARGEST

    def __str__(self) -> str:
        return (
            f"of at least {self.least:,}"
            if self.most >= 2**53
            else f"from {self.least:,} to {self.most:,}"
        )


class Sized(NamedTuple):
    """Of a list: from `least` to `most` entries, or as many as `least`."""

    least: int
    most: int | None = None

    def __str__(self) -> str:
        most = self.least if self.most is None else self.most
        return f"of {self.least}" if most == self.least else f"of {self.least} to {most}"


class Entries(NamedTuple):
    """Of a list: the type of each entry in turn."""

    hints: tuple[Any, ...]

    def __str__(self) -> str:
        return f"of {len(self.hints)}"


class Form(NamedTuple):
    """Of anything: what it is in words, and what makes a value of it or raises ValueError."""

    words: str
    make: Callable[[Any], Any]


Share = Annotated[float, Within(0, 1)]
Count = Annotated[int, Within(0, 2**53)]
"""Numbers up to there are whole in JSON wherever it is read."""


def words(hint: Any) -> str:
    """Say what is expected.

    >>> words(Share | None), words(Annotated[list[int], Sized(3)])
    ('a number from 0 to 1 or null', 'a list of 3')
    """
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        base, *rules = args
        forms = [rule.words for rule in rules if isinstance(rule, Form)]
        if forms:
            return forms[0]
        if IN_ORDER in rules:
            return f"a list of {', '.join(base._fields)}"
        plain = "a number" if base is float else words(base)
        return " ".join([plain, *map(str, rules)])
    if origin in (Union, UnionType):
        return " or ".join(map(words, args))
    if origin is tuple:
        return f"a list of {len(args)}"
    if origin is list:
        return "a list"
    scalars = {int: "an integer", float: "a finite number", str: "a string"}
    return scalars.get(hint) or {bool: "true or false", NoneType: "null"}.get(hint, "an object")
