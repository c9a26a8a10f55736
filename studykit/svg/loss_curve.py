"""The loss of every round against the epoch, on a logarithmic axis, as SVG that stands in a page.

The lines are drawn in a box of their own that stretches with the page, while their width does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import fmean

from studykit.svg.rows import escaped
from studykit.svg.scale import decades, ticks

__all__ = ["loss_curve"]

LEFT, RIGHT, TOP, HEIGHT = 13, 97, 28, 280
"""Where the box is: per cent of the width, and pixels."""

MOST = 200
"""So many epochs are drawn at most, evenly apart."""

LEAST = 1e-12
"""A loss below is drawn as this: 0 has no logarithm."""


def loss_curve(name: str, title: str, axis: str, losses: Sequence[Sequence[float]]) -> str:
    """Draw each round as a thin line and their mean as a thick one.

    Args:
        name: of the figure, unique in its page.
        title: what it shows, in a few words; its description has the numbers.
        axis: what the losses are.
        losses: for each epoch, from 1, the loss of each round; at least one of each, all finite.
    """
    count = len(losses)
    shown = (
        range(count)
        if count <= MOST
        else [round(k * (count - 1) / (MOST - 1)) for k in range(MOST)]
    )
    means = [fmean(row) for row in losses]
    low, high = (max(end(map(end, losses)), LEAST) for end in (min, max))
    across, up = ticks(0, count, 6), decades(low, high)
    bottom, top = math.log(up[0]), math.log(up[-1])

    def path(kind: str, values: Sequence[float]) -> str:
        places = (
            f"{1000 * (k + 1) / across[-1]:.1f} "
            f"{1000 * (top - math.log(max(values[k], LEAST))) / (top - bottom):.1f}"
            for k in shown
        )
        return f'<path class="{kind}" d="M{"L".join(places)}"/>'

    said = (
        f"{len(losses[0])} rounds, {count} epochs. The mean is {means[0]:.2g} in epoch 1 and "
        f"{means[-1]:.2g} in epoch {count}, where the rounds go from {min(losses[-1]):.2g} to "
        f"{max(losses[-1]):.2g}."
    )
    return "\n".join(
        [
            f'<svg role="img" width="100%" height="{TOP + HEIGHT + 40}" '
            f'aria-labelledby="{name}-title {name}-desc">',
            f'<title id="{name}-title">{escaped(title)}</title>',
            f'<desc id="{name}-desc">{escaped(said)}</desc>',
            *_grid(across, up),
            _words(f"{axis} (logarithmic)", "0", 14, "start"),
            f'<svg class="stretched" x="{LEFT}%" y="{TOP}" width="{RIGHT - LEFT}%" '
            f'height="{HEIGHT}" viewBox="0 0 1000 1000" preserveAspectRatio="none">',
            *(path("thin", [row[i] for row in losses]) for i in range(len(losses[0]))),
            path("thick", means),
            "</svg>",
            "</svg>",
        ]
    )


def _grid(across: Sequence[float], up: Sequence[float]) -> Iterator[str]:
    for mark in up:
        share = (math.log(up[-1]) - math.log(mark)) / (math.log(up[-1]) - math.log(up[0]))
        y = TOP + HEIGHT * share
        yield f'<line class="grid" x1="{LEFT}%" x2="{RIGHT}%" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield _words(f"{mark:g}", f"{LEFT - 1.5}%", y + 4, "end")
    for mark in across:
        x = f"{LEFT + (RIGHT - LEFT) * mark / across[-1]:.2f}%"
        yield _words(f"{mark:g}", x, TOP + HEIGHT + 18, "middle")
    yield _words("epoch", f"{RIGHT}%", TOP + HEIGHT + 36, "end")


def _words(text: str, x: str, y: float, anchor: str) -> str:
    return f'<text class="under" x="{x}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'
