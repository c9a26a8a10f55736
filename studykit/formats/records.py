"""Named tuples as rows of numbers, a column a number, as `summary.json` and the rows have them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

__all__ = ["Records", "as_csv", "records"]


class Records(NamedTuple):
    """A table of numbers and names; None where there is nothing."""

    columns: Sequence[str]
    body: Sequence[Sequence[Any]]


def records(
    kind: type[Any], found: Sequence[Any], beside: Sequence[Mapping[str, Any]] = ()
) -> Records:
    """Lay out named tuples: a field that is one itself has a column for each of its own.

    Args:
        kind: the class of what is laid out, whose columns are there if nothing is found.
        found: of this class.
        beside: what stands before each, under the same names.

    >>> from studykit.statistics import Interval
    >>> records(Interval, [Interval(1.0, None, 2.0)], [{"at": 5}])
    Records(columns=['at', 'mean', 'low', 'high'], body=[[5, 1.0, None, 2.0]])
    """
    first = list(beside[0]) if beside else []
    own = beside or [{}] * len(found)
    return Records(
        [*first, *_columns(kind)],
        [[*before.values(), *_values(kind, one)] for before, one in zip(own, found)],
    )


def as_csv(table: Records) -> str:
    """Write a table as RFC 4180 has it; numbers as JSON has them, nothing for None.

    A name that a spreadsheet would take for a formula has an apostrophe before it.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(table.columns)
    for row in table.body:
        writer.writerow([_harmless(value) for value in row])
    return out.getvalue().encode("utf-8", "replace").decode()


def _harmless(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return json.dumps(value) if isinstance(value, (list, tuple, dict)) else value


def _fields(kind: type[Any]) -> Iterator[tuple[str, Any]]:
    """List the fields of a named tuple, each with its class if that is one, else None."""
    for name, hint in get_type_hints(kind).items():
        either = get_args(hint) if get_origin(hint) in (Union, UnionType) else ()
        nested = [one for one in (hint, *either) if hasattr(one, "_fields")]
        yield name, nested[0] if nested else None


def _columns(kind: type[Any]) -> list[str]:
    return [
        column
        for name, nested in _fields(kind)
        for column in ([name] if nested is None else [f"{name}_{c}" for c in _columns(nested)])
    ]


def _values(kind: type[Any], one: Any) -> Iterator[Any]:
    for name, nested in _fields(kind):
        value = None if one is None else getattr(one, name)
        if nested is None:
            yield value
        else:
            yield from _values(nested, value)
