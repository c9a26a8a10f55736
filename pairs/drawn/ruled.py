"""Printed lines: those that run, thin and straight, from one side of a picture to the other."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["DARKER", "Unruled", "without_lines"]

SPANS, ALONE = 0.8, 0.45
"""Of the picture's side: a line is there over at least as much of it, and thin over so much."""

ROUGH = 2
"""Pixels by which a line may be thicker here and there, where there is noise beside it."""

END = 0.06
"""Of the picture's side: a line is there over half of as much at either end too."""

THINNEST, THIN = 3, 0.012
"""A line is at most as many pixels thick, and this share of the shorter side."""

LOOKS = 96
"""Columns that a path is looked at in."""

SLANTS = torch.linspace(-0.08, 0.08, 33)
"""How many rows a line may sink for each column: photographs are seldom straight."""

DARKER = 1.5
"""Ink that is stronger by this factor than the line that it lies on is a pen's."""


class Unruled(NamedTuple):
    """A drawing without its printed lines: its ink, where they were, and how many each way.

    `strength` is the ink of the strongest line, and `thickness` the pixels of the thickest.
    """

    ink: Tensor
    band: Tensor
    across: int
    down: int
    strength: float
    thickness: float


def without_lines(ink: Tensor) -> Unruled:
    """Take lines out of a drawing, but for where a stroke crosses them.

    Lines are found as Hough does: ink is counted along each straight path from the left to the
    right that is nearly level; then likewise downwards.

    Args:
        ink: (height, width), 0 where there is none.

    Hough, "Method and means for recognizing complex patterns" (1962), US patent 3069654.
    """
    rest, level, across = _without_level(ink)
    turned, upright, down = _without_level(rest.mT)
    strength, thickness = map(max, zip((0.0, 0.0), *across, *down))
    return Unruled(turned.mT, level | upright.mT, len(across), len(down), strength, thickness)


def _without_level(ink: Tensor) -> tuple[Tensor, Tensor, list[tuple[float, float]]]:
    """Take out the lines that are nearly level; give where they were, how strong and thick too."""
    height, width = ink.shape
    thick = THINNEST + int(THIN * min(height, width))
    mask = ink > 0
    # No path is there in more columns than ink is.
    if mask[:, _columns(width)].any(0).float().mean() < SPANS / 3:
        return ink, torch.zeros_like(mask), []
    # Tall runs are strokes that cross, or are no line.
    runs = _run(mask)
    thin, low = mask & (runs <= thick), mask & (runs <= thick + ROUGH)
    at = torch.arange(height)[:, None]
    found, band = torch.zeros_like(mask), torch.zeros_like(mask)
    taken: list[Tensor] = []
    lines: list[tuple[float, float]] = []
    for row, sinks in _paths(_spread(mask), _spread(thin)):
        path = row + sinks
        # A path beside a line that is found already is the same line once more.
        if any(((path - other).abs() <= thick).sum() > width / 4 for other in taken):
            continue
        taken.append(path)
        near = (at - path).abs() <= thick
        line = near & low
        usual = float(ink[near & thin].median()) if (near & thin).any() else 0.0
        lines.append((usual, float(runs[near & thin].float().mean()) if usual else 0.0))
        found |= line & (ink <= DARKER * usual)
        band |= near
    return torch.where(found, 0, ink), band, lines


def _paths(mask: Tensor, thin: Tensor) -> list[tuple[int, Tensor]]:
    """List the paths of lines, the best first: the middle's row, and how far each column sinks."""
    height, width = mask.shape
    columns = _columns(width)
    count, end = len(columns), max(round(END * len(columns)), 2)
    both = mask[:, columns].to(torch.uint8) + thin[:, columns]
    paths = []
    for slant in SLANTS:
        rows = torch.arange(height)[:, None] + (slant * (columns - width / 2)).round().long()
        inside = (rows >= 0) & (rows < height)
        seen = both.gather(0, rows.clamp(0, height - 1))
        there = (seen[:, :end] > 0) | ~inside[:, :end], (seen[:, -end:] > 0) | ~inside[:, -end:]
        ends = torch.minimum(there[0].sum(1), there[1].sum(1)) >= end / 2
        whole = inside.sum(1).clamp(min=count / 3)
        share = ((seen > 0) & inside).sum(1) / whole
        alone = ((seen == 2) & inside).sum(1) / whole
        sinks = (slant * (torch.arange(width) - width / 2)).round().long()
        good = (ends & (share >= SPANS) & (alone >= ALONE)).nonzero().flatten().tolist()
        paths += [(float(share[row] + alone[row]), row, sinks) for row in good]
    return [path[1:] for path in sorted(paths, key=lambda path: -path[0])]


def _columns(width: int) -> Tensor:
    return torch.arange(0, width, -(-width // LOOKS))


def _run(mask: Tensor) -> Tensor:
    """Count, for each pixel of a mask, how tall the run is in its column that it is in."""
    at = torch.arange(1, len(mask) + 1)[:, None].expand_as(mask)
    above = torch.where(mask, 0, at).cummax(0).values
    below = torch.where(mask, len(mask) + 1, at).flip(0).cummin(0).values.flip(0)
    return torch.where(mask, below - above - 1, 0)


def _spread(mask: Tensor) -> Tensor:
    """Let a mask grow by a row up and down: a path is whole pixels, and a line is not."""
    wide = mask.clone()
    wide[1:] |= mask[:-1]
    wide[:-1] |= mask[1:]
    return wide
