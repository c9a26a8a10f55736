"""The parts of a drawing: pixels of ink that touch one another, and where each part lies."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Part", "box_of", "grown", "labelled", "parts_of"]


class Part(NamedTuple):
    """A part: its label, its pixels, and its first and last row and column."""

    label: int
    pixels: int
    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        """Rows from the first to the last."""
        return self.bottom - self.top + 1

    @property
    def width(self) -> int:
        """Columns from the first to the last."""
        return self.right - self.left + 1

    @property
    def size(self) -> int:
        """The longer side."""
        return max(self.height, self.width)


def labelled(mask: Tensor) -> Tensor:
    """Label the parts of a mask: pixels that touch, at corners too, have one number, from 1 on.

    Each pixel begins as its own label; labels take the least of those around them, and then that
    one's own label, until none changes: as many rounds as the longest path halves.

    Args:
        mask: (height, width) of Booleans.

    Returns:
        (height, width) int64, 0 where the mask is not.

    >>> labelled(torch.tensor([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 0, 0]]).bool())
    tensor([[1, 0, 0, 2],
            [0, 1, 0, 2],
            [0, 0, 0, 0],
            [3, 3, 0, 0]])
    """
    whole = torch.zeros(mask.shape, dtype=torch.int64)
    places = mask.nonzero()
    if len(places):
        (top, left), (bottom, right) = places.amin(0).tolist(), (places.amax(0) + 1).tolist()
        whole[top:bottom, left:right] = _labelled(mask[top:bottom, left:right])
    return whole


def _labelled(mask: Tensor) -> Tensor:
    height, width = mask.shape
    none = height * width
    parent = torch.arange(none + 1)
    inside = mask.flatten()
    labels = torch.where(inside, parent[:-1], none)
    while True:
        field = labels.view(height, width)
        least = torch.where(inside, _lowest(field).flatten(), none)
        parent = parent.scatter_reduce(0, labels, least, "amin")
        parent[none] = none
        while not torch.equal(up := parent[parent], parent):
            parent = up
        new = torch.where(inside, parent[labels], none)
        if torch.equal(new, labels):
            break
        labels = new
    numbers = torch.cat([(labels == torch.arange(none)).cumsum(0), parent.new_zeros(1)])
    return numbers[labels].view(height, width)


def parts_of(labels: Tensor) -> list[Part]:
    """List the parts of what `labelled` gave, in the order of their labels."""
    rows, columns = labels.nonzero(as_tuple=True)
    which = labels[rows, columns]
    count = int(labels.max()) + 1

    def most(values: Tensor) -> Tensor:
        return torch.full((count,), -(1 << 60)).scatter_reduce(0, which, values, "amax")

    pixels = torch.bincount(which, minlength=count)
    table = torch.stack([pixels, -most(-rows), most(rows), -most(-columns), most(columns)], 1)
    return [Part(i, *line) for i, line in enumerate(table.tolist()) if line[0] and i]


def box_of(parts: list[Part]) -> Part:
    """Give the box around several parts, as one part with no label."""
    _, pixels, tops, bottoms, lefts, rights = zip(*parts)
    return Part(0, sum(pixels), min(tops), max(bottoms), min(lefts), max(rights))


def grown(mask: Tensor, by: int) -> Tensor:
    """Let a mask grow by so many pixels on every side."""
    for _ in range(2):
        total = torch.cat([mask.new_zeros(1, mask.shape[1]).long(), mask.long().cumsum(0)])
        at = torch.arange(len(mask))
        upper, lower = (at + by + 1).clamp(max=len(mask)), (at - by).clamp(min=0)
        mask = (total[upper] > total[lower]).mT
    return mask


def _lowest(field: Tensor) -> Tensor:
    """Find the least of each pixel and those around it."""
    for _ in range(2):
        low = field.clone()
        torch.minimum(low[1:], field[:-1], out=low[1:])
        torch.minimum(low[:-1], field[1:], out=low[:-1])
        field = low.mT
    return field
