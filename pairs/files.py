"""Files of results: written as a whole or not at all, and read as what may be broken."""

from __future__ import annotations

import errno
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

__all__ = [
    "ResultsError",
    "append",
    "parsed",
    "replace",
    "text_of",
    "tried",
    "versions",
    "whole_lines",
    "writing",
]


class ResultsError(ValueError):
    """A folder that cannot be written, or that holds something else."""


def versions() -> dict[str, str]:
    """Name what computed a result."""
    return {"python": platform.python_version(), "torch": torch.__version__}


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


def tried(folder: Path, name: str) -> None:
    """Try whether a file can be written, before the work whose result it is to hold.

    A file of that name that is there already stays as it is.

    Raises:
        ResultsError: the folder cannot be made or written.
    """
    with writing(folder):
        probe = folder / f"{name}.partial"
        probe.touch()
        probe.unlink()


def text_of(path: Path) -> str:
    """Read a file of text.

    Raises:
        ResultsError: it is not in UTF-8.
        OSError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except ValueError:
        raise _not_text(path) from None


def _not_text(path: Path) -> ResultsError:
    return ResultsError(f"{path}: expected UTF-8 text, got other bytes")


def parsed(text: str, where: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ResultsError: it is none; the sentence begins with `where`.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ResultsError(f"{where}: expected JSON, got {text[:40]!r}") from None
    if not isinstance(value, dict):
        raise ResultsError(f"{where}: expected an object, got {text[:40]!r}")
    return value


def append(path: Path, record: dict[str, Any]) -> None:
    """Add a line to a file, on the disk before anything else happens."""
    with _naming(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
        file.flush()
        os.fsync(file.fileno())


def whole_lines(path: Path) -> list[str]:
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
        raise _not_text(path) from None


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
