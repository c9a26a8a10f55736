"""Reading a record, or one field, or refusing it in one sentence; and writing it by its names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from funcdl import FuncdlError
from studykit.files import ResultsError
from studykit.schema.values import MisfitError, record_of, taker

__all__ = ["field", "named", "read"]

R = TypeVar("R")


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

    >>> from studykit.schema import Within
    >>> read(Within, {"least": 0, "most": 9}, "bounds.json")
    Within(least=0, most=9)
    >>> read(Within, {"least": "0"}, "bounds.json")
    Traceback (most recent call last):
    studykit.files.ResultsError: bounds.json: least: expected a finite number, got '0'
    >>> read(Within, {"least": 0, "mots": 9}, "bounds.json")
    Traceback (most recent call last):
    studykit.files.ResultsError: bounds.json: mots: expected one of the keys least, most; did you mean most?
    """  # noqa: E501
    own: Any = kind
    record: R = _raising(record_of(own, others), fields, where, error)
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
    return _raising(taker(hint), value, where, error)


def named(record: Any) -> Any:
    """Return a record as JSON has it, every value by its name, and those within it too."""
    if not hasattr(record, "_asdict"):
        return record
    return {key: named(value) for key, value in record._asdict().items()}


def _raising(take: Callable[[Any], R], value: Any, where: str, error: type[FuncdlError]) -> R:
    try:
        return take(value)
    except MisfitError as misfit:
        place = f"{where}: {misfit.place}" if misfit.place else where
        raise error(f"{place}: {misfit}") from None
