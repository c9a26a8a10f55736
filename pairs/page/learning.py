"""The section of the learning curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pairs.details import Details
from studykit.page.parts import figure, without
from studykit.statistics import Spread
from studykit.svg.panel import over_rounds, panel
from studykit.svg.scale import scale
from studykit.wording import count

__all__ = ["learning"]


def learning(models: Mapping[str, Sequence[Details]], names: Sequence[str]) -> Iterator[str]:
    """Draw, for each model, test error and training loss after each epoch.

    Args:
        models: the details of each model's rounds; a round without curves is left out.
        names: of all models of the page.
    """
    losses, errors, most = {}, {}, 0
    for name, rounds in models.items():
        watched = [details for details in rounds if details.losses]
        if watched:
            most = max(most, len(watched))
            losses[name] = over_rounds([details.losses for details in watched])
            errors[name] = over_rounds(
                [[100 * error for error in details.test_errors] for details in watched]
            )
    if not losses:
        return
    yield "<section>"
    yield "<h2>Learning curves</h2>"
    left_out = without(errors, names, "nothing looked at them from epoch to epoch")
    yield from figure(
        "Test error in % after each epoch, of the Boolean answer: the mean over the "
        f"rounds (up to {count(most)}), with a band of one standard deviation to either side; the "
        "number at the right is the mean in the end. It was only looked at: no epoch was chosen "
        "by it. A model that learns the digits alone answers through them. All panels have one "
        f"axis.{left_out}",
        *_panels("test-error", "test error in % after each epoch", errors),
    )
    yield from figure(
        "Mean cross-entropy of the Boolean answer on up to 250 of the training pairs "
        "after each epoch, in nats; more than a million, or no number, counts as a million. It is "
        "the same measure for all models, whatever else they descend: to answer by chance has "
        f"0.69. All panels have one axis.{left_out}",
        *_panels("training-loss", "training loss after each epoch", losses),
    )
    yield "</section>"


def _panels(name: str, title: str, curves: Mapping[str, Sequence[Spread]]) -> Iterator[str]:
    values = [value for curve in curves.values() for value in curve]
    up = scale(
        (value.mean for value in values),
        (value.mean + sign * (value.deviation or 0) for value in values for sign in (-1, 1)),
        3,
    )
    yield '<div class="panels">'
    for i, (model, curve) in enumerate(curves.items()):
        yield panel(f"{name}-{i}", f"{model}: {title}", model, curve, up)
    yield "</div>"
