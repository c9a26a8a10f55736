"""Digits redrawn by hand, as it were: shifted, or turned, resized, slanted and bent a little.

Nothing here knows which digits they are. Numbers are drawn on the generator's device and are then
brought to where the images are: the same ones change them, wherever that is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

__all__ = ["AUGMENTS", "Warp", "augmented", "sampled", "shifted", "warped"]

AUGMENTS = ("none", "shift", "warp")
"""What may be done to the images while training, from the least to the most."""

Drawn = tuple[Tensor, ...]
"""The numbers that change images, each (count, …)."""


def augmented(images: Tensor, how: str, rngs: Sequence[Generator]) -> Tensor:
    """Change each image of a stack in a way of its own.

    Args:
        images: (…, height, width), of floats; they are not written to.
        how: one of `AUGMENTS`: not at all, by a shift of a pixel, or by a `Warp`.
        rngs: draw everything, each for its share of the images: the first ones, the next ones, …

    Returns:
        As many images of the same shape.
    """
    if how == "none":
        return images
    each = images.flatten(0, -3)
    count, shift = len(each) // len(rngs), how == "shift"
    drawn = [_shifts(count, 1, rng) if shift else _warps(count, Warp(), rng) for rng in rngs]
    numbers = tuple(torch.cat(parts).to(each.device) for parts in zip(*drawn))
    return (_shift if shift else _warp)(each, numbers).view_as(images)


def shifted(images: Tensor, most: int, rng: Generator) -> Tensor:
    """Shift each image by whole pixels, down or up and right or left.

    Args:
        images: (n, height, width); they are not written to. Outside of an image stands its border.
        most: pixels, the largest shift; each from −most to most is as likely.
        rng: draws the shifts.

    Returns:
        As many images of the same shape.
    """
    return _shift(images, _shifts(len(images), most, rng))


def _shifts(count: int, most: int, rng: Generator) -> Drawn:
    """Draw how far images go down, and how far to the right."""
    down, right = (torch.randint(-most, most + 1, (count, 1), generator=rng) for _ in range(2))
    return down, right


def _shift(images: Tensor, shifts: Drawn) -> Tensor:
    down, right = shifts
    height, width = images.shape[-2:]

    def places(length: int, shift: Tensor) -> Tensor:
        return (torch.arange(length, device=shift.device) + shift).clamp(0, length - 1)

    at = places(height, down)[:, :, None] * width + places(width, right)[:, None]
    return images.flatten(1).gather(1, at.flatten(1)).view_as(images)


class Warp(NamedTuple):
    """How far digits are warped at most; each number is drawn uniformly from −limit to +limit.

    `rotation` is in degrees; `scale`, of height and width each, and `shear` are shares of the
    image's size; `shift` and `bend`, the displacements of the control points of a smooth field,
    are in pixels.
    """

    rotation: float = 12.0
    scale: float = 0.12
    shear: float = 0.15
    shift: float = 1.0
    bend: float = 0.5


def warped(images: Tensor, warp: Warp, rng: Generator) -> Tensor:
    """Warp each image in a way of its own.

    An image is read where the inverse of an affine map and a smooth field of displacements put
    each of its pixels; outside of the image stands its border.

    Args:
        images: (n, height, width), of floats; they are not written to.
        warp: the limits.
        rng: draws everything.

    Returns:
        As many images of the same shape.

    Simard, Steinkraus and Platt, "Best practices for convolutional neural networks applied to
    visual document analysis" (2003).
    """
    return _warp(images, _warps(len(images), warp, rng))


def _warps(count: int, warp: Warp, rng: Generator) -> Drawn:
    """Draw angles, slants, heights, widths, shifts and, if there is a bend, control points."""

    def draw(limit: float, *shape: int) -> Tensor:
        return (torch.rand((count, *shape), generator=rng) * 2 - 1) * limit

    limits = math.radians(warp.rotation), warp.shear, warp.scale, warp.scale
    angle, shear, tall, wide = map(draw, limits)
    shift = draw(warp.shift, 2)
    bend = [draw(warp.bend, 2, POINTS, POINTS)] if warp.bend else []
    return angle, shear, tall + 1, wide + 1, shift, *bend


def _warp(images: Tensor, warps: Drawn) -> Tensor:
    angle, shear, tall, wide, shift, *bend = warps
    (count, height, width), device = images.shape, images.device
    cos, sin = angle.cos(), angle.sin()
    # A turn, times a slant, times a scaling: where each pixel is read.
    turn = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
    slant = torch.stack(
        [torch.stack([tall, tall * 0], -1), torch.stack([shear * tall, wide], -1)], -2
    )
    places = _centred(height, device), _centred(width, device)
    rows, columns = torch.meshgrid(*places, indexing="ij")
    grid = torch.stack([rows, columns]).flatten(1)
    where = (turn @ slant @ grid).reshape(count, 2, height, width)
    centre = torch.tensor([(height - 1) / 2, (width - 1) / 2], device=device)
    where = where + (centre + shift)[..., None, None]
    for field in bend:
        where = where + _between(height, device) @ field @ _between(width, device).mT
    return sampled(images, where[:, 0], where[:, 1])


POINTS = 4
"""The control points of a bend, along each axis."""


def sampled(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Read images between their pixels, along cubic curves, which blur less than lines do.

    Args:
        images: (n, height, width), of floats.
        rows: (n, …), where to read each image, from 0 to height − 1; beyond is the border.
        columns: of the same shape, from 0 to width − 1.

    Returns:
        What is read, of the shape of `rows`.

    Keys, "Cubic convolution interpolation for digital image processing" (1981).
    """
    some = zip(*(torch.split(part, SOME) for part in (images, rows, columns)))
    return torch.cat([_sampled(*parts) for parts in some])


SOME = 250
"""Images that are read together: what is made of more does not fit the processor's caches."""


def _sampled(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    height, width = images.shape[-2:]
    rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    top, left = rows.floor(), columns.floor()
    # With its border around it an image has all of the 4 × 4 pixels that any place needs.
    wide = width + 3
    down, right = _bordered(height, images.device), _bordered(width, images.device)
    flat = images[:, down][:, :, right].flatten(1)
    at = (top * wide + left).long().flatten(1)
    read = torch.zeros_like(rows)
    for i, high in enumerate(_cubic(rows - top)):
        line = torch.zeros_like(rows)
        for j, broad in enumerate(_cubic(columns - left)):
            pixels = flat[:, i * wide + j :].gather(1, at)
            line.addcmul_(pixels.view_as(rows), broad)
        read.addcmul_(line, high)
    return read


def _bordered(length: int, device: torch.device) -> Tensor:
    return torch.arange(-1, length + 2, device=device).clamp(0, length - 1)


def _cubic(t: Tensor) -> list[Tensor]:
    """Weigh the pixels at −1, 0, 1 and 2 for a place t from 0 to 1."""
    return [
        ((2 - t) * t - 1) * t / 2,
        ((3 * t - 5) * t * t + 2) / 2,
        ((4 - 3 * t) * t + 1) * t / 2,
        (t - 1) * t * t / 2,
    ]


def _centred(length: int, device: torch.device) -> Tensor:
    return torch.arange(length, device=device) - (length - 1) / 2


def _between(length: int, device: torch.device) -> Tensor:
    """Make the (length, POINTS) weights that lead from control points to pixels, along waves."""
    place = torch.linspace(0, POINTS - 1, length, device=device)[:, None]
    distance = (place - torch.arange(POINTS, device=device)).clamp(-1, 1)
    return (1 + (math.pi * distance).cos()) / 2
