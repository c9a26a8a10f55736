"""A folder of results: one row the moment a round ends, and a summary that can be made again."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from pairs.summary import summarise
from pairs.training import Row, Settings

__all__ = ["Results", "ResultsError", "replace", "writing"]

ROWS = "rounds.jsonl"
SUMMARY = "summary.json"


class ResultsError(ValueError):
    """A folder that cannot be written, or that holds something else."""


class Results:
    """The rows of a study, kept in a folder, or in memory alone where there is none.

    A folder belongs to one setting: rows that were made under others are refused, not mixed. More
    models and more rounds of the same settings may be added at any time.

    Args:
        folder: made if it is not there; None to keep nothing.
        settings: what the rows depend on beside model and round.
        source: where the digits come from, which the rows depend on too.

    Raises:
        ResultsError: the folder cannot be written, or holds rows of other settings, or a file
            that is not what it should be; one sentence.
    """

    def __init__(self, folder: Path | None, settings: Settings, source: str) -> None:
        self.folder = folder
        self.settings = {**settings._asdict(), "digits": source}
        self.rows: list[Row] = []
        if folder is None:
            return
        with writing(folder):
            self._resume(folder)
            self._write_summary(folder)

    def done(self, model: str, round: int) -> bool:
        """Tell whether a round is there already."""
        return any(row.model == model and row.round == round for row in self.rows)

    def add(self, row: Row) -> None:
        """Keep a row, on the disk before anything else happens."""
        self.rows.append(row)
        if self.folder is not None:
            with (self.folder / ROWS).open("a", encoding="utf-8") as file:
                file.write(json.dumps(row._asdict()) + "\n")
                file.flush()
                os.fsync(file.fileno())

    def finish(self) -> None:
        """Write the summary of all rows."""
        if self.folder is not None:
            self._write_summary(self.folder)

    def _resume(self, folder: Path) -> None:
        rows, summary = folder / ROWS, folder / SUMMARY
        if not rows.exists():
            return
        if not summary.exists():
            raise ResultsError(f"{folder}: expected {SUMMARY} beside {ROWS}, found none")
        theirs = _load(summary, summary.read_text(encoding="utf-8")).get("settings")
        if theirs != self.settings:
            raise ResultsError(f"{folder}: {_difference(theirs, self.settings)}")
        text = rows.read_text(encoding="utf-8")
        whole, newline, rest = text.rpartition("\n")
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                self.rows.append(Row(**_load(rows, line)))
            except TypeError:
                raise ResultsError(f"{rows}: line {number} is not a row of this study") from None
        if rest:
            # A run was killed while it wrote its last row: the row is lost, the others are not.
            replace(rows, whole + newline)

    def _write_summary(self, folder: Path) -> None:
        summary = {
            "settings": self.settings,
            "versions": {"python": platform.python_version(), "torch": torch.__version__},
            **summarise(self.rows),
        }
        replace(folder / SUMMARY, json.dumps(summary, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Make a folder, and turn what goes wrong in the block into one sentence about it.

    Raises:
        ResultsError: the folder cannot be made, or something in it not be read or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise ResultsError(
            f"{folder}: expected a folder that can be written, got: {error.strerror}"
        ) from None


def _load(path: Path, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        raise ResultsError(f"{path}: expected JSON, got {text[:40]!r}") from None
    if not isinstance(value, dict):
        raise ResultsError(f"{path}: expected an object, got {text[:40]!r}")
    return value


def _difference(theirs: Any, ours: dict[str, Any]) -> str:
    if not isinstance(theirs, dict):
        return f"expected the settings of its rounds in {SUMMARY}, found none"
    keys: Sequence[str] = [key for key in ours if theirs.get(key) != ours[key]]
    pairs = ", ".join(f"{key} {theirs.get(key)} where this run has {ours[key]}" for key in keys)
    return f"holds rounds of other settings ({pairs}); choose another folder"


def replace(path: Path, text: str) -> None:
    """Write a file as a whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
