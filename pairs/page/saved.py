"""A folder of results, read and left as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pairs.details import Details, checked
from pairs.models import MODELS
from pairs.results import DETAILS, ROWS, SUMMARY, ResultsError
from pairs.training import Row

__all__ = ["Study", "by_model", "load"]


class Study(NamedTuple):
    """What a folder holds: the rows, and the settings and versions that they were made with.

    `details` has those of the rounds that were watched, in the order of their rows: none in a
    folder that is older than they are.
    """

    settings: dict[str, Any]
    versions: dict[str, Any]
    rows: list[Row]
    details: Sequence[Details] = ()


def load(folder: Path) -> Study:
    """Read what `funcdl-cli pairs --out` wrote, whether or not it is finished.

    Half a row at the end, where a run was killed or still writes, is left out.

    Raises:
        ResultsError: a file is missing, or is not what it should be; one sentence.
    """
    summary = _object(_read(folder, SUMMARY), str(folder / SUMMARY))
    for part in ("settings", "versions"):
        if not isinstance(summary.get(part), dict):
            raise ResultsError(f"{folder / SUMMARY}: expected {part} of a study, found none")
    rows = [_row(fields, where) for fields, where in _lines(folder, ROWS)]
    if not rows:
        raise ResultsError(f"{folder / ROWS}: expected at least one finished round, found none")
    return Study(summary["settings"], summary["versions"], rows, _details(folder, rows))


def by_model(details: Sequence[Details]) -> dict[str, list[Details]]:
    """Gather the rounds of each model, in the order of the table of models; then any others."""
    there = dict.fromkeys(one.model for one in details)
    names = dict.fromkeys([*(name for name in MODELS if name in there), *there])
    return {name: [one for one in details if one.model == name] for name in names}


def _lines(folder: Path, name: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Read the objects of a file, one a line, each with where it stands."""
    whole, _, _ = _read(folder, name).rpartition("\n")
    for number, line in enumerate(whole.split("\n"), 1):
        if line:
            where = f"{folder / name}: line {number}"
            yield _object(line, where), where


def _details(folder: Path, rows: Sequence[Row]) -> list[Details]:
    """Read the details of the rounds that have a row; those written last count."""
    if not (folder / DETAILS).exists():
        return []
    found = {}
    for fields, where in _lines(folder, DETAILS):
        try:
            details = checked(fields)
        except ValueError:
            raise ResultsError(f"{where} is not what a round of this study tells") from None
        found[details.model, details.round] = details
    return [found[key] for row in rows if (key := (row.model, row.round)) in found]


def _read(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ResultsError(
            f"{folder}: expected a folder that 'funcdl-cli pairs --out' wrote, "
            f"found no {name} in it"
        ) from None
    except OSError as error:
        raise ResultsError(
            f"{folder / name}: expected a file that can be read, got: {error.strerror}"
        ) from None
    except ValueError:
        raise ResultsError(f"{folder / name}: expected UTF-8 text, got other bytes") from None


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ResultsError(f"{where}: expected JSON, got {text[:40]!r}") from None
    if not isinstance(value, dict):
        raise ResultsError(f"{where}: expected an object, got {text[:40]!r}")
    return value


def _row(fields: dict[str, Any], where: str) -> Row:
    try:
        row = Row(**fields)
    except TypeError:
        raise ResultsError(f"{where} is not a row of this study") from None
    counts = (row.round, row.seed, row.parameters, row.epochs)
    errors = (row.train_error, row.test_error, row.digit_error or 0.0)
    if not (
        isinstance(row.model, str)
        and all(type(count) is int and 0 <= count < 2**63 for count in counts)
        and all(type(error) in (int, float) and 0 <= error <= 1 for error in errors)
        and type(row.seconds) in (int, float)
        and 0 <= row.seconds < 2**63
    ):
        raise ResultsError(f"{where} has a value that no round of this study can have")
    return row
