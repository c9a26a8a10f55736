"""Hands that write: MNIST's, and those whose strokes are curves through a few points each."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from pairs.augment import sampled
from pairs.scenes.chance import below, one_of, uniform
from pairs.scenes.shapes import Curve, Letters

__all__ = ["any_of", "enlarged", "pen", "scribble", "strokes", "turned", "written"]


def any_of(letters: Letters, size: int, rng: Generator) -> Tensor:
    """Write any of several signs."""
    return written(letters[one_of(sorted(letters), rng)], size, rng)


def written(ways: list[list[Curve]], size: int, rng: Generator, bent: float = 0.28) -> Tensor:
    """Write a sign anew: (height, width) from 0 to 1, `size` pixels tall or nearly so.

    Its points are moved a little each; the whole is turned, slanted and squeezed.
    """
    way = one_of(ways, rng)
    angle, slant = uniform(-0.12, 0.12, rng), uniform(-0.2, 0.2, rng)
    wide = uniform(0.6, 0.9, rng)
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    shape = turn @ torch.tensor([[wide, -slant], [0.0, 1.0]])
    lines = []
    for stroke in way:
        points = torch.tensor(stroke)
        moved = bent * torch.randn(points.shape, generator=rng)
        same = (points[1:] == points[:-1]).all(1)  # a corner, which stays one
        moved[1:] = torch.where(same[:, None], moved[:-1], moved[1:])
        lines.append(_smooth((points + moved) / 9) @ shape.mT * size)
    return pen(lines, size * uniform(0.05, 0.14, rng))


def strokes(size: int, rng: Generator) -> Tensor:
    """Write a sign that nobody knows: three to five strokes between points of a grid.

    A stroke mostly begins where another one is, so that they hang together; there are too many for
    a digit.
    """
    points = torch.cartesian_prod(torch.arange(4.0), torch.arange(4.0)) / 3
    lines: list[Tensor] = []
    for _ in range(3 + below(3, rng)):
        places = torch.randperm(16, generator=rng)[: 2 + below(3, rng)]
        line = points[places] + 0.04 * torch.randn(len(places), 2, generator=rng)
        if lines and uniform(0, 1, rng) < 0.7:
            line[0] = one_of(list(one_of(lines, rng)), rng)
        lines.append(line)
    shape = torch.tensor([uniform(0.5, 1, rng), 1.0])
    drawn = [(_smooth(line) if uniform(0, 1, rng) < 0.5 else line) * shape * size for line in lines]
    return pen(drawn, size * uniform(0.05, 0.14, rng))


def pen(lines: list[Tensor], thick: float) -> Tensor:
    """Draw lines, each (n, 2) of x and y, with a round pen, on a field that just holds them."""
    every = torch.cat(lines)
    low = every.amin(0) - thick / 2 - 1
    wide, high = (every.amax(0) + thick / 2 + 1 - low).ceil().int().tolist()
    x, y = torch.arange(wide) + 0.5, torch.arange(high)[:, None] + 0.5
    near = torch.full((high, wide), math.inf)
    starts = torch.cat([line[:-1] for line in lines]) - low
    along = torch.cat([line[1:] for line in lines]) - low - starts
    for part, step in zip(torch.split(starts, SEGMENTS), torch.split(along, SEGMENTS)):
        (sx, sy), (dx, dy) = (each.mT[..., None, None] for each in (part, step))
        right, down = x - sx, y - sy
        share = ((right * dx + down * dy) / (dx * dx + dy * dy).clamp(min=1e-6)).clamp(0, 1)
        away = (right - share * dx) ** 2 + (down - share * dy) ** 2
        near = torch.minimum(near, away.amin(0).sqrt())
    return (thick / 2 + 0.5 - near).clamp(0, 1)


SEGMENTS = 32
"""Segments of a line that are drawn at once."""


def scribble(size: int, rng: Generator) -> Tensor:
    """Draw a curve to and fro, or round and round."""
    count = 8 + below(16, rng)
    if uniform(0, 1, rng) < 0.5:
        points = torch.rand(count, 2, generator=rng)
    else:
        x = torch.linspace(0, 1, count) + 0.05 * torch.randn(count, generator=rng)
        y = 0.5 + 0.4 * (-1.0) ** torch.arange(count) * torch.rand(count, generator=rng)
        points = torch.stack([x, y], 1)
    shape = torch.tensor([1.0, uniform(0.3, 1, rng)])
    return pen([_smooth(points) * size * shape], size * uniform(0.02, 0.08, rng))


def enlarged(image: Tensor, size: int) -> Tensor:
    """Enlarge a digit of MNIST so that it is about `size` pixels tall: from (14, 14), 0 to 1."""
    side = round(1.4 * size)
    at = (torch.arange(side) + 0.5) * (14 / side) - 0.5
    rows, columns = torch.meshgrid(at, at, indexing="ij")
    soft = sampled(image[None], rows[None], columns[None])[0]
    # A stroke's edge as sharp as a pen's: where it covers half of a pixel.
    return ((soft - 0.35) * (size / 28) + 0.5).clamp(0, 1)


def turned(glyph: Tensor, degrees: float) -> Tensor:
    """Turn a sign about its middle, on a field that holds it."""
    edge = round(0.2 * max(glyph.shape)) + 1
    field = torch.zeros(glyph.shape[0] + 2 * edge, glyph.shape[1] + 2 * edge)
    field[edge:-edge, edge:-edge] = glyph
    middle = [(side - 1) / 2 for side in field.shape]
    rows, columns = torch.meshgrid(
        *(torch.arange(side) - centre for side, centre in zip(field.shape, middle)), indexing="ij"
    )
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    down, right = cos * rows - sin * columns, sin * rows + cos * columns
    return sampled(field[None], (down + middle[0])[None], (right + middle[1])[None])[0].clamp(0, 1)


def _smooth(points: Tensor) -> Tensor:
    """Lay a curve through points, as Catmull and Rom do; through two it is straight."""
    if len(points) < 3:
        return points
    ends = torch.cat([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = torch.linspace(0, 1, 6)[:-1, None]
    a, b, c, d = ends[:-3, None], ends[1:-2, None], ends[2:-1, None], ends[3:, None]
    curve = 2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2
    curve = (curve + (3 * b - a - 3 * c + d) * t**3) / 2
    return torch.cat([curve.flatten(0, 1), points[-1:]])
