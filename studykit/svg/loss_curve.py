"""The loss of every round against the epoch, on a logarithmic axis, as SVG that stands in a page.

The lines are drawn in a box of their own that stretches with the page, while their width does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import fmean

from studykit.svg.elements import element, figure, line, stretched, words
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
        return element("path", kind=kind, d=f"M{'L'.join(places)}")

    said = (
        f"{len(losses[0])} rounds, {count} epochs. The mean is {means[0]:.2g} in epoch 1 and "
        f"{means[-1]:.2g} in epoch {count}, where the rounds go from {min(losses[-1]):.2g} to "
        f"{max(losses[-1]):.2g}."
    )
    rounds = [path("thin", [row[i] for row in losses]) for i in range(len(losses[0]))]
    drawn = [*rounds, path("thick", means)]
    return figure(
        name,
        title,
        said,
        TOP + HEIGHT + 40,
        [
            *_grid(across, up),
            words(f"{axis} (logarithmic)", "0", "14.0", "start", "under"),
            *stretched(LEFT, RIGHT, TOP, HEIGHT, 1000, drawn, "stretched"),
        ],
    )


def _grid(across: Sequence[float], up: Sequence[float]) -> Iterator[str]:
    for mark in up:
        share = (math.log(up[-1]) - math.log(mark)) / (math.log(up[-1]) - math.log(up[0]))
        y = TOP + HEIGHT * share
        yield line("grid", f"{LEFT}%", f"{RIGHT}%", f"{y:.1f}", f"{y:.1f}")
        yield words(f"{mark:g}", f"{LEFT - 1.5}%", f"{y + 4:.1f}", "end", "under")
    for mark in across:
        x = f"{LEFT + (RIGHT - LEFT) * mark / across[-1]:.2f}%"
        yield words(f"{mark:g}", x, f"{TOP + HEIGHT + 18:.1f}", "middle", "under")
    yield words("epoch", f"{RIGHT}%", f"{TOP + HEIGHT + 36:.1f}", "end", "under")
