"""A folder of results: one row the moment a round ends, and a summary that can be made again."""

from __future__ import annotations

import errno
import json
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from pairs.details import Details
from pairs.summary import summarise
from pairs.training import Row, Settings

__all__ = ["Results", "ResultsError", "replace", "writing"]

ROWS = "rounds.jsonl"
DETAILS = "details.jsonl"
SUMMARY = "summary.json"
LOCK = ".lock"


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
            _alone(folder)
            self._resume(folder)
            if (folder / DETAILS).exists():
                _whole_lines(folder / DETAILS)
            self._write_summary(folder)

    def done(self, model: str, round: int) -> bool:
        """Tell whether a round is there already."""
        return any(row.model == model and row.round == round for row in self.rows)

    def add(self, row: Row) -> None:
        """Keep a row, on the disk before anything else happens."""
        if self.folder is not None:
            _append(self.folder / ROWS, row._asdict())
        self.rows.append(row)

    def add_details(self, details: Details) -> None:
        """Keep what a round tells beside its row; to be done before the row is kept.

        The row is the mark that a round is done: killed in between, the round is done again, and
        of its details the later ones count.
        """
        if self.folder is not None:
            _append(self.folder / DETAILS, details._asdict())

    def add_model(self, model: str, round: int, content: bytes) -> None:
        """Keep a round's parameters, a whole file or none; to be done before the row is kept."""
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

    def finish(self) -> None:
        """Write the summary of all rows that are kept: an interrupt may have come between."""
        if self.folder is not None:
            if (self.folder / ROWS).exists():
                self.rows = _rows(self.folder / ROWS)
            self._write_summary(self.folder)

    def _resume(self, folder: Path) -> None:
        rows, summary = folder / ROWS, folder / SUMMARY
        if not rows.exists():
            return
        if not summary.exists():
            raise ResultsError(f"{folder}: expected {SUMMARY} beside {ROWS}, found none")
        theirs = _load(summary, summary.read_text(encoding="utf-8")).get("settings")
        if isinstance(theirs, dict):
            # A folder may be older than a setting, which had its default then.
            theirs = {**Settings._field_defaults, **theirs}
        if theirs != self.settings:
            raise ResultsError(f"{folder}: {_difference(theirs, self.settings)}")
        self.rows = _rows(rows)

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


def _rows(path: Path) -> list[Row]:
    found = []
    for number, line in enumerate(_whole_lines(path), 1):
        try:
            found.append(Row(**_load(path, line)))
        except TypeError:
            raise ResultsError(f"{path}: line {number} is not a row of this study") from None
    return found


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


def _append(path: Path, record: dict[str, Any]) -> None:
    """Add a line to a file, on the disk before anything else happens."""
    with _naming(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _whole_lines(path: Path) -> list[str]:
    """Read the lines of a file, and cut off half a line at its end.

    A run was killed, or the disk was full, while it wrote its last line: that one is lost, the
    others are not.
    """
    data = path.read_bytes()
    whole, _, rest = data.rpartition(b"\n")
    if rest:
        # Shortened where it stands: a disk that is still full has no room for a copy.
        os.truncate(path, len(data) - len(rest))
    try:
        return whole.decode().splitlines()
    except ValueError:
        raise ResultsError(f"{path}: expected UTF-8 text, got other bytes") from None


def replace(path: Path, content: str | bytes) -> None:
    """Write a file as a whole or not at all; text in UTF-8.

    Raises:
        OSError: it cannot be written, or is a device; an earlier file is as it was.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    partial = path.with_name(path.name + ".partial")
    with _naming(path):
        try:
            with partial.open("wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)  # what is left of it would fill a full disk
            raise


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Have every error of the disk say which file it was about."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise
