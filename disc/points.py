"""Points of the unit square, and whether they are in the disc."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Generator, Tensor, empty

__all__ = ["RADIUS", "Points", "draw"]

RADIUS = 1 / math.sqrt(2 * math.pi)


class Points(NamedTuple):
    """Points x (*models, n, 2) in [0, 1]², and their classes one-hot (*models, n, 2).

    The second output is 1 inside the disc, the first outside.
    """

    x: Tensor
    target: Tensor


def draw(count: int, rng: Generator) -> Points:
    """Draw labelled points.

    >>> import torch
    >>> points = draw(1000, torch.Generator().manual_seed(0))
    >>> points.x.shape, points.target.shape, points.target.sum().item()
    (torch.Size([1000, 2]), torch.Size([1000, 2]), 1000.0)
    """
    x = empty(count, 2, device=rng.device).uniform_(generator=rng)
    inside = x.sub(0.5).square().sum(-1).le(RADIUS**2)
    target = x.new_empty(count, 2)
    target.select(-1, 0).copy_(~inside)
    target.select(-1, 1).copy_(inside)
    return Points(x, target)
