"""Paper with a sign on it, and what else lies on it, as a camera or a scanner sees it."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from pairs.scenes.chance import below, uniform
from pairs.scenes.hands import pen, scribble

__all__ = [
    "above_scribble",
    "field",
    "noisy",
    "opaque",
    "photo",
    "put",
    "ruled",
    "screen",
    "shadowed",
    "sloping",
    "specked",
    "tabled",
    "tight",
]


def field(glyph: Tensor, rng: Generator, off: float = 0.08) -> Tensor:
    """Put a sign near the middle of a larger field, from 0 (paper) to 1 (ink)."""
    high = max(int(uniform(220, 340, rng)), len(glyph) + 90)
    wide = max(int(uniform(220, 400, rng)), glyph.shape[1] + 90)
    empty = torch.zeros(high, wide)
    put(empty, glyph, 0.5 + uniform(-off, off, rng), 0.5 + uniform(-off, off, rng))
    return empty


def put(field: Tensor, glyph: Tensor, down: float, right: float) -> None:
    """Draw a sign with its middle at these shares of the field, cut off at its sides."""
    top = round(down * field.shape[0] - glyph.shape[0] / 2)
    left = round(right * field.shape[1] - glyph.shape[1] / 2)
    at = field[max(top, 0) : top + len(glyph), max(left, 0) : left + glyph.shape[1]]
    glyph = glyph[max(-top, 0) :, max(-left, 0) :][: at.shape[0], : at.shape[1]]
    at.copy_(torch.maximum(at, glyph))


def photo(field: Tensor, rng: Generator, light: Tensor | float = 1.0) -> Tensor:
    """Photograph ink on paper: dark on light, a little uneven, a little noisy."""
    paper, ink = uniform(170, 250, rng), uniform(0.15, 0.6, rng)
    uneven = sloping(field, 0.08, rng)
    return noisy(paper * uneven * light * (1 - (1 - ink) * field), uniform(0, 4, rng), rng)


def sloping(field: Tensor, most: float, rng: Generator) -> Tensor:
    """Let light fall off from one side to the other, by so much of it at most."""
    rows = torch.linspace(-1, 1, field.shape[0])[:, None]
    columns = torch.linspace(-1, 1, field.shape[1])
    return 1 + uniform(-most, most, rng) * rows + uniform(-most, most, rng) * columns


def noisy(image: Tensor, deviation: float, rng: Generator) -> Tensor:
    """Add noise, and round to uint8."""
    noise = deviation * torch.randn(image.shape, generator=rng)
    return (image + noise).round().clamp(0, 255).to(torch.uint8)


def ruled(field: Tensor, rng: Generator, both: bool) -> Tensor:
    """Print lines, fainter than a pen as a rule, as in a photograph that is a little turned."""
    field = field.clone()
    height, width = field.shape
    gap, tilt = uniform(22, 60, rng), uniform(-0.06, 0.06, rng)
    thick, strong = uniform(0.8, 2.4, rng), uniform(0.3, 0.9, rng)
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    phase = uniform(0, gap, rng)
    for across in (True, False)[: 1 + both]:
        place = rows + tilt * columns if across else columns - tilt * rows
        away = ((place + phase) % gap - gap / 2).abs()
        field = torch.maximum(field, strong * (thick / 2 + 0.5 - away).clamp(0, 1))
    return field


def tabled(glyph: Tensor, rng: Generator) -> Tensor:
    """Photograph paper that ends before the picture does: a table, darker or lighter."""
    sheet = field(glyph, rng, 0.04)
    side, reach = below(4, rng), uniform(0.04, 0.14, rng)
    there = _half(sheet, side, reach, uniform(-0.1, 0.1, rng))
    return photo(sheet * (1 - there), rng, 1 - there * uniform(0.25, 0.75, rng))


def _half(field: Tensor, side: int, reach: float, tilt: float) -> Tensor:
    """Tell, from 0 to 1, what lies beyond a straight edge near a side of the field."""
    turned = field.rot90(side)
    rows = torch.arange(turned.shape[0])[:, None] + tilt * torch.arange(turned.shape[1])
    return (reach * turned.shape[0] - rows).clamp(0, 1).rot90(-side)


def shadowed(glyph: Tensor, rng: Generator) -> Tensor:
    """Photograph paper with a hand's or a head's shadow over a corner."""
    sheet = field(glyph, rng)
    height, width = sheet.shape
    rows = torch.linspace(0, 1, height)[:, None].expand(height, width)
    columns = torch.linspace(0, 1, width).expand(height, width)
    rows = rows.flip(0) if below(2, rng) else rows
    columns = columns.flip(1) if below(2, rng) else columns
    soft = uniform(0.01, 0.15, rng)
    deep = ((uniform(0.35, 0.8, rng) - rows - columns) / soft + 0.5).clamp(0, 1)
    return photo(sheet, rng, 1 - deep * uniform(0.25, 0.6, rng))


def above_scribble(glyph: Tensor, rng: Generator) -> Tensor:
    """Photograph a sign with a scribble below."""
    sheet = field(glyph, rng, 0.03)
    taller = torch.zeros(len(sheet) + 80, sheet.shape[1])
    taller[: len(sheet)] = sheet
    low = 1 - uniform(25, 45, rng) / len(taller)
    put(taller, scribble(int(uniform(40, 90, rng)), rng), low, uniform(0.3, 0.7, rng))
    return photo(taller, rng)


def specked(glyph: Tensor, rng: Generator) -> Tensor:
    """Photograph a sign with dirt beside it."""
    sheet = field(glyph, rng)
    for _ in range(3 + below(9, rng)):
        speck = pen([torch.rand(2, 2, generator=rng) * 6], uniform(2, 6, rng))
        side = uniform(0.03, 0.14, rng)
        right = side if below(2, rng) else 1 - side
        put(sheet, speck, uniform(0.03, 0.97, rng), right)
    return photo(sheet, rng)


def screen(glyph: Tensor, rng: Generator) -> Tensor:
    """Draw in light on a dark screen."""
    dark, light = uniform(0, 70, rng), uniform(150, 255, rng)
    return noisy(dark + (light - dark) * field(glyph, rng), uniform(0, 4, rng), rng)


def opaque(glyph: Tensor, rng: Generator) -> Tensor:
    """Draw in one colour on nothing, so that opacity alone is the ink: (height, width, 2)."""
    opacity = (255 * field(glyph, rng)).round().to(torch.uint8)
    return torch.stack([torch.full_like(opacity, below(256, rng)), opacity], -1)


def tight(glyph: Tensor, rng: Generator) -> Tensor:
    """Photograph a sign that fills the picture, or nearly so."""
    inked = glyph > 0.5
    rows, columns = inked.any(1).nonzero().flatten(), inked.any(0).nonzero().flatten()
    cut = glyph[int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1]
    edge = int(uniform(2, 14, rng))
    sheet = torch.zeros(len(cut) + 2 * edge, cut.shape[1] + 2 * edge)
    sheet[edge:-edge, edge:-edge] = cut
    return photo(sheet, rng)
