"""A folder of results: one row the moment a round ends, and a summary that can be made again."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pairs.details import Details
from pairs.effects import effects
from pairs.lines import lines
from pairs.models import MODELS
from pairs.training import Row, Settings, lr_of
from studykit.files import (
    ResultsError,
    append,
    cut_half,
    parsed,
    replace,
    text_of,
    versions,
    whole_lines,
    writing,
)
from studykit.schema import named, read

__all__ = [
    "DETAILS",
    "ROWS",
    "SUMMARY",
    "Results",
    "ResultsError",
    "read_rows",
    "summarise",
]

ROWS = "rounds.jsonl"
DETAILS = "details.jsonl"
SUMMARY = "summary.json"
DESIGN = 2
"""Of the models and of how they are trained; rows of another have other numbers for a name."""
LOCK = ".lock"


class Results:
    """The rows of a study, kept in a folder, or in memory alone where there is none.

    A folder belongs to one setting: rows that were made under others are refused, not mixed, and so
    are those of a model whose own learning rate was another one then. More models and more rounds
    of the same settings may be added at any time.

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
        self.settings = {"design": DESIGN, **settings._asdict(), "digits": source}
        self._asked = settings
        self.rows: list[Row] = []
        if folder is None:
            return
        with writing(folder):
            _alone(folder)
            self._resume(folder)
            if (folder / DETAILS).exists():
                cut_half(folder / DETAILS)
            self._write_summary(folder)

    def done(self, model: str, round: int) -> bool:
        """Tell whether a round is there already."""
        return any(row.model == model and row.round == round for row in self.rows)

    def add(self, row: Row) -> None:
        """Keep a row, on the disk before anything else happens."""
        if self.folder is not None:
            append(self.folder / ROWS, named(row))
        self.rows.append(row)

    def add_details(self, details: Details) -> None:
        """Keep what a round tells beside its row; to be done before the row is kept.

        The row is the mark that a round is done: killed in between, the round is done again, and
        of its details the later ones count.
        """
        if self.folder is not None:
            append(self.folder / DETAILS, details._asdict())

    def add_model(self, model: str, round: int, content: bytes) -> None:
        """Keep a round's parameters, atomically; to be done before the row is kept."""
        if self.folder is not None:
            path = self._model_path(self.folder, model, round)
            path.parent.mkdir(exist_ok=True)
            replace(path, content)

    def without_model(self, models: Sequence[str]) -> int:
        """Count the rounds of some models that are there without their parameters."""
        folder = self.folder
        return sum(
            folder is None or not self._model_path(folder, row.model, row.round).exists()
            for row in self.rows
            if row.model in models
        )

    @staticmethod
    def _model_path(folder: Path, model: str, round: int) -> Path:
        return folder / "models" / f"{model}-{round}.safetensors"

    def keep_in(self, folder: Path) -> None:
        """Keep what was in memory alone, and all that comes, in a folder.

        Raises:
            ResultsError: the folder cannot be written, or holds rows of other settings.
        """
        kept = Results(folder, self._asked, self.settings["digits"])
        for row in self.rows:
            kept.add(row)
        self.folder = folder
        self.finish()

    def finish(self) -> None:
        """Write the summary of all rows that are kept: an interrupt may have come between."""
        if self.folder is not None:
            if (self.folder / ROWS).exists():
                self._read_rows(self.folder / ROWS)
            self._write_summary(self.folder)

    def _resume(self, folder: Path) -> None:
        rows, summary = folder / ROWS, folder / SUMMARY
        if not rows.exists():
            return
        if not summary.exists():
            raise ResultsError(f"{folder}: expected {SUMMARY} beside {ROWS}, found none")
        theirs = parsed(text_of(summary), str(summary)).get("settings")
        if theirs != self.settings:
            raise ResultsError(f"{folder}: {_difference(theirs, self.settings)}")
        self._read_rows(rows)
        for row in self.rows:
            # Of a model that is not known any more, nothing will be added.
            ours = lr_of(MODELS[row.model], self._asked) if row.model in MODELS else row.lr
            if row.lr != ours:
                raise ResultsError(
                    f"{folder}: holds rounds of {row.model} at the learning rate {row.lr:g} where "
                    f"this run has {ours:g}; choose another folder"
                )

    def _read_rows(self, path: Path) -> None:
        cut_half(path)
        self.rows = read_rows(path, self.settings)

    def summary(self) -> dict[str, Any]:
        """Return what `summary.json` holds, or would where nothing is kept."""
        return {
            "settings": self.settings,
            "versions": versions(),
            **summarise(self.rows, self.settings["test_pairs"]),
        }

    def _write_summary(self, folder: Path) -> None:
        text = json.dumps(self.summary(), indent=2, ensure_ascii=False)
        replace(folder / SUMMARY, text + "\n")


def summarise(rows: Sequence[Row], test_pairs: int | None = None) -> dict[str, Any]:
    """Return lines and effects as `summary.json` holds them; errors are fractions in [0, 1].

    Args:
        rows: of one study.
        test_pairs: how many pairs its errors are counted on.
    """
    return {
        "models": [named(line) for line in lines(rows, test_pairs)],
        "effects": [
            {**effect._asdict(), "difference": effect.difference._asdict()}
            for effect in effects(rows)
        ],
    }


def _alone(folder: Path) -> None:
    """Refuse a folder that another run writes to; the lock goes with this process, however it ends.

    A lock of POSIX's kind, since workers that are forked do not inherit it; the file stays open,
    for closing it would give the lock away. Where there is none, as on Windows, nobody is refused.
    """
    try:
        import fcntl
    except ImportError:
        return
    file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        os.close(file)
        raise ResultsError(f"{folder}: expected a folder of its own, another run has it") from None


def read_rows(path: Path, settings: Mapping[str, Any]) -> list[Row]:
    """Read the rows of a folder whose settings are known.

    Raises:
        ResultsError: a line is not a row, is one of another folder, or tells of a round again; one
            sentence with the line.
    """
    rows: list[Row] = []
    places: dict[tuple[str, int], str] = {}
    for line, where in whole_lines(path):
        row = read(Row, parsed(line, where), where)
        if row.seed != settings.get("seed", row.seed):
            raise ResultsError(
                f"{where} is of seed {row.seed}, and its folder of seed {settings['seed']}"
            )
        before = places.setdefault((row.model, row.round), where)
        if before is not where:
            raise ResultsError(f"{where} has a round that {before.rpartition(': ')[2]} has already")
        rows.append(row)
    return rows


def _difference(theirs: Any, ours: dict[str, Any]) -> str:
    if not isinstance(theirs, dict):
        return f"expected the settings of its rounds in {SUMMARY}, found none"
    if theirs.get("design") != DESIGN:
        return "holds rounds of another design of the study; choose another folder"
    keys: Sequence[str] = [key for key in ours if theirs.get(key) != ours[key]]
    pairs = ", ".join(f"{key} {theirs.get(key)} where this run has {ours[key]}" for key in keys)
    return f"holds rounds of other settings ({pairs}); choose another folder"
