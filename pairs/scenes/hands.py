"""Two hands that write: MNIST's, and one whose strokes are curves through a few points each."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from pairs.augment import sampled

__all__ = [
    "DIGITS",
    "LETTERS",
    "OTHER_LETTERS",
    "Letters",
    "enlarged",
    "pen",
    "scribble",
    "written",
]

Curve = list[tuple[float, float]]
Letters = dict[str, list[list[Curve]]]

# Strokes as points (x, y) in a box of 10 by 10, y downwards; several ways to write some.
SHAPES = """
0: 50 22 15 28 59 78 85 72 50
0: 60 32 24 27 49 68 75 72 50 30
1: 50 49
1: 32 50 ; 50 49
1: 60 39
2: 22 40 71 73 54 29 19 ; 19 49 89
2: 12 30 70 83 65 37 18 29 38 39 59 88
2: 22 50 72 64 29 ; 29 29 89
3: 21 50 72 63 44 ; 44 74 77 59 18
3: 12 40 71 72 54 74 87 69 29 17
3: 20 71 ; 71 43 ; 43 74 77 49 18
4: 30 25 16 ; 16 16 86 ; 60 62 65 69
4: 30 16 ; 16 96 ; 73 69
4: 60 16 ; 16 96 ; 60 69
5: 30 30 24 ; 24 53 75 78 59 18 ; 30 30 80
5: 20 34 ; 34 63 85 78 49 18 ; 20 20 71
6: 60 32 15 18 49 78 76 54 26 17
6: 70 41 24 27 49 69 77 66 45 27
7: 11 11 71 ; 71 54 39
7: 10 40 80 ; 80 64 49
7: 11 11 71 ; 71 54 39 ; 25 25 75
8: 71 40 22 44 67 59 29 27 44 72 71
8: 50 21 23 54 77 59 28 26 54 82 70 50
9: 72 40 13 25 64 72 ; 72 64 59
9: 71 40 22 34 64 72 ; 72 75 69 39
A: 09 50 ; 50 99 ; 26 26 76
C: 82 50 23 16 28 59 87
E: 20 20 29 ; 20 20 80 ; 25 25 65 ; 29 29 89
F: 20 20 29 ; 20 20 80 ; 25 25 65
H: 10 10 19 ; 80 80 89 ; 15 15 85
K: 20 20 29 ; 80 25 ; 25 89
L: 20 20 29 ; 29 29 89
M: 09 20 ; 20 56 ; 56 80 ; 80 99
N: 19 20 ; 20 79 ; 79 80
P: 29 20 ; 20 70 73 55 25
R: 29 20 ; 20 70 73 45 25 ; 45 89
T: 10 10 90 ; 50 50 59
U: 10 17 49 77 80
V: 10 49 ; 49 90
W: 00 29 ; 29 42 ; 42 69 ; 69 90
X: 10 89 ; 80 19
Y: 10 45 ; 80 45 ; 45 45 49
a: 73 43 15 29 58 74 ; 73 77 89
d: 74 44 16 28 59 77 ; 80 80 79
e: 16 16 76 ; 76 63 23 16 39 78
h: 20 20 29 ; 26 54 75 79
k: 20 20 29 ; 74 26 ; 26 79
m: 04 09 ; 05 23 44 49 ; 45 63 84 89
n: 24 29 ; 26 54 75 79
r: 24 29 ; 26 44 74
t: 40 40 48 69 ; 14 14 74
u: 14 17 39 67 ; 74 74 79
w: 04 29 ; 29 45 ; 45 69 ; 69 84
x: 24 79 ; 74 29
?: 22 40 71 73 55 57 ; 59 59
+: 50 50 59 ; 15 15 95
=: 14 14 94 ; 17 17 97
#: 30 30 29 ; 70 70 69 ; 13 13 93 ; 16 16 96
*: 51 51 59 ; 13 97 ; 93 17
"""


def _read(text: str) -> Letters:
    shapes: Letters = {}
    for line in text.strip().splitlines():
        name, _, strokes = line.partition(": ")
        ways = shapes.setdefault(name, [])
        ways.append(
            [[(float(p[0]), float(p[1])) for p in stroke.split()] for stroke in strokes.split(";")]
        )
    return shapes


ALL = _read(SHAPES)
DIGITS = {name: ways for name, ways in ALL.items() if name.isdigit()}
OTHER_LETTERS = {name: ALL[name] for name in "FKVadmu"}
"""Kept back: what is taught on the others is measured on these too."""

LETTERS = {
    name: ways for name, ways in ALL.items() if name not in DIGITS and name not in OTHER_LETTERS
}
"""What nobody reads as a digit; O, I, l, S, Z, B, G, b, g, q and their like are left out."""


def written(ways: list[list[Curve]], size: int, rng: Generator, bent: float = 0.28) -> Tensor:
    """Write a sign anew: (height, width) from 0 to 1, `size` pixels tall or nearly so.

    Its points are moved a little each; the whole is turned, slanted and squeezed.
    """
    strokes = ways[_below(len(ways), rng)]
    angle, slant = _around(0.12, rng), _around(0.2, rng)
    wide = 0.6 + 0.3 * _unit(rng)
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    shape = turn @ torch.tensor([[wide, -slant], [0.0, 1.0]])
    lines = []
    for stroke in strokes:
        points = torch.tensor(stroke)
        moved = bent * torch.randn(points.shape, generator=rng)
        same = (points[1:] == points[:-1]).all(1)  # a corner, which stays one
        moved[1:] = torch.where(same[:, None], moved[:-1], moved[1:])
        points = points + moved
        lines.append(_smooth(points / 9) @ shape.mT * size)
    return pen(lines, size * (0.05 + 0.09 * _unit(rng)))


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
    count = 8 + _below(16, rng)
    if _unit(rng) < 0.5:
        points = torch.rand(count, 2, generator=rng)
    else:
        x = torch.linspace(0, 1, count) + 0.05 * torch.randn(count, generator=rng)
        y = 0.5 + 0.4 * (-1.0) ** torch.arange(count) * torch.rand(count, generator=rng)
        points = torch.stack([x, y], 1)
    shape = torch.tensor([1.0, 0.3 + 0.7 * _unit(rng)])
    return pen([_smooth(points) * size * shape], size * (0.02 + 0.06 * _unit(rng)))


def enlarged(image: Tensor, size: int) -> Tensor:
    """Enlarge a digit of MNIST so that it is about `size` pixels tall: from (14, 14), 0 to 1."""
    side = round(1.4 * size)
    at = (torch.arange(side) + 0.5) * (14 / side) - 0.5
    rows, columns = torch.meshgrid(at, at, indexing="ij")
    soft = sampled(image[None], rows[None], columns[None])[0]
    # A stroke's edge as sharp as a pen's: where it covers half of a pixel.
    return ((soft - 0.35) * (size / 28) + 0.5).clamp(0, 1)


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


def _unit(rng: Generator) -> float:
    return float(torch.rand((), generator=rng))


def _around(limit: float, rng: Generator) -> float:
    return limit * (2 * _unit(rng) - 1)


def _below(count: int, rng: Generator) -> int:
    return int(torch.randint(count, (), generator=rng))
