"""What the rows of a study say of each model: a line a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pairs.models import MODELS
from pairs.reliability import Reliability, reliability
from pairs.training import Row
from studykit.statistics import Parted, Spread, parted, spread

__all__ = ["Line", "lines"]


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
