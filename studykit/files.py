"""Files of results: written atomically, and read as files that may be broken."""

from __future__ import annotations

import errno
import json
import os
import platform
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch

from funcdl import FuncdlError

__all__ = [
    "ResultsError",
    "append",
    "bytes_of",
    "cut_half",
    "parsed",
    "replace",
    "text_of",
    "tried",
    "versions",
    "whole_lines",
    "writing",
]


class ResultsError(FuncdlError, ValueError):
    """A folder that cannot be written, or that holds something else."""


def versions() -> dict[str, str]:
    """Name what computed a result.

    The vector instructions that PyTorch uses are a part of it: sums are added up in another order
    by others, and a training that goes on from there ends in another place.
    """
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cpu capability": torch.backends.cpu.get_cpu_capability(),
    }


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

    A file of that name that is there already is not changed.

    Raises:
        ResultsError: the folder cannot be made or written.
    """
    with writing(folder):
        probe = folder / f"{name}.partial"
        probe.touch()
        probe.unlink()


def bytes_of(path: Path, most: int = -1) -> bytes:
    """Read a file, or the first so many bytes of it.

    Raises:
        OSError: it cannot be read, or is a pipe or a device, which need have no end.
    """
    _regular(path, path.stat())
    with path.open("rb") as file:
        return file.read(most)


def _regular(path: Path, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "Not a regular file", str(path))


def text_of(path: Path) -> str:
    """Read a file of text in UTF-8, with or without the mark that some editors put before it.

    Raises:
        ResultsError: it is in something else.
        OSError: it cannot be read.
    """
    try:
        return bytes_of(path).decode("utf-8-sig")
    except ValueError:
        raise ResultsError(f"{path}: expected UTF-8 text, got other bytes") from None


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


def whole_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Read the lines of a file that have an end, each with where it stands, and no empty ones.

    A run was killed, or the disk was full, while it wrote its last line, or it still writes it.

    Raises:
        ResultsError: it is not in UTF-8.
        OSError: it cannot be read.
    """
    *lines, _ = text_of(path).split("\n")
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield line, f"{path}: line {number}"


def cut_half(path: Path) -> None:
    """Cut off half a line at the end of a file, where it stands: a full disk holds no copy."""
    data = bytes_of(path)
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        os.truncate(path, whole)


def replace(path: Path, content: str | bytes) -> None:
    """Write a file atomically: all of it, or nothing; text in UTF-8.

    Raises:
        OSError: it cannot be written, or is a device; an earlier file is as it was.
    """
    with suppress(FileNotFoundError):
        _regular(path, path.stat())
    partial = path.with_name(path.name + ".partial")
    with _naming(path):
        try:
            with partial.open("wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            # What is left of it would fill a full disk.
            with suppress(OSError):
                partial.unlink()
            raise
        _settle(path.parent)


def _settle(folder: Path) -> None:
    """Have a new name in a folder outlast a loss of power, where a system can say so."""
    with suppress(OSError):
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Have every error of the disk say which file it was about."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise
