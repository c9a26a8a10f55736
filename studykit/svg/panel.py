"""A small panel: one curve over the epochs with its band, to stand beside others of its kind."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from studykit.statistics import Spread, spread
from studykit.svg.elements import element, figure, line, stretched, words
from studykit.svg.scale import Scale

__all__ = ["over_rounds", "panel"]

LEFT, RIGHT, TOP, HEIGHT = 13, 98, 30, 110
"""Where the curve's box is: per cent of the width, and pixels."""


def over_rounds(rounds: Sequence[Sequence[float]]) -> list[Spread]:
    """Sum up the rounds epoch by epoch, as far as each of them goes.

    >>> over_rounds([[0.5, 0.25], [0.5, 0.25]])
    [Spread(mean=0.5, deviation=0.0), Spread(mean=0.25, deviation=0.0)]
    """
    return [
        spread([value for value in values if value is not None]) for values in zip_longest(*rounds)
    ]


def panel(name: str, title: str, label: str, curve: Sequence[Spread], up: Scale) -> str:
    """Draw a mean after each epoch, with a band of one deviation to either side.

    Args:
        name: of the panel, unique in its page.
        title: what it shows; its description has the numbers.
        label: the words over it, beside the last mean.
        curve: at least one, not below 0.
        up: the scale of the axis, the same for panels that are to be compared.
    """
    epochs = len(curve)
    # One epoch is one place, in the middle.
    places = [1000 * k / (epochs - 1) if epochs > 1 else 500 for k in range(epochs)]

    def points(values: Sequence[float]) -> list[str]:
        heights = (1000 - 1000 * up(value) for value in values)
        return [f"{x:.0f} {y:.1f}" for x, y in zip(places, heights)]

    means = [value.mean for value in curve]
    apart = [value.deviation or 0.0 for value in curve]
    upper = points([mean + deviation for mean, deviation in zip(means, apart)])
    lower = points([mean - deviation for mean, deviation in zip(means, apart)])
    best = min(range(epochs), key=means.__getitem__)
    said = (
        f"{label}: {means[0]:.3g} after epoch 1, {means[-1]:.3g} after epoch {epochs}; lowest "
        f"after epoch {best + 1}: {means[best]:.3g}."
    )
    grid = []
    for mark, told in up.labels(5):
        y = TOP + HEIGHT * (1 - up(mark))
        grid += [
            line("grid", f"{LEFT}%", f"{RIGHT}%", f"{y:.1f}", f"{y:.1f}"),
            words(told, f"{LEFT - 2}%", f"{y + 4:.1f}", "end", "under"),
        ]
    ends = [(LEFT, "start", "epoch 1"), (RIGHT, "end", f"epoch {epochs}")]
    box = [
        element("path", kind="band", d=f"M{'L'.join([*upper, *reversed(lower)])}Z"),
        element("path", kind="curve", d=f"M{'L'.join(points(means))}"),
    ]
    return figure(
        name,
        title,
        said,
        TOP + HEIGHT + 22,
        [
            words(label if len(label) <= 32 else label[:31] + "…", "0", "14"),
            words(f"{means[-1]:.3g}", f"{RIGHT}%", "14", "end"),
            *grid,
            *(
                words(told, f"{x}%", TOP + HEIGHT + 16, anchor, "under")
                for x, anchor, told in ends[: 2 if epochs > 1 else 1]
            ),
            *stretched(LEFT, RIGHT, TOP, HEIGHT, 1000, box),
        ],
        "s0",
    )
