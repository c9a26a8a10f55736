"""A folder of results, read and not changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pairs.details import Details
from pairs.models import MODELS
from pairs.results import DETAILS, ROWS, SUMMARY, read_rows
from pairs.training import Row
from studykit.files import ResultsError, parsed, text_of, whole_lines
from studykit.schema import Within, read

__all__ = ["Study", "Summary", "by_model", "load", "read_summary"]


class Study(NamedTuple):
    """What a folder holds: the rows, and the settings and versions that they were made with.

    `details` has those of the rounds that were watched, in the order of their rows: none in a
    folder that is older than they are.
    """

    settings: dict[str, Any]
    versions: dict[str, Any]
    rows: list[Row]
    details: Sequence[Details] = ()


class Summary(NamedTuple):
    """What is read of `summary.json`; all else in it can be made again from the rows."""

    settings: dict[str, Any]
    versions: dict[str, Any]


class Used(NamedTuple):
    """The settings that results are worked out from; they are shown as they are, like others."""

    seed: Annotated[int, Within(0, 2**63 - 1)] | None = None
    test_pairs: Annotated[int, Within(1, 2**53)] | None = None
    validation: bool = False


def read_summary(path: Path) -> Summary:
    """Read `summary.json`.

    Raises:
        ResultsError: it is not what it should be; one sentence.
        OSError: it cannot be read.
    """
    summary = read(Summary, parsed(text_of(path), str(path)), str(path), others=True)
    read(Used, summary.settings, f"{path}: settings", others=True)
    return summary


def load(folder: Path) -> Study:
    """Read what `funcdl-cli pairs --out` wrote, whether or not it is finished.

    Half a row at the end, where a run was killed or still writes, is left out.

    Raises:
        ResultsError: a file is missing, or is not what it should be; one sentence.
    """
    with _reading(folder, SUMMARY) as path:
        summary = read_summary(path)
    with _reading(folder, ROWS) as path:
        rows = read_rows(path, summary.settings)
    if not rows:
        raise ResultsError(f"{folder / ROWS}: expected at least one finished round, found none")
    return Study(summary.settings, summary.versions, rows, _details(folder, rows))


def by_model(details: Sequence[Details]) -> dict[str, list[Details]]:
    """Gather the rounds of each model, in the order of the table of models; then any others."""
    there = dict.fromkeys(one.model for one in details)
    names = dict.fromkeys([*(name for name in MODELS if name in there), *there])
    return {name: [one for one in details if one.model == name] for name in names}


def _details(folder: Path, rows: Sequence[Row]) -> list[Details]:
    """Read the details of the rounds that have a row; those written last count."""
    if not (folder / DETAILS).exists():
        return []
    found = {}
    with _reading(folder, DETAILS) as path:
        for line, where in whole_lines(path):
            details = read(Details, parsed(line, where), where)
            found[details.model, details.round] = details
    return [found[key] for row in rows if (key := (row.model, row.round)) in found]


@contextmanager
def _reading(folder: Path, name: str) -> Iterator[Path]:
    """Turn what goes wrong with a file in the block into one sentence."""
    try:
        yield folder / name
    except FileNotFoundError:
        raise ResultsError(
            f"{folder}: expected a folder that 'funcdl-cli pairs --out' wrote, "
            f"found no {name} in it"
        ) from None
    except OSError as error:
        raise ResultsError(
            f"{folder / name}: expected a file that can be read, got: {error.strerror}"
        ) from None
