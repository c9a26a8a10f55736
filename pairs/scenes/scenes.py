"""Scenes: a digit, or what is none, on paper as people photograph it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from pairs.data.digits import Digits
from pairs.scenes.hands import (
    DIGITS,
    LETTERS,
    OTHER_LETTERS,
    Letters,
    enlarged,
    pen,
    scribble,
    written,
)

__all__ = ["NOTHING", "WITH_DIGIT", "Scene", "scenes"]


class Scene(NamedTuple):
    """A picture, its condition and hand, and the digit that a person reads; None if there is none.

    `image` is uint8, (height, width) or (height, width, 2) with opacity.
    """

    image: Tensor
    condition: str
    hand: str
    label: int | None


def scenes(digits: Digits, each: int, rng: Generator) -> Iterator[Scene]:
    """Draw so many scenes of each condition, by the two hands in turn."""
    for condition, lay in WITH_DIGIT.items():
        for i in range(each):
            hand = ("MNIST", "curves")[i % 2]
            glyph, label = _digit(digits, hand, rng)
            yield Scene(lay(glyph, rng), condition, hand, label)
    for condition, draw in NOTHING.items():
        for i in range(each):
            hand = ("MNIST", "curves")[i % 2]
            yield Scene(draw(digits, hand, rng), condition, hand, None)


def _digit(digits: Digits, hand: str, rng: Generator) -> tuple[Tensor, int]:
    size = int(_uniform(70, 150, rng))
    if hand == "MNIST":
        which = int(torch.randint(len(digits.labels), (), generator=rng))
        return enlarged(digits.images[which].float() / 255, size), int(digits.labels[which])
    label = int(torch.randint(10, (), generator=rng))
    return written(DIGITS[str(label)], size, rng), label


def _field(glyph: Tensor, rng: Generator, off: float = 0.08) -> Tensor:
    """Put a sign near the middle of a larger field, from 0 (paper) to 1 (ink)."""
    high = max(int(_uniform(220, 340, rng)), len(glyph) + 90)
    wide = max(int(_uniform(220, 400, rng)), glyph.shape[1] + 90)
    field = torch.zeros(high, wide)
    _put(field, glyph, 0.5 + _uniform(-off, off, rng), 0.5 + _uniform(-off, off, rng))
    return field


def _put(field: Tensor, glyph: Tensor, down: float, right: float) -> None:
    """Draw a sign with its middle at these shares of the field, cut off at its sides."""
    top = round(down * field.shape[0] - glyph.shape[0] / 2)
    left = round(right * field.shape[1] - glyph.shape[1] / 2)
    at = field[max(top, 0) : top + len(glyph), max(left, 0) : left + glyph.shape[1]]
    glyph = glyph[max(-top, 0) :, max(-left, 0) :][: at.shape[0], : at.shape[1]]
    at.copy_(torch.maximum(at, glyph))


def _photo(field: Tensor, rng: Generator, light: Tensor | float = 1.0) -> Tensor:
    """Photograph ink on paper: dark on light, a little uneven, a little noisy."""
    paper, ink = _uniform(170, 250, rng), _uniform(0.15, 0.6, rng)
    rows = torch.linspace(-1, 1, field.shape[0])[:, None]
    columns = torch.linspace(-1, 1, field.shape[1])
    uneven = 1 + _uniform(-0.08, 0.08, rng) * rows + _uniform(-0.08, 0.08, rng) * columns
    image = paper * uneven * light * (1 - (1 - ink) * field)
    return _noisy(image, rng)


def _noisy(image: Tensor, rng: Generator) -> Tensor:
    noise = _uniform(0, 4, rng) * torch.randn(image.shape, generator=rng)
    return (image + noise).round().clamp(0, 255).to(torch.uint8)


def _ruled(field: Tensor, rng: Generator, both: bool) -> Tensor:
    """Print lines, fainter than a pen as a rule, as in a photograph that is a little turned."""
    field = field.clone()
    height, width = field.shape
    gap, tilt = _uniform(22, 60, rng), _uniform(-0.06, 0.06, rng)
    thick, strong = _uniform(0.8, 2.4, rng), _uniform(0.3, 0.9, rng)
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    phase = _uniform(0, gap, rng)
    for across in (True, False)[: 1 + both]:
        place = rows + tilt * columns if across else columns - tilt * rows
        away = ((place + phase) % gap - gap / 2).abs()
        field = torch.maximum(field, strong * (thick / 2 + 0.5 - away).clamp(0, 1))
    return field


def _table(glyph: Tensor, rng: Generator) -> Tensor:
    """Photograph paper that ends before the picture does: a table, darker or lighter."""
    field = _field(glyph, rng, 0.04)
    side, reach, tilt = int(torch.randint(4, (), generator=rng)), _uniform(0.04, 0.14, rng), 0.1
    there = _half(field, side, reach, _uniform(-tilt, tilt, rng))
    light = 1 - there * _uniform(0.25, 0.75, rng)
    return _photo(field * (1 - there), rng, light)


def _half(field: Tensor, side: int, reach: float, tilt: float) -> Tensor:
    """Tell, from 0 to 1, what lies beyond a straight edge near a side of the field."""
    turned = field.rot90(side)
    rows = torch.arange(turned.shape[0])[:, None] + tilt * torch.arange(turned.shape[1])
    return (reach * turned.shape[0] - rows).clamp(0, 1).rot90(-side)


def _shadow(glyph: Tensor, rng: Generator) -> Tensor:
    """Photograph paper with a hand's or a head's shadow over a corner."""
    field = _field(glyph, rng)
    height, width = field.shape
    rows = torch.linspace(0, 1, height)[:, None].expand(height, width)
    columns = torch.linspace(0, 1, width).expand(height, width)
    if torch.rand((), generator=rng) < 0.5:
        rows = rows.flip(0)
    if torch.rand((), generator=rng) < 0.5:
        columns = columns.flip(1)
    soft = _uniform(0.01, 0.15, rng)
    deep = ((_uniform(0.35, 0.8, rng) - rows - columns) / soft + 0.5).clamp(0, 1)
    return _photo(field, rng, 1 - deep * _uniform(0.25, 0.6, rng))


def _above_scribble(glyph: Tensor, rng: Generator) -> Tensor:
    field = _field(glyph, rng, 0.03)
    taller = torch.zeros(len(field) + 80, field.shape[1])
    taller[: len(field)] = field
    low = 1 - _uniform(25, 45, rng) / len(taller)
    _put(taller, scribble(int(_uniform(40, 90, rng)), rng), low, _uniform(0.3, 0.7, rng))
    return _photo(taller, rng)


def _specked(glyph: Tensor, rng: Generator) -> Tensor:
    field = _field(glyph, rng)
    for _ in range(int(torch.randint(3, 12, (), generator=rng))):
        speck = pen([torch.rand(2, 2, generator=rng) * 6], _uniform(2, 6, rng))
        side = _uniform(0.03, 0.14, rng)
        down, right = (
            _uniform(0.03, 0.97, rng),
            side if torch.rand((), generator=rng) < 0.5 else 1 - side,
        )
        _put(field, speck, down, right)
    return _photo(field, rng)


def _screen(glyph: Tensor, rng: Generator) -> Tensor:
    dark, light = _uniform(0, 70, rng), _uniform(150, 255, rng)
    return _noisy(dark + (light - dark) * _field(glyph, rng), rng)


def _opacity(glyph: Tensor, rng: Generator) -> Tensor:
    opacity = (255 * _field(glyph, rng)).round().to(torch.uint8)
    colour = torch.full_like(opacity, int(_uniform(0, 256, rng)))
    return torch.stack([colour, opacity], -1)


def _tight(glyph: Tensor, rng: Generator) -> Tensor:
    inked = glyph > 0.5
    rows, columns = inked.any(1).nonzero().flatten(), inked.any(0).nonzero().flatten()
    cut = glyph[int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1]
    edge = int(_uniform(2, 14, rng))
    field = torch.zeros(len(cut) + 2 * edge, cut.shape[1] + 2 * edge)
    field[edge:-edge, edge:-edge] = cut
    return _photo(field, rng)


WITH_DIGIT: dict[str, Callable[[Tensor, Generator], Tensor]] = {
    "paper": lambda glyph, rng: _photo(_field(glyph, rng), rng),
    "cropped": _tight,
    "printed lines": lambda glyph, rng: _photo(_ruled(_field(glyph, rng), rng, False), rng),
    "squared paper": lambda glyph, rng: _photo(_ruled(_field(glyph, rng), rng, True), rng),
    "table's edge": _table,
    "shadowed corner": _shadow,
    "scribble below": _above_scribble,
    "specks": _specked,
    "screen": _screen,
    "opacity": _opacity,
}
"""What a person reads, by what else is on the picture."""


def _sign(letters: Letters, rng: Generator) -> Tensor:
    names = sorted(letters)
    name = names[int(torch.randint(len(names), (), generator=rng))]
    return written(letters[name], int(_uniform(70, 150, rng)), rng)


def _two(digits: Digits, hand: str, rng: Generator) -> Tensor:
    """Two digits side by side, apart or touching."""
    (left, _), (right, _) = _digit(digits, hand, rng), _digit(digits, hand, rng)
    cut = []
    for glyph in (left, right):
        columns = (glyph > 0.5).any(0).nonzero().flatten()
        cut.append(glyph[:, int(columns[0]) : int(columns[-1]) + 1])
    high = max(len(glyph) for glyph in cut)
    gap = int(_uniform(-0.03 * high, 0.35 * high, rng))
    pair = torch.zeros(high, sum(glyph.shape[1] for glyph in cut) + gap)
    top = (high - len(cut[0])) // 2
    pair[top : top + len(cut[0]), : cut[0].shape[1]] = cut[0]
    top = (high - len(cut[1])) // 2
    place = pair[top : top + len(cut[1]), pair.shape[1] - cut[1].shape[1] :]
    place.copy_(torch.maximum(place, cut[1]))
    return _photo(_field(pair, rng), rng)


def _dots(rng: Generator) -> Tensor:
    field = _field(torch.zeros(10, 10), rng)
    for _ in range(int(torch.randint(1, 4, (), generator=rng))):
        dot = pen([torch.rand(2, 2, generator=rng) * 3], _uniform(4, 40, rng))
        _put(field, dot, _uniform(0.3, 0.7, rng), _uniform(0.3, 0.7, rng))
    return _photo(field, rng)


def _empty(rng: Generator, lines: int = 0) -> Tensor:
    field = torch.zeros(int(_uniform(200, 340, rng)), int(_uniform(200, 400, rng)))
    return _photo(_ruled(field, rng, lines > 1) if lines else field, rng)


NOTHING: dict[str, Callable[[Digits, str, Generator], Tensor]] = {
    "letter": lambda _, hand, rng: _photo(_field(_sign(LETTERS, rng), rng), rng),
    "another letter": lambda _, hand, rng: _photo(_field(_sign(OTHER_LETTERS, rng), rng), rng),
    "scribble": lambda _, hand, rng: _photo(
        _field(scribble(int(_uniform(70, 160, rng)), rng), rng), rng
    ),
    "dots": lambda _, hand, rng: _dots(rng),
    "empty": lambda _, hand, rng: _empty(rng),
    "empty, printed lines": lambda _, hand, rng: _empty(rng, 1),
    "empty, squared": lambda _, hand, rng: _empty(rng, 2),
    "two digits": _two,
}
"""What is no digit, or is two."""


def _uniform(low: float, high: float, rng: Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=rng))
