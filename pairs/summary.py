"""What the rows of a study say: a line a model, and the paired effects between models."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pairs.models import MODELS, origin, parts
from pairs.power import rounds_needed
from pairs.reliability import Reliability, reliability
from pairs.seeds import generator
from pairs.significance import LEVEL, holm, least_p, sign_flip_test
from pairs.statistics import Interval, Parted, Spread, interval, parted, spread
from pairs.training import Row

__all__ = [
    "EFFECTS",
    "Contrast",
    "Effect",
    "Line",
    "contrasts",
    "corrected",
    "effects",
    "lines",
    "named",
    "summarise",
]


class Contrast(NamedTuple):
    """Two models to compare; with `less`, (before, after), two such changes: see `Effect`."""

    name: str
    before: str
    after: str
    less: tuple[str, str] | None = None


EFFECTS = [
    Contrast("a network a digit", "plain", "separate"),
    Contrast("sharing, equal parameters", "separate", "shared"),
    Contrast("sharing, equal width", "separate-wide", "shared"),
    Contrast("sharing, equal time", "separate-long", "shared"),
    Contrast("sharing with the digits' loss, equal parameters", "separate-aux", "shared-aux"),
    Contrast("sharing with the digits' loss, equal width", "separate-wide-aux", "shared-aux"),
    Contrast("sharing with the digits' loss, equal time", "separate-long-aux", "shared-aux"),
    Contrast("auxiliary loss, plain", "plain", "plain-aux"),
    Contrast("auxiliary loss, separate", "separate", "separate-aux"),
    Contrast("auxiliary loss, shared", "shared", "shared-aux"),
    Contrast("both", "separate", "shared-aux"),
    Contrast(
        "sharing × auxiliary loss, equal parameters",
        "separate-aux",
        "shared-aux",
        less=("separate", "shared"),
    ),
    Contrast("explicit comparison, the Boolean alone", "shared", "shared-explicit"),
    Contrast("explicit comparison, both losses", "shared-aux", "shared-explicit-aux"),
    Contrast("the Boolean beside the digits", "shared-explicit-digits", "shared-explicit-aux"),
]
"""Kinds of models that differ by one idea, or two, within a family."""

NORMS = [("fc", "fc-bn"), ("conv", "conv-bn")]
"""Families that differ by their norm alone."""


class Line(NamedTuple):
    """One model over its rounds.

    `test_deviation` is what the deviation of `test_error` is made of; None where nothing tells how
    many pairs were tested. `calibration` is of the rounds that tell of it, None if none does.
    """

    model: str
    parameters: int
    rounds: int
    train_error: Spread
    test_error: Spread
    test_deviation: Parted | None
    digit_error: Spread | None
    seconds: Spread
    calibration: Reliability | None = None


class Effect(NamedTuple):
    """The difference in test error that one change makes, over the rounds that its models have.

    Attributes:
        name: what the change is.
        before: the model without it.
        after: the model with it.
        less: of an interaction: the same change elsewhere, (before, after), whose difference is
            taken off that of these models, round by round; else None.
        rounds: how many.
        difference: the mean, with Student's 95 % interval, of this effect alone.
        p: that of the sign-flip test, of this effect alone.
        least_p: the least that so many rounds can give.
        holm: p, corrected for all effects that stand in one table; those of one study, or of one
            sweep.
        rounds_needed: those that it takes to see such an effect, with a p of at most 0.05, with a
            power of 80 %; None where there is nothing to go by.
    """

    name: str
    before: str
    after: str
    less: tuple[str, str] | None
    rounds: int
    difference: Interval
    p: float
    least_p: float
    holm: float
    rounds_needed: int | None

    @property
    def stands(self) -> bool:
        """Whether it is seen after the correction."""
        return self.holm <= LEVEL


def lines(rows: Sequence[Row], test_pairs: int | None = None) -> list[Line]:
    """Sum up each model that has rows, in the order of the table of models; then any others.

    Args:
        rows: of one study.
        test_pairs: how many pairs its errors are counted on.
    """
    there = dict.fromkeys(row.model for row in rows)
    found = []
    for name in dict.fromkeys([*(name for name in MODELS if name in there), *there]):
        mine = [row for row in rows if row.model == name]
        digits = [row.digit_error for row in mine if row.digit_error is not None]
        calibrations = [row.calibration for row in mine if row.calibration is not None]
        test_error = spread([row.test_error for row in mine])
        found.append(
            Line(
                name,
                mine[0].parameters,
                len(mine),
                spread([row.train_error for row in mine]),
                test_error,
                None if test_pairs is None else parted(test_error, test_pairs),
                spread(digits) if digits else None,
                spread([row.seconds for row in mine]),
                reliability(calibrations) if calibrations else None,
            )
        )
    return found


def effects(rows: Sequence[Row]) -> list[Effect]:
    """Compare models that differ by one idea, or two, round by round on the same pairs."""
    errors = {(row.model, row.round): row.test_error for row in rows}
    # In the order of rounds, not of arrival: drawn signs must not depend on the workers.
    rounds = sorted({row.round for row in rows})
    found = []
    for name, before, after, less in contrasts():
        signs = {before: -1, after: 1}
        if less is not None:
            signs |= {less[0]: 1, less[1]: -1}
        differences = [
            math.fsum(sign * errors[model, i] for model, sign in signs.items())
            for i in rounds
            if all((model, i) in errors for model in signs)
        ]
        if differences:
            rng = generator(rows[0].seed, "sign flips", before, after, *(less or ()))
            p = sign_flip_test(differences, rng)
            found.append(
                Effect(
                    name,
                    before,
                    after,
                    less,
                    len(differences),
                    interval(differences),
                    p,
                    least_p(len(differences)),
                    p,
                    rounds_needed(differences),
                )
            )
    return corrected(found)


def corrected(found: Sequence[Effect]) -> list[Effect]:
    """Correct the p of effects that are looked at together, in one table."""
    ps = holm([effect.p for effect in found])
    return [effect._replace(holm=p) for effect, p in zip(found, ps)]


def contrasts() -> Iterator[Contrast]:
    """List what is compared, by the whole names of the models."""
    for family in dict.fromkeys(family for family, kind in map(parts, MODELS) if kind):
        for name, before, after, less in EFFECTS:
            elsewhere = None if less is None else (f"{family}-{less[0]}", f"{family}-{less[1]}")
            yield Contrast(name, f"{family}-{before}", f"{family}-{after}", elsewhere)
    for without, normed in NORMS:
        for kind in ("plain", "separate", "shared", "shared-aux"):
            yield Contrast(f"batch norm, {kind}", f"{without}-{kind}", f"{normed}-{kind}")
    for name in MODELS:
        if name != (champion := origin(name)):
            yield Contrast(f"without {name.rpartition('-')[2]}", champion, name)


def named(record: Any) -> Any:
    """Return a record as JSON has it, every value by its name, and those within it too."""
    if not hasattr(record, "_asdict"):
        return record
    return {key: named(value) for key, value in record._asdict().items()}


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
