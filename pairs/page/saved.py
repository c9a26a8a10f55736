"""A folder of results, read and left as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from pairs.results import ROWS, SUMMARY, ResultsError
from pairs.training import Row

__all__ = ["Study", "load"]


class Study(NamedTuple):
    """What a folder holds: the rows, and the settings and versions that they were made with."""

    settings: dict[str, Any]
    versions: dict[str, Any]
    rows: list[Row]


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
    whole, _, _ = _read(folder, ROWS).rpartition("\n")
    rows = [
        _row(_object(line, f"{folder / ROWS}: line {number}"), f"{folder / ROWS}: line {number}")
        for number, line in enumerate(whole.split("\n"), 1)
        if line
    ]
    if not rows:
        raise ResultsError(f"{folder / ROWS}: expected at least one finished round, found none")
    return Study(summary["settings"], summary["versions"], rows)


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
