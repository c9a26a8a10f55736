"""Making a value of what came, by the type of its field."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from funcdl import FuncdlError
from studykit.schema.names import short, unknown
from studykit.schema.rules import IN_ORDER, LARGEST, Entries, Form, Sized, Within, words

__all__ = ["MisfitError", "record_of", "value_of"]


class MisfitError(FuncdlError, ValueError):
    """What was expected and what came, at a place within what is read."""

    def __init__(self, message: str = "", place: str = "") -> None:
        super().__init__(message)
        self.place = place


@lru_cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def record_of(kind: Any, fields: Any, place: str, others: bool = False) -> Any:
    """Make a record of an object, if each of its keys is one of the record's, unless `others`."""
    if not isinstance(fields, dict):
        raise _misfit(place, "an object", fields)
    hints = _hints(kind)
    for key in fields:
        if key not in hints and not others:
            raise MisfitError(unknown(key, list(hints)), _below(place, key))
    for key, hint in hints.items():
        if key not in fields and key not in kind._field_defaults:
            raise MisfitError(f"expected {words(hint)}, found none", _below(place, key))
    return _checked(
        kind(
            **{
                key: value_of(hint, fields[key], _below(place, key))
                for key, hint in hints.items()
                if key in fields
            }
        ),
        place,
    )


def _checked(record: Any, place: str) -> Any:
    contradiction = record.contradiction() if hasattr(record, "contradiction") else None
    if contradiction:
        raise MisfitError(contradiction, place)
    return record


def value_of(hint: Any, value: Any, place: str) -> Any:
    """Make a value of what came, if the hint fits it."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin is Annotated:
        return _annotated(hint, value, place)
    if origin in (Union, UnionType):
        return _either(hint, value, place)
    if origin is list and isinstance(value, list):
        return [value_of(args[0], entry, f"{place}[{i}]") for i, entry in enumerate(value)]
    if origin is tuple and isinstance(value, list) and len(value) == len(args):
        return tuple(
            value_of(own, entry, f"{place}[{i}]") for i, (own, entry) in enumerate(zip(args, value))
        )
    if origin is dict and isinstance(value, dict):
        return dict(_items(args[0], args[1], value, place))
    if hasattr(hint, "_fields"):
        return record_of(hint, value, place)
    if hint in (bool, int, str, NoneType) and type(value) is hint:
        return value
    if hint is float and type(value) in (int, float) and abs(value) <= LARGEST:
        return value
    raise _misfit(place, words(hint), value)


def _either(hint: Any, value: Any, place: str) -> Any:
    """Try the parts of a union; of the errors, that of what is no scalar tells most."""
    inner: MisfitError | None = None
    for own in get_args(hint):
        try:
            return value_of(own, value, place)
        except MisfitError as misfit:
            inner = misfit if misfit.place != place else inner
    raise inner or _misfit(place, words(hint), value)


def _annotated(hint: Any, value: Any, place: str) -> Any:
    base, *rules = get_args(hint)
    if IN_ORDER in rules:
        names = base._fields
        if not isinstance(value, list) or len(value) != len(names):
            raise _misfit(place, f"a list of {', '.join(names)}", value)
        return record_of(base, dict(zip(names, value)), place)
    for rule in rules:
        if isinstance(rule, Form):
            try:
                return rule.make(value)
            except (ValueError, TypeError, IndexError, OverflowError, RecursionError):
                raise _misfit(place, rule.words, value) from None
    try:
        taken = value_of(base, value, place)
    except MisfitError as misfit:
        # Of the value itself all is said that is known, of what is in it what is wrong there.
        raise misfit if misfit.place != place else _misfit(place, words(hint), value) from None
    for rule in rules:
        if isinstance(rule, Within):
            fits = rule.least <= taken <= rule.most
        elif isinstance(rule, Sized):
            fits = rule.least <= len(taken) <= (rule.least if rule.most is None else rule.most)
        else:
            fits = len(taken) == len(rule.hints)
        if not fits:
            raise _misfit(place, words(hint), value)
        if isinstance(rule, Entries):
            taken = [
                value_of(own, entry, f"{place}[{i}]")
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
            yield key, value_of(hint, entry, below)
        else:
            whole = key.isascii() and key.isdecimal() and len(key) < 19
            yield (
                value_of(key_hint, int(key) if whole else key, below),
                value_of(hint, entry, below),
            )


def _below(place: str, key: str) -> str:
    """Name a key within a place; one that is no name is quoted."""
    name = key if key.isascii() and key.isprintable() and 0 < len(key) <= 40 else short(key)
    return f"{place}.{name}" if place else name


def _misfit(place: str, expected: str, value: Any) -> MisfitError:
    return MisfitError(f"expected {expected}, got {short(value)}", place)
