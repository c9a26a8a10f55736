"""What the results of the disc say, as tables and figures for a page and for other files."""

from __future__ import annotations

from pairs.disc import Disc
from pairs.figures.loss_curve import loss_curve
from pairs.figures.rows import Strip, strips
from pairs.pictures import Picture
from pairs.report import percent
from pairs.sheets import Sheet
from pairs.statistics import spread

__all__ = ["disc_distribution", "disc_errors", "disc_loss", "disc_rounds", "finite_rounds"]


def finite_rounds(found: Disc) -> list[int]:
    """List the rounds whose loss stayed finite: the others are left out of means and figures."""
    return [
        i
        for i in range(len(found.train_errors))
        if i not in found.diverged and all(row[i] is not None for row in found.losses)
    ]


def disc_errors(found: Disc) -> Sheet:
    """Lay out the errors over the rounds, of which one at least stayed finite."""
    return Sheet(
        "models",
        "Points taken for the other class, in %: mean ± standard deviation over the rounds",
        ["points", "error", "lowest", "highest"],
        [
            [label, percent(spread(mine)), f"{100 * min(mine):.2f}", f"{100 * max(mine):.2f}"]
            for label, mine in _sets(found)
        ],
        ["points"],
    )


def disc_rounds(found: Disc) -> Sheet:
    """Lay out each round."""

    def line(i: int) -> list[str]:
        errors = [f"{100 * errors[i]:.2f}" for errors in (found.train_errors, found.test_errors)]
        loss = found.losses[-1][i]
        return [f"{i}", *errors, "not finite" if loss is None else f"{loss:.3g}"]

    return Sheet(
        "every-round",
        "Errors in %, and the loss of the last epoch",
        ["round", "train", "test", "loss"],
        [line(i) for i in range(len(found.train_errors))],
    )


def disc_loss(found: Disc) -> Picture:
    """Draw the loss of each round."""
    losses = [[row[i] or 0.0 for i in finite_rounds(found)] for row in found.losses]
    return Picture(
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


def disc_distribution(found: Disc) -> Picture:
    """Draw the errors of each round."""
    drawn = [
        Strip(label, percent(spread(mine)), [100 * error for error in mine])
        for label, mine in _sets(found)
    ]
    return Picture(
        "distribution",
        "Error in %. A dot is a round, the box holds the middle half of them, the line is the "
        "median; at the right mean ± standard deviation.",
        strips("distribution", "Train and test error of each round, in %", "error in %", drawn),
    )


def _sets(found: Disc) -> list[tuple[str, list[float]]]:
    good = finite_rounds(found)
    both = (("train", found.train_errors), ("test", found.test_errors))
    return [(label, [errors[i] for i in good]) for label, errors in both]
