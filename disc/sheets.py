"""What the rounds of the disc say, as tables in words."""

from __future__ import annotations

from disc.file import Disc
from studykit.content import Sheet
from studykit.statistics import spread
from studykit.wording import percent

__all__ = ["errors_of_sets", "errors_sheet", "finite_rounds", "rounds_sheet"]


def finite_rounds(found: Disc) -> list[int]:
    """List the rounds whose loss stayed finite: the others are left out of means and figures."""
    return [
        i
        for i in range(len(found.train_errors))
        if i not in found.diverged and all(row[i] is not None for row in found.losses)
    ]


def errors_sheet(found: Disc) -> Sheet:
    """Lay out the errors over the rounds, of which one at least stayed finite."""
    return Sheet(
        "models",
        "Points taken for the other class, in %: mean ± standard deviation over the rounds",
        ["points", "error", "lowest", "highest"],
        [
            [label, percent(spread(mine)), f"{100 * min(mine):.2f}", f"{100 * max(mine):.2f}"]
            for label, mine in errors_of_sets(found)
        ],
        ["points"],
    )


def rounds_sheet(found: Disc) -> Sheet:
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


def errors_of_sets(found: Disc) -> list[tuple[str, list[float]]]:
    """Give the errors on the points trained on and on the test points, a finite round each."""
    good = finite_rounds(found)
    both = (("train", found.train_errors), ("test", found.test_errors))
    return [(label, [errors[i] for i in good]) for label, errors in both]
