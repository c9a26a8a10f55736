"""Making a value of what came, by the type of its field.

For each type a function is made once, from a value to what is read: a study has many rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from funcdl import FuncdlError
from studykit.schema.names import short, unknown
from studykit.schema.rules import IN_ORDER, LARGEST, Entries, Form, Sized, Within, words

__all__ = ["MisfitError", "record_of", "taker"]

Take = Callable[[Any], Any]


class MisfitError(FuncdlError, ValueError):
    """What was expected and what came, at a place within what is read."""

    def __init__(self, message: str = "", place: str = "") -> None:
        super().__init__(message)
        self.place = place

    def below(self, place: str) -> MisfitError:
        """Return the same error as seen from where it is at a place."""
        dot = "." if self.place and not self.place.startswith("[") else ""
        return MisfitError(str(self), f"{place}{dot}{self.place}")


@cache
def record_of(kind: Any, others: bool = False) -> Take:
    """Return what makes a record of an object; keys that it has not are refused unless `others`."""
    hints = get_type_hints(kind, include_extras=True)
    takes = {key: taker(hint) for key, hint in hints.items()}
    needed = [key for key in hints if key not in kind._field_defaults]
    contradiction = getattr(kind, "contradiction", None)

    def take(fields: Any) -> Any:
        if not isinstance(fields, dict):
            raise _misfit("an object", fields)
        for key in fields:
            if key not in takes and not others:
                raise MisfitError(unknown(key, list(hints)), _name(key))
        for key in needed:
            if key not in fields:
                raise MisfitError(f"expected {words(hints[key])}, found none", key)
        there = [key for key in takes if key in fields]
        found = _each([takes[key] for key in there], [fields[key] for key in there], there)
        record = kind(**dict(zip(there, found)))
        if contradiction is not None and (said := contradiction(record)):
            raise MisfitError(said)
        return record

    return take


@cache
def taker(hint: Any) -> Take:
    """Return what makes a value of a type of what came, or raises a MisfitError."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda value: value
    if origin is Annotated:
        return _annotated(hint)
    if origin in (Union, UnionType):
        return _either(hint)
    if origin is list:
        item = taker(args[0])
        return lambda value: _each([item] * len(_of(list, hint, value)), value)
    if origin is tuple:
        items = [taker(own) for own in args]
        return lambda value: tuple(_each(items, _of(list, hint, value, len(items))))
    if origin is dict:
        return _dictionary(hint)
    return record_of(hint) if hasattr(hint, "_fields") else _scalar(hint)


def _scalar(hint: Any) -> Take:
    kinds = (int, float) if hint is float else (hint,)

    def take(value: Any) -> Any:
        # True is an int to Python, not to a reader; NaN is at most nothing.
        if type(value) not in kinds or (hint is float and not abs(value) <= LARGEST):
            raise _misfit(words(hint), value)
        return value

    return take


def _either(hint: Any) -> Take:
    """Try the parts of a union; of their errors, one from within a value tells most."""
    takes = [taker(own) for own in get_args(hint)]

    def take(value: Any) -> Any:
        inner: MisfitError | None = None
        for one in takes:
            try:
                return one(value)
            except MisfitError as misfit:
                inner = misfit if misfit.place else inner
        raise inner or _misfit(words(hint), value)

    return take


def _annotated(hint: Any) -> Take:
    base, *rules = get_args(hint)
    if IN_ORDER in rules:
        record = taker(base)
        return lambda value: record(
            dict(zip(base._fields, _of(list, hint, value, len(base._fields))))
        )
    for rule in rules:
        if isinstance(rule, Form):
            return _formed(rule)
    if base in (int, float) and len(rules) == 1 and isinstance(rules[0], Within):
        return _bounded(hint, (int, float) if base is float else (int,), *rules[0])
    plain, holds = taker(base), [_holds(rule) for rule in rules]
    entries = [taker(own) for rule in rules if isinstance(rule, Entries) for own in rule.hints]

    def take(value: Any) -> Any:
        try:
            taken = plain(value)
        except MisfitError as misfit:
            # Of the value itself all is said that is known, of what is in it what is wrong there.
            raise misfit if misfit.place else _misfit(words(hint), value) from None
        if not all(one(taken) for one in holds):
            raise _misfit(words(hint), value)
        return _each(entries, taken) if entries else taken

    return take


def _bounded(hint: Any, kinds: tuple[type, ...], least: float, most: float) -> Take:
    """Do as a number's type and its bounds together: rows are made of such."""

    def take(value: Any) -> Any:
        if type(value) in kinds and least <= value <= most:
            return value
        raise _misfit(words(hint), value)

    return take


def _formed(form: Form) -> Take:
    def take(value: Any) -> Any:
        try:
            return form.make(value)
        except (
            ValueError,
            TypeError,
            AttributeError,
            LookupError,
            ArithmeticError,
            RecursionError,
        ):
            raise _misfit(form.words, value) from None

    return take


def _holds(rule: Within | Sized | Entries) -> Callable[[Any], bool]:
    if isinstance(rule, Within):
        least, most = rule
        return lambda value: least <= value <= most
    if isinstance(rule, Entries):
        return lambda value: len(value) == len(rule.hints)
    fewest, largest = rule.least, rule.least if rule.most is None else rule.most
    return lambda value: fewest <= len(value) <= largest


def _dictionary(hint: Any) -> Take:
    """Read the entries of an object, whose keys may be integers."""
    key_hint, entry_hint = get_args(hint)
    key_of, entry_of = taker(key_hint), taker(entry_hint)

    def number(key: str) -> Any:
        return int(key) if key.isascii() and key.isdecimal() and len(key) < 19 else key

    def take(value: Any) -> Any:
        names = [_name(key) for key in _of(dict, hint, value)]
        keys = list(value) if key_hint is str else [number(key) for key in value]
        keys = _each([key_of] * len(keys), keys, names)
        return dict(zip(keys, _each([entry_of] * len(keys), list(value.values()), names)))

    return take


def _each(takes: Sequence[Take], values: Sequence[Any], names: Sequence[str] = ()) -> list[Any]:
    """Make a value of each, and say at which place one could not be made."""
    try:
        return [take(value) for take, value in zip(takes, values)]
    except MisfitError:
        for i, (take, value) in enumerate(zip(takes, values)):
            try:
                take(value)
            except MisfitError as misfit:
                raise misfit.below(names[i] if names else f"[{i}]") from None
        raise


def _of(kind: type[Any], hint: Any, value: Any, length: int | None = None) -> Any:
    if not isinstance(value, kind) or (length is not None and len(value) != length):
        raise _misfit(words(hint), value)
    return value


def _name(key: str) -> str:
    """Name a key; one that is no name is quoted."""
    return key if key.isascii() and key.isprintable() and 0 < len(key) <= 40 else short(key)


def _misfit(expected: str, value: Any) -> MisfitError:
    return MisfitError(f"expected {expected}, got {short(value)}")
