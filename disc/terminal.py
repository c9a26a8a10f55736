"""The disc's table in a terminal of any width."""

from __future__ import annotations

from disc.outcomes import Outcome
from studykit.statistics import spread
from studykit.terminal import FittedTable
from studykit.wording import percent

__all__ = ["disc_table"]


def disc_table(outcome: Outcome, rounds: list[int], parameters: int) -> FittedTable:
    """Lay out train and test error, mean ± standard deviation over the rounds."""
    table = FittedTable(f"Disc: {parameters:,} parameters, {len(rounds)} rounds")
    table.add_column("points", no_wrap=True)
    table.add_column("error %", justify="right", no_wrap=True)
    for label, errors in (("train", outcome.train_errors), ("test", outcome.test_errors)):
        table.add_row(label, percent(spread([errors[i] for i in rounds])))
    return table
