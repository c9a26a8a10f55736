"""What the rounds of the disc say, for any format: tables, figures and numbers."""

from __future__ import annotations

from typing import NamedTuple

from disc.figures import distribution_figure, loss_figure
from disc.file import Disc, command
from disc.sheets import errors_sheet, finite_rounds, rounds_sheet
from studykit.content import Content, made_sheet
from studykit.formats.records import records
from studykit.statistics import Spread, spread

__all__ = ["disc_content"]


class DiscRound(NamedTuple):
    """A round of the disc; the loss is that of the last epoch, None where it is not finite."""

    round: int
    train_error: float
    test_error: float
    loss: float | None


class DiscLine(NamedTuple):
    """The disc's network over the rounds that stayed finite."""

    parameters: int
    rounds: int
    train_error: Spread
    test_error: Spread


def disc_content(found: Disc) -> Content:
    """Give what the rounds of the disc say, for any format."""
    good = finite_rounds(found)
    losses = found.losses[-1]
    rounds = [
        DiscRound(i, train, test, losses[i])
        for i, (train, test) in enumerate(zip(found.train_errors, found.test_errors))
    ]
    line = [
        DiscLine(
            found.parameters,
            len(good),
            spread([found.train_errors[i] for i in good]),
            spread([found.test_errors[i] for i in good]),
        )
    ]
    return Content(
        "Learning a disc",
        [
            *([errors_sheet(found)] if good else []),
            rounds_sheet(found),
            made_sheet(command(found.settings), found.settings, found.versions),
        ],
        [loss_figure(found), distribution_figure(found)] if good else [],
        {
            "rounds": records(DiscRound, rounds),
            "models": records(DiscLine, line if good else []),
        },
    )
