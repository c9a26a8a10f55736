"""The disc's boundary as it forms: what one network says of the square, epoch after epoch."""

from __future__ import annotations

import math
from typing import Any

import torch

from disc import draw
from funcdl import linear, mse, relu, serial, sgd, stage, supervised, training_step, tree
from studykit.svg.diagram import diagram, words
from studykit.svg.elements import element
from studykit.svg.raster import raster

__all__ = ["boundary"]

NET = serial(*(part for _ in range(3) for part in (linear(25), relu)), linear(2))
SHOWN = (1, 10, 30, 100)
CELLS = 48
SIDE = 164


def boundary() -> str:
    """Train on the disc, seed 0, and draw the difference of the two outputs at a few epochs."""
    parts = []
    title = "Where the network takes a point to be inside the disc. "
    for i, (epoch, params, error) in enumerate(trained()):
        parts.append(panel(16 + i * (SIDE + 16), params))
        at = 16 + i * (SIDE + 16) + SIDE / 2
        parts.append(words(at, SIDE + 36, f"epoch {epoch}"))
        parts.append(words(at, SIDE + 54, f"test error {100 * error:.1f} %", "quiet"))
        title += f"Epoch {epoch}: test error {100 * error:.1f} %. "
    return diagram(16 + len(SHOWN) * (SIDE + 16), SIDE + 70, title.strip(), parts)


def trained() -> list[tuple[int, Any, float]]:
    """Train as the tutorial does; return the epochs shown, with the parameters and test error."""
    rng = torch.Generator().manual_seed(0)
    points, test = draw(1000, rng), draw(1000, rng)
    params, _ = NET.init(rng, (2,))
    optimiser = sgd(0.1, momentum=0.9)
    step = stage(training_step(supervised(NET, mse()), optimiser))
    state, found = optimiser.init(params), []
    for epoch in range(1, max(SHOWN) + 1):
        for batch in torch.randperm(1000, generator=rng).split(50):
            params, state, _ = step(params, state, (points.x[batch], points.target[batch]))
        if epoch in SHOWN:
            y, _ = NET(params, test.x)
            wrong = y.argmax(-1) != test.target.argmax(-1)
            kept = tree.map(torch.clone, params)  # a staged step writes into its own buffers
            found.append((epoch, kept, float(wrong.double().mean())))
    return found


def panel(left: float, params: Any) -> str:
    """Draw what the network says of each cell of the square, and the disc itself."""
    centres = (torch.arange(CELLS) + 0.5) / CELLS
    grid = torch.stack(torch.meshgrid(centres, centres, indexing="xy"), -1)
    y, _ = NET(params, grid)
    inside = (y[..., 1] - y[..., 0]).flip(0)  # upwards, as axes are drawn
    radius = CELLS / math.sqrt(2 * math.pi)
    middle = f"{CELLS / 2:g}"
    edge = element(
        "circle",
        kind="line",
        vector_effect="non-scaling-stroke",
        cx=middle,
        cy=middle,
        r=f"{radius:.2f}",
    )
    cells = element("g", raster(inside), shape_rendering="crispEdges")
    view = f"0 0 {CELLS} {CELLS}"
    return element("svg", cells, edge, x=f"{left:g}", y=16, width=SIDE, height=SIDE, viewBox=view)
