"""What `funcdl-cli framework --out` keeps: one file, written atomically, checked when read."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from disc.experiment import Experiment, Outcome
from funcdl import tree
from studykit.files import ResultsError, bytes_of, replace, versions

__all__ = ["FRAMEWORK", "Disc", "command", "load_disc", "record", "save_disc"]

FRAMEWORK = "framework.json"

DIGITS = "0123456789abcdefghijklmnopqrstu"
"""How a surface is written, a character a cell: from −1 or less to 1 or more in steps of 1/15."""

MISTAKES = 500
"""So many points taken wrong are kept at most."""


class Disc(NamedTuple):
    """What the file holds; the errors are fractions in [0, 1], None is a loss that is not finite.

    Versions, parameters, surfaces and mistakes are missing from the file of an earlier version:
    nothing then, and 0 parameters.
    """

    settings: dict[str, Any]
    versions: dict[str, Any]
    parameters: int
    train_errors: list[float]
    test_errors: list[float]
    losses: list[list[float | None]]
    diverged: dict[int, int]
    surfaces: dict[int, Tensor]
    mistakes: list[tuple[float, float]]


def record(experiment: Experiment, seed: int, outcome: Outcome) -> dict[str, Any]:
    """Put the outcome of an experiment as the file holds it: in finite numbers, lists and names."""
    rounds = len(outcome.train_errors)
    return {
        "settings": {**experiment._asdict(), "rounds": rounds, "seed": seed},
        "versions": versions(),
        "parameters": tree.size(outcome.params) // rounds,
        "train_errors": outcome.train_errors,
        "test_errors": outcome.test_errors,
        "losses": [[x if math.isfinite(x) else None for x in row] for row in outcome.losses],
        "diverged": {str(i): epoch for i, epoch in outcome.diverged.items()},
        "surfaces": {
            str(epoch): _written(surface)
            for epoch, surface in outcome.surfaces.items()
            if surface.isfinite().all()
        },
        "mistakes": [
            [round(x, 4) for x in point] for point in outcome.mistakes[:MISTAKES].tolist()
        ],
    }


def save_disc(folder: Path, experiment: Experiment, seed: int, outcome: Outcome) -> None:
    """Write the outcome of an experiment to a folder that is there."""
    text = json.dumps(record(experiment, seed, outcome), indent=2, allow_nan=False)
    replace(folder / FRAMEWORK, text + "\n")


def load_disc(path: Path) -> Disc:
    """Read the file.

    Raises:
        ResultsError: it is missing, or is not what it should be; one sentence.
    """
    try:
        fields = json.loads(bytes_of(path).decode("utf-8-sig"))
    except OSError as error:
        raise ResultsError(
            f"{path}: expected a file that can be read, got: {error.strerror}"
        ) from None
    except (ValueError, RecursionError):
        raise ResultsError(f"{path}: expected JSON in UTF-8, found something else") from None
    if not isinstance(fields, dict):
        raise ResultsError(f"{path}: expected an object, got {str(fields)[:40]!r}")
    try:
        return _checked(fields)
    except KeyError as error:
        raise ResultsError(f"{path}: expected {error.args[0]!r}, found none") from None
    except ValueError as error:
        raise ResultsError(f"{path}: expected {error}") from None


def command(settings: dict[str, Any]) -> str:
    """Write the command that gives the same numbers.

    >>> command({"points": 50, "hidden": [8, 8], "batch_size": 5, "seed": 1})
    'funcdl-cli framework --points 50 --hidden 8,8 --batch-size 5 --seed 1'
    """
    words = ["funcdl-cli", "framework"]
    for key in (*Experiment._fields, "rounds", "seed"):
        if key in settings:
            value = settings[key]
            text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            words += ["--" + key.replace("_", "-"), text]
    return shlex.join(words)


def _written(surface: Tensor) -> list[str]:
    steps = (surface.clamp(-1, 1) * 15).round().long() + 15
    return ["".join(DIGITS[step] for step in row) for row in steps.tolist()]


def _checked(fields: dict[str, Any]) -> Disc:
    """Take a record apart; a KeyError names what is missing, a ValueError what was expected."""
    settings, versions = fields["settings"], fields.get("versions", {})
    _expect(isinstance(settings, dict) and isinstance(versions, dict), "settings and versions")
    parameters = fields.get("parameters", 0)
    _expect(type(parameters) is int and 0 <= parameters < 2**63, "a number of parameters")
    train, test, losses = (fields[key] for key in ("train_errors", "test_errors", "losses"))
    _expect(_numbers(train, 1) and _numbers(test, 1), "errors from 0 to 1")
    _expect(len(train) == len(test) > 0, "train and test errors of at least one round")
    _expect(isinstance(losses, list) and len(losses) > 0, "the losses of at least one epoch")
    # An earlier version wrote NaN or Infinity where this one writes null.
    losses = [
        [None if x in (math.inf, None) or x != x else x for x in row]
        if isinstance(row, list)
        else row
        for row in losses
    ]
    for row in losses:
        finite = [x for x in row if x is not None] if isinstance(row, list) else row
        _expect(_numbers(finite, 1e39) and len(row) == len(train), "a loss of each round an epoch")
    surfaces = fields.get("surfaces", {})
    _expect(isinstance(surfaces, dict), "surfaces by their epoch")
    mistakes = fields.get("mistakes", [])
    _expect(
        isinstance(mistakes, list)
        and all(_numbers(point, 1) and len(point) == 2 for point in mistakes),
        "mistakes that are points of the unit square",
    )
    return Disc(
        settings,
        versions,
        parameters,
        train,
        test,
        losses,
        _diverged(fields.get("diverged", {}), len(train), len(losses)),
        {_whole(epoch, len(losses)): _read(rows) for epoch, rows in surfaces.items()},
        [(x, y) for x, y in mistakes],
    )


def _diverged(value: Any, rounds: int, epochs: int) -> dict[int, int]:
    _expect(isinstance(value, dict), "diverged rounds with their epoch")
    return {_whole(i, rounds - 1): _whole(epoch, epochs) for i, epoch in value.items()}


def _read(rows: Any) -> Tensor:
    _expect(
        isinstance(rows, list)
        and 0 < len(rows) <= 256
        and all(isinstance(row, str) and len(row) == len(rows) for row in rows)
        and set("".join(rows)) <= set(DIGITS),
        f"a surface as a square of characters from {DIGITS[0]} to {DIGITS[-1]}",
    )
    return torch.tensor([[DIGITS.index(cell) for cell in row] for row in rows]) / 15.0 - 1.0


def _whole(value: Any, high: int) -> int:
    text = str(value)
    _expect(text.isascii() and text.isdecimal() and len(text) < 19, "a round or an epoch")
    _expect(int(text) <= high, f"a round or an epoch up to {high}")
    return int(text)


def _numbers(values: Any, high: float) -> bool:
    return isinstance(values, Sequence) and all(
        type(value) in (int, float) and 0 <= value <= high for value in values
    )


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)
