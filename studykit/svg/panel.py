"""A small panel: one curve over the epochs with its band, to stand beside others of its kind."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from studykit.statistics import Spread, spread
from studykit.svg.rows import escaped
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
    for mark, words in up.labels(5):
        y = TOP + HEIGHT * (1 - up(mark))
        grid += [
            f'<line class="grid" x1="{LEFT}%" x2="{RIGHT}%" y1="{y:.1f}" y2="{y:.1f}"/>',
            f'<text class="under" x="{LEFT - 2}%" y="{y + 4:.1f}" text-anchor="end">{words}</text>',
        ]
    ends = [(LEFT, "start", "epoch 1"), (RIGHT, "end", f"epoch {epochs}")]
    return "\n".join(
        [
            f'<svg class="s0" role="img" width="100%" height="{TOP + HEIGHT + 22}" '
            f'aria-labelledby="{name}-title {name}-desc">',
            f'<title id="{name}-title">{escaped(title)}</title>',
            f'<desc id="{name}-desc">{escaped(said)}</desc>',
            f'<text x="0" y="14">{escaped(label if len(label) <= 32 else label[:31] + "…")}</text>',
            f'<text x="{RIGHT}%" y="14" text-anchor="end">{means[-1]:.3g}</text>',
            *grid,
            *(
                f'<text class="under" x="{x}%" y="{TOP + HEIGHT + 16}" text-anchor="{anchor}">'
                f"{words}</text>"
                for x, anchor, words in ends[: 2 if epochs > 1 else 1]
            ),
            f'<svg x="{LEFT}%" y="{TOP}" width="{RIGHT - LEFT}%" height="{HEIGHT}" '
            f'viewBox="0 0 1000 1000" preserveAspectRatio="none">',
            f'<path class="band" d="M{"L".join([*upper, *reversed(lower)])}Z"/>',
            f'<path class="curve" d="M{"L".join(points(means))}"/>',
            "</svg>",
            "</svg>",
        ]
    )
