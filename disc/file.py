"""What `funcdl-cli framework --out` keeps: one file, written atomically, checked when read."""

from __future__ import annotations

import json
import math
import shlex
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
from torch import Tensor

from disc.experiment import Experiment
from disc.outcomes import Outcome
from funcdl import tree
from studykit.files import ResultsError, parsed, replace, text_of, versions
from studykit.schema import Count, Form, Share, Within, read

__all__ = ["FRAMEWORK", "Disc", "command", "load_disc", "record", "save_disc"]

FRAMEWORK = "framework.json"

DIGITS = "0123456789abcdefghijklmnopqrstu"
"""How a surface is written, a character a cell: from −1 or less to 1 or more in steps of 1/15."""

MISTAKES = 500
"""So many points taken wrong are kept at most."""


def _loss(value: Any) -> float | None:
    """Return a loss; one that is not finite has no number in the file, or did not have one."""
    if value is None or value != value or value == math.inf:
        return None
    if type(value) not in (int, float) or not 0 <= value <= 1e39:
        raise ValueError(value)
    return value  # type: ignore[no-any-return]


def _surface(rows: Any) -> Tensor:
    """Return a surface as numbers.

    Raises:
        ValueError, TypeError: it is none.
    """
    if not isinstance(rows, list) or not 0 < len(rows) <= 256:
        raise ValueError(rows)
    if not all(isinstance(row, str) and len(row) == len(rows) for row in rows):
        raise ValueError(rows)
    return torch.tensor([[DIGITS.index(cell) for cell in row] for row in rows]) / 15.0 - 1.0


Loss = Annotated[float | None, Form("a loss of at least 0, or null where it is not finite", _loss)]
Surface = Annotated[
    Tensor, Form(f"a surface as a square of characters from {DIGITS[0]} to {DIGITS[-1]}", _surface)
]


class Disc(NamedTuple):
    """What the file holds; the errors are fractions in [0, 1], None is a loss that is not finite.

    Versions, parameters, surfaces, mistakes and the device are missing from the file of an earlier
    version: nothing then, 0 parameters, and the processor.
    """

    settings: dict[str, Any]
    train_errors: list[Share]
    test_errors: list[Share]
    losses: list[list[Loss]]
    versions: dict[str, Any] = {}  # noqa: RUF012
    parameters: Annotated[int, Within(0, 2**63 - 1)] = 0
    diverged: dict[Count, Count] = {}  # noqa: RUF012
    surfaces: dict[Count, Surface] = {}  # noqa: RUF012
    mistakes: list[tuple[Share, Share]] = []  # noqa: RUF012
    device: str = "cpu"

    def contradiction(self) -> str | None:
        """Say where the parts cannot be of the same rounds and epochs."""
        rounds, epochs = len(self.train_errors), len(self.losses)
        if not 0 < rounds == len(self.test_errors):
            return (
                "expected train and test errors of at least one round, as many of each, "
                f"got {rounds} and {len(self.test_errors)}"
            )
        if not epochs:
            return "losses: expected those of at least one epoch, found none"
        if any(len(row) != rounds for row in self.losses):
            return f"losses: expected a loss of each round an epoch, {rounds}, got others"
        for key, numbers, most in (
            ("diverged", self.diverged, rounds - 1),
            ("diverged", self.diverged.values(), epochs),
            ("surfaces", self.surfaces, epochs),
        ):
            for number in numbers:
                if number > most:
                    return f"{key}: expected a round or an epoch up to {most}, got {number}"
        return None


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
        "device": tree.leaves(outcome.params)[0].device.type,
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
        text = text_of(path)
    except OSError as error:
        raise ResultsError(
            f"{path}: expected a file that can be read, got: {error.strerror}"
        ) from None
    return read(Disc, parsed(text, str(path)), str(path))


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
