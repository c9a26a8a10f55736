"""Printed lines: those that run, thin and straight, from one side of a picture to the other."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["without_lines"]

SPANS = 0.75
"""Of the picture's side: a line is there over at least as much of it."""

THINNEST, THIN = 2, 0.012
"""A line is at most as many pixels thick, and this share of the shorter side."""

SLANTS = torch.linspace(-0.12, 0.12, 49)
"""How many rows a line may sink for each column: photographs are seldom straight."""

DARKER = 1.5
"""Ink that is stronger by this factor than the line that it lies on is a pen's."""


def without_lines(ink: Tensor) -> tuple[Tensor, int, int]:
    """Take lines out of a drawing, but for where a stroke crosses them.

    Lines are found as Hough does: ink is counted along each straight path from the left to the
    right that is nearly level; likewise downwards.

    Args:
        ink: (height, width), 0 where there is none.

    Returns:
        ink: without the lines.
        across: how many went from left to right.
        down: how many went from top to bottom.

    Hough, "Method and means for recognizing complex patterns" (1962), US patent 3069654.
    """
    rest, across = _without_level(ink)
    turned, down = _without_level(ink.mT)
    return torch.minimum(rest, turned.mT), across, down


def _without_level(ink: Tensor) -> tuple[Tensor, int]:
    height, width = ink.shape
    thick = THINNEST + int(THIN * min(height, width))
    mask = ink > 0
    # Tall runs are strokes that cross, or are no line.
    thin = mask & (_run(mask) <= thick)
    counted = _spread(thin)
    columns = torch.arange(width)
    found = torch.zeros_like(mask)
    lines = 0
    paths = []
    for slant in SLANTS:
        sinks = (slant * (columns - width / 2)).round().long()
        rows = torch.arange(height)[:, None] + sinks
        inside = (rows >= 0) & (rows < height)
        at = rows.clamp(0, height - 1)
        share = (counted.gather(0, at) & inside).sum(1) / inside.sum(1).clamp(min=width / 2)
        paths += [
            (float(share[row]), int(row), sinks) for row in (share >= SPANS).nonzero().flatten()
        ]
    taken: list[Tensor] = []
    for _, row, sinks in sorted(paths, key=lambda path: -path[0]):
        path = row + sinks
        inside = (path >= 0) & (path < height)
        # A path beside a line that is found already is the same line once more.
        if any((path - other).abs().min() <= 2 * thick for other in taken):
            continue
        taken.append(path)
        lines += 1
        near = (torch.arange(height)[:, None] - path).abs() <= thick
        line = near & thin
        usual = ink[line].median() if line.any() else ink.new_zeros(())
        found |= line & (ink <= DARKER * usual)
    return torch.where(found, 0, ink), lines


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
