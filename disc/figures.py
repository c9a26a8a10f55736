"""What the rounds of the disc say, as figures."""

from __future__ import annotations

from disc.file import Disc
from disc.sheets import errors_of_sets, finite_rounds
from studykit.content import Figure
from studykit.statistics import spread
from studykit.svg.loss_curve import loss_curve
from studykit.svg.strips import Strip, strips
from studykit.wording import percent

__all__ = ["distribution_figure", "loss_figure"]


def loss_figure(found: Disc) -> Figure:
    """Draw the loss of each round."""
    losses = [[row[i] or 0.0 for i in finite_rounds(found)] for row in found.losses]
    return Figure(
        "loss",
        "Mean squared error over the batches of each epoch, on a logarithmic axis. A thin line is "
        "a round, the thick one their mean.",
        loss_curve(
            "loss",
            "Mean squared error in training, against the epoch",
            "mean squared error",
            losses,
        ),
    )


def distribution_figure(found: Disc) -> Figure:
    """Draw the errors of each round."""
    drawn = [
        Strip(label, percent(spread(mine)), [100 * error for error in mine])
        for label, mine in errors_of_sets(found)
    ]
    return Figure(
        "distribution",
        "Error in %. A dot is a round, the box holds the middle half of them, the line is the "
        "median; at the right mean ± standard deviation.",
        strips("distribution", "Train and test error of each round, in %", "error in %", drawn),
    )
