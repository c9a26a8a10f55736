"""Records that come out of a file: the types of a NamedTuple's fields say what is read.

A field is a `bool`, an `int`, a `float`, a `str`, `None`, `Any`, another NamedTuple, a list, a
tuple or a dictionary of these, or a union; `Annotated` says more of it. A field with a default may
be missing, so that files from before it are read. A record whose fields must fit each other has a
method `contradiction`, which says what was expected and what came, or nothing.

    class Point(NamedTuple):
        name: str
        place: Annotated[float, Within(0, 1)] = 0.5

An integer is a number too, and stays one; what is written by `named` is read as it was.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from funcdl import FuncdlError
from studykit.files import ResultsError

__all__ = [
    "IN_ORDER",
    "Count",
    "Entries",
    "Form",
    "Share",
    "Sized",
    "Within",
    "field",
    "named",
    "nearest",
    "read",
    "short",
    "unknown",
]

R = TypeVar("R")

LARGEST = sys.float_info.max

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


class _MisfitError(Exception):
    """What was expected, and what came: nothing where `came` is empty."""

    def __init__(self, place: str, expected: str, came: str) -> None:
        super().__init__(place, expected, came)
        self.place, self.expected, self.came = place, expected, came


def read(
    kind: type[R],
    fields: Any,
    where: str,
    *,
    others: bool = False,
    error: type[FuncdlError] = ResultsError,
) -> R:
    """Make a record of what came out of a file.

    Args:
        kind: a NamedTuple.
        fields: an object of JSON.
        where: what an error begins with: the file, and the line.
        others: whether keys that the record has not are left out, not refused.
        error: what is raised.

    Raises:
        error: one sentence: where, the key, what was expected, what came.

    >>> class Point(NamedTuple):
    ...     name: str
    ...     place: Annotated[float, Within(0, 1)] = 0.5
    >>> read(Point, {"name": "a"}, "points.json")
    Point(name='a', place=0.5)
    >>> read(Point, {"name": "a", "place": 2}, "points.json")
    Traceback (most recent call last):
    studykit.files.ResultsError: points.json: place: expected a number from 0 to 1, got 2
    >>> read(Point, {"name": "a", "plaice": 1}, "points.json")
    Traceback (most recent call last):
    studykit.files.ResultsError: points.json: plaice: expected one of the keys name, place; did you mean place?
    """  # noqa: E501
    record: R = _raising(lambda: _record(kind, fields, "", others), where, error)
    return record


def field(hint: Any, value: Any, where: str, error: type[FuncdlError] = ResultsError) -> Any:
    """Make a value of one field.

    Args:
        hint: its type.
        value: what came.
        where: what an error begins with: the file, and the key.
        error: what is raised.

    Raises:
        error: one sentence.
    """
    return _raising(lambda: _taken(hint, value, ""), where, error)


def named(record: Any) -> Any:
    """Return a record as JSON has it, every value by its name, and those within it too."""
    if not hasattr(record, "_asdict"):
        return record
    return {key: named(value) for key, value in record._asdict().items()}


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


def _raising(make: Callable[[], R], where: str, error: type[FuncdlError]) -> R:
    try:
        return make()
    except _MisfitError as misfit:
        place = f"{where}: {misfit.place}" if misfit.place else where
        raise error(f"{place}: {misfit.expected}{misfit.came}") from None


@lru_cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _record(kind: Any, fields: Any, place: str, others: bool = False) -> Any:
    if not isinstance(fields, dict):
        raise _misfit(place, "an object", fields)
    hints = _hints(kind)
    for key in fields:
        if key not in hints and not others:
            raise _MisfitError(_below(place, key), unknown(key, list(hints)), "")
    for key, hint in hints.items():
        if key not in fields and key not in kind._field_defaults:
            raise _MisfitError(_below(place, key), f"expected {_words(hint)}", ", found none")
    return _checked(
        kind(
            **{
                key: _taken(hint, fields[key], _below(place, key))
                for key, hint in hints.items()
                if key in fields
            }
        ),
        place,
    )


def _checked(record: Any, place: str) -> Any:
    contradiction = record.contradiction() if hasattr(record, "contradiction") else None
    if contradiction:
        raise _MisfitError(place, contradiction, "")
    return record


def _taken(hint: Any, value: Any, place: str) -> Any:
    """Make a value of what came, if the hint fits it."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin is Annotated:
        return _annotated(hint, value, place)
    if origin in (Union, UnionType):
        return _either(hint, value, place)
    if origin is list and isinstance(value, list):
        return [_taken(args[0], entry, f"{place}[{i}]") for i, entry in enumerate(value)]
    if origin is tuple and isinstance(value, list) and len(value) == len(args):
        return tuple(
            _taken(own, entry, f"{place}[{i}]") for i, (own, entry) in enumerate(zip(args, value))
        )
    if origin is dict and isinstance(value, dict):
        return dict(_items(args[0], args[1], value, place))
    if hasattr(hint, "_fields"):
        return _record(hint, value, place)
    if hint in (bool, int, str, NoneType) and type(value) is hint:
        return value
    if hint is float and type(value) in (int, float) and abs(value) <= LARGEST:
        return value
    raise _misfit(place, _words(hint), value)


def _either(hint: Any, value: Any, place: str) -> Any:
    """Try the parts of a union; of the errors, that of what is no scalar tells most."""
    inner: _MisfitError | None = None
    for own in get_args(hint):
        try:
            return _taken(own, value, place)
        except _MisfitError as misfit:
            inner = misfit if misfit.place != place else inner
    raise inner or _misfit(place, _words(hint), value)


def _annotated(hint: Any, value: Any, place: str) -> Any:
    base, *rules = get_args(hint)
    if IN_ORDER in rules:
        names = base._fields
        if not isinstance(value, list) or len(value) != len(names):
            raise _misfit(place, f"a list of {', '.join(names)}", value)
        return _record(base, dict(zip(names, value)), place)
    for rule in rules:
        if isinstance(rule, Form):
            try:
                return rule.make(value)
            except (ValueError, TypeError, IndexError, OverflowError, RecursionError):
                raise _misfit(place, rule.words, value) from None
    try:
        taken = _taken(base, value, place)
    except _MisfitError as misfit:
        # Of the value itself all is said that is known, of what is in it what is wrong there.
        raise misfit if misfit.place != place else _misfit(place, _words(hint), value) from None
    for rule in rules:
        if isinstance(rule, Within):
            fits = rule.least <= taken <= rule.most
        elif isinstance(rule, Sized):
            fits = rule.least <= len(taken) <= (rule.least if rule.most is None else rule.most)
        else:
            fits = len(taken) == len(rule.hints)
        if not fits:
            raise _misfit(place, _words(hint), value)
        if isinstance(rule, Entries):
            taken = [
                _taken(own, entry, f"{place}[{i}]")
                for i, (own, entry) in enumerate(zip(rule.hints, taken))
            ]
    return taken


def _items(
    key_hint: Any, hint: Any, value: dict[str, Any], place: str
) -> Iterator[tuple[Any, Any]]:
    """Read the entries of a dictionary, whose keys may be integers."""
    for key, entry in value.items():
        below = _below(place, key)
        if key_hint is str:
            yield key, _taken(hint, entry, below)
        else:
            whole = key.isascii() and key.isdecimal() and len(key) < 19
            yield _taken(key_hint, int(key) if whole else key, below), _taken(hint, entry, below)


def _words(hint: Any) -> str:
    """Say what is expected."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        base, *rules = args
        forms = [rule.words for rule in rules if isinstance(rule, Form)]
        if forms:
            return forms[0]
        if IN_ORDER in rules:
            return f"a list of {', '.join(base._fields)}"
        plain = "a number" if base is float else _words(base)
        return " ".join([plain, *map(str, rules)])
    if origin in (Union, UnionType):
        return " or ".join(map(_words, args))
    if origin is tuple:
        return f"a list of {len(args)}"
    if origin is list:
        return "a list"
    scalars = {int: "an integer", float: "a finite number", str: "a string"}
    return scalars.get(hint) or {bool: "true or false", NoneType: "null"}.get(hint, "an object")


def _below(place: str, key: str) -> str:
    """Name a key within a place; one that is no name is quoted."""
    name = key if key.isascii() and key.isprintable() and 0 < len(key) <= 40 else short(key)
    return f"{place}.{name}" if place else name


def _misfit(place: str, expected: str, value: Any) -> _MisfitError:
    return _MisfitError(place, f"expected {expected}", f", got {short(value)}")
