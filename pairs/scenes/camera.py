"""What a camera makes of ink: colours, uneven light, blur, noise, and blocks of 8×8 pixels."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from pairs.scenes.chance import one_of, uniform
from pairs.scenes.paper import field, noisy, sloping

__all__ = [
    "blurred",
    "chalked",
    "coloured",
    "in_blocks",
    "lamplit",
    "pencilled",
    "phone",
    "whiteboard",
]

PENS = [(25, 25, 30), (35, 55, 150), (190, 35, 50), (25, 110, 60), (110, 40, 130), (200, 95, 20)]
"""Red, green and blue, of 255: black, blue, red, green, violet, orange."""


def phone(glyph: Tensor, rng: Generator) -> Tensor:
    """Photograph paper by a telephone: cast, vignette, blur, noise and blocks all at once."""
    sheet = field(glyph, rng)
    paper, ink = _paper(rng), uniform(0.15, 0.5, rng)
    light = sloping(sheet, 0.2, rng) * (1 - uniform(0, 0.3, rng) * _away(sheet, 0.5, 0.5) ** 2)
    image = (light * (1 - (1 - ink) * sheet))[..., None] * paper
    return _taken(image, uniform(0.6, 1.6, rng), uniform(3, 8, rng), uniform(0.4, 1.4, rng), rng)


def coloured(glyph: Tensor, rng: Generator) -> Tensor:
    """Photograph ink of some colour."""
    sheet = field(glyph, rng)
    paper, ink = _paper(rng), torch.tensor(one_of(PENS, rng)) * uniform(0.8, 1.1, rng)
    image = sloping(sheet, 0.08, rng)[..., None] * _over(paper, ink, sheet)
    return _taken(image, uniform(0.4, 1.0, rng), uniform(1, 4, rng), uniform(0.2, 0.8, rng), rng)


def lamplit(glyph: Tensor, rng: Generator) -> Tensor:
    """Photograph paper in the light of a lamp beside it."""
    sheet = field(glyph, rng)
    away = _away(sheet, uniform(-0.1, 1.1, rng), uniform(-0.1, 1.1, rng))
    light = uniform(0.35, 0.5, rng) + 0.6 * (-(away**2) * uniform(0.8, 2, rng)).exp()
    image = (light * (1 - uniform(0.5, 0.85, rng) * sheet))[..., None] * _paper(rng)
    return _taken(image, uniform(0.4, 1.0, rng), uniform(1, 4, rng), uniform(0.2, 0.8, rng), rng)


def pencilled(glyph: Tensor, rng: Generator) -> Tensor:
    """Photograph pencil, which is grey and leaves the paper's grain free."""
    sheet = field(glyph, rng)
    grain = blurred(torch.rand(sheet.shape, generator=rng), 0.7)
    grain = ((grain - 0.5) * 3 + uniform(0.65, 0.9, rng)).clamp(0.1, 1)
    image = sloping(sheet, 0.08, rng) * (1 - uniform(0.3, 0.5, rng) * sheet * grain)
    image = uniform(190, 245, rng) * image[..., None].expand(-1, -1, 3)
    return _taken(
        image, uniform(0.4, 1.0, rng), uniform(0.5, 2.5, rng), uniform(0.2, 0.6, rng), rng
    )


def whiteboard(glyph: Tensor, rng: Generator) -> Tensor:
    """Photograph a marker on a white board, on which a lamp shines."""
    sheet = field(glyph, rng)
    board = torch.tensor([1.0, 1.0, uniform(0.94, 1.04, rng)]) * uniform(175, 225, rng)
    image = sloping(sheet, 0.15, rng)[..., None] * _over(
        board, torch.tensor(one_of(PENS, rng)), sheet
    )
    away = _away(sheet, uniform(0, 1, rng), uniform(0, 1, rng))
    image = image + (uniform(20, 60, rng) * (-(away**2) * uniform(6, 20, rng)).exp())[..., None]
    return _taken(image, uniform(0.4, 1.2, rng), uniform(1, 4, rng), uniform(0.2, 0.8, rng), rng)


def chalked(glyph: Tensor, rng: Generator) -> Tensor:
    """Photograph chalk on a black or green board, wiped not quite clean."""
    sheet = field(glyph, rng)
    grain = blurred(torch.rand(sheet.shape, generator=rng), 0.6)
    grain = ((grain - 0.5) * 3 + uniform(0.6, 0.85, rng)).clamp(0.05, 1)
    wiped = blurred(torch.randn(sheet.shape, generator=rng), 12) * 42 * uniform(0, 6, rng)
    board = torch.tensor(one_of([(45, 48, 50), (35, 70, 55), (25, 25, 28)], rng)).float()
    chalk = torch.tensor(one_of([(225, 225, 220), (225, 215, 140), (225, 170, 180)], rng)).float()
    image = sloping(sheet, 0.1, rng)[..., None] * _over(board, chalk, sheet * grain)
    image = image + wiped[..., None]
    return _taken(image, uniform(0.4, 1.0, rng), uniform(1, 4, rng), uniform(0.2, 0.8, rng), rng)


def blurred(image: Tensor, deviation: float) -> Tensor:
    """Blur (height, width, …) by a Gaussian of so many pixels; what is outside does not count."""
    for axis in (0, 1):
        at = torch.arange(image.shape[axis])
        weights = (-(((at - at[:, None]) / deviation) ** 2) / 2).exp()
        weights = weights / weights.sum(1, keepdim=True)
        image = torch.tensordot(weights, image.movedim(axis, 0), 1).movedim(0, axis)
    return image


def in_blocks(image: Tensor, coarse: float) -> Tensor:
    """Round the waves in each block of 8×8 pixels, as JPEG does, the finer ones more coarsely.

    Args:
        image: (height, width, channels) from 0 to 255.
        coarse: 1 is about quality 50.

    Wallace, "The JPEG still picture compression standard" (1991).
    """
    height, width, channels = image.shape
    rows = torch.arange(-(-height // 8) * 8).clamp(max=height - 1)
    columns = torch.arange(-(-width // 8) * 8).clamp(max=width - 1)
    blocks = image[rows][:, columns].reshape(len(rows) // 8, 8, len(columns) // 8, 8, channels)
    blocks = blocks.permute(0, 2, 4, 1, 3)
    at = torch.arange(8)
    waves = (math.pi / 8 * at[:, None] * (at + 0.5)).cos() / 2
    waves[0] /= math.sqrt(2)
    step = coarse * (10 + 6.0 * (at + at[:, None]))
    rounded = ((waves @ (blocks - 128) @ waves.mT) / step).round() * step
    again = (waves.mT @ rounded @ waves + 128).permute(0, 3, 1, 4, 2)
    whole: Tensor = again.reshape(len(rows), len(columns), channels)
    return whole[:height, :width]


def _taken(image: Tensor, blur: float, noise: float, coarse: float, rng: Generator) -> Tensor:
    """Take a picture of (height, width, 3), from 0 to 255."""
    seen = noisy(blurred(image, blur), noise, rng).float()
    return in_blocks(seen, coarse).round().clamp(0, 255).to(torch.uint8)


def _paper(rng: Generator) -> Tensor:
    """Draw the colour of paper, as a white balance leaves it."""
    cast = torch.tensor([uniform(0.82, 1, rng) for _ in range(3)])
    return cast / cast.max() * uniform(180, 250, rng)


def _over(ground: Tensor, ink: Tensor, sheet: Tensor) -> Tensor:
    return ground + (ink - ground) * sheet[..., None]


def _away(sheet: Tensor, down: float, right: float) -> Tensor:
    """Give the distance from a place, in shares of the sides."""
    rows = torch.linspace(0, 1, sheet.shape[0])[:, None] - down
    columns = torch.linspace(0, 1, sheet.shape[1]) - right
    return (rows**2 + columns**2).sqrt()
