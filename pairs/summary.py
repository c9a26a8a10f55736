"""What the rows of a study say: a line a model, and the paired effects between models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pairs.models import MODELS, origin, parts
from pairs.reliability import Reliability, reliability
from pairs.seeds import generator
from pairs.statistics import (
    Interval,
    Spread,
    interval,
    rounds_needed,
    sign_flip_test,
    spread,
)
from pairs.training import Row

__all__ = ["Effect", "Line", "effects", "lines", "named", "summarise"]

EFFECTS = [
    ("a network a digit", "plain", "separate"),
    ("sharing, equal parameters", "separate", "shared"),
    ("sharing, equal width", "separate-wide", "shared"),
    ("sharing, equal time", "separate-long", "shared"),
    ("sharing with the digits' loss, equal parameters", "separate-aux", "shared-aux"),
    ("sharing with the digits' loss, equal width", "separate-wide-aux", "shared-aux"),
    ("sharing with the digits' loss, equal time", "separate-long-aux", "shared-aux"),
    ("auxiliary loss, plain", "plain", "plain-aux"),
    ("auxiliary loss, separate", "separate", "separate-aux"),
    ("auxiliary loss, shared", "shared", "shared-aux"),
    ("both", "separate", "shared-aux"),
    ("explicit comparison, the Boolean alone", "shared", "shared-explicit"),
    ("explicit comparison, both losses", "shared-aux", "shared-explicit-aux"),
    ("the Boolean beside the digits", "shared-explicit-digits", "shared-explicit-aux"),
]
"""Kinds of models that differ by one idea, or two, within a family."""

NORMS = [("fc", "fc-bn"), ("conv", "conv-bn")]
"""Families that differ by their norm alone."""


class Line(NamedTuple):
    """One model over its rounds; `calibration` is of those that tell of it, None if none does."""

    model: str
    parameters: int
    rounds: int
    train_error: Spread
    test_error: Spread
    digit_error: Spread | None
    seconds: Spread
    calibration: Reliability | None = None


class Effect(NamedTuple):
    """The difference in test error that one change makes, over the rounds that both models have.

    `p` is that of the sign-flip test, of this effect alone; `rounds_needed` those that it takes to
    see such an effect with a power of 80 %, None where there is nothing to go by.
    """

    name: str
    before: str
    after: str
    rounds: int
    difference: Interval
    p: float
    rounds_needed: int | None


def lines(rows: Sequence[Row]) -> list[Line]:
    """Sum up each model that has rows, in the order of the table of models; then any others."""
    there = dict.fromkeys(row.model for row in rows)
    found = []
    for name in dict.fromkeys([*(name for name in MODELS if name in there), *there]):
        mine = [row for row in rows if row.model == name]
        digits = [row.digit_error for row in mine if row.digit_error is not None]
        calibrations = [row.calibration for row in mine if row.calibration is not None]
        found.append(
            Line(
                name,
                mine[0].parameters,
                len(mine),
                spread([row.train_error for row in mine]),
                spread([row.test_error for row in mine]),
                spread(digits) if digits else None,
                spread([row.seconds for row in mine]),
                reliability(calibrations) if calibrations else None,
            )
        )
    return found


def effects(rows: Sequence[Row]) -> list[Effect]:
    """Compare models that differ by one idea, or two, round by round on the same pairs."""
    # In the order of rounds, not of arrival: drawn signs must not depend on the workers.
    rows = sorted(rows, key=lambda row: row.round)
    errors = {(row.model, row.round): row.test_error for row in rows}
    found = []
    for label, before, after in pairs_of_models():
        if True:
            differences = [
                errors[after, row.round] - row.test_error
                for row in rows
                if row.model == before and (after, row.round) in errors
            ]
            if differences:
                rng = generator(rows[0].seed, "sign flips", before, after)
                found.append(
                    Effect(
                        label,
                        before,
                        after,
                        len(differences),
                        interval(differences),
                        sign_flip_test(differences, rng),
                        rounds_needed(differences),
                    )
                )
    return found


def pairs_of_models() -> Iterator[tuple[str, str, str]]:
    """List what is compared: the name of an effect, the model before and the model after."""
    for family in dict.fromkeys(parts(name)[0] for name in MODELS):
        for label, *kinds in EFFECTS:
            before, after = (f"{family}-{kind}" for kind in kinds)
            yield label, before, after
    for before, after in NORMS:
        for kind in ("plain", "separate", "shared", "shared-aux"):
            yield f"batch norm, {kind}", f"{before}-{kind}", f"{after}-{kind}"
    for name in MODELS:
        if name != (champion := origin(name)):
            yield f"without {name.rpartition('-')[2]}", champion, name


def named(record: Any) -> Any:
    """Return a record as JSON has it, every value by its name, and those within it too."""
    if not hasattr(record, "_asdict"):
        return record
    return {key: named(value) for key, value in record._asdict().items()}


def summarise(rows: Sequence[Row]) -> dict[str, Any]:
    """Return lines and effects as `summary.json` holds them; errors are fractions in [0, 1]."""
    return {
        "models": [named(line) for line in lines(rows)],
        "effects": [
            {**effect._asdict(), "difference": effect.difference._asdict()}
            for effect in effects(rows)
        ],
    }
