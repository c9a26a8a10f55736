"""A digit that a person drew, made like those of MNIST: from a picture to 14×14 pixels.

As its authors tell of MNIST: a digit was fitted into 20×20 pixels, its proportions kept, and put
into 28×28 with its centre of mass in the middle. The study's digits are the means of 2×2 of these.

LeCun, Cortes and Burges, "The MNIST database of handwritten digits" (1998).
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor

from pairs.data import halve
from pairs.data.digits import ORIGINAL_SIDE
from pairs.drawn.ink import FAINTEST, DrawnError, ink_of, ninth_tenth
from pairs.drawn.picture import PictureError, read_picture

__all__ = ["digit_of", "read_digit"]

BOX = 20
"""The side of the square that a digit is fitted into."""

THIN = 0.7
"""Of a pixel: strokes that cover less of their strongest pixels are thinner than MNIST has any."""


def digit_of(image: Tensor) -> tuple[Tensor, list[str]]:
    """Make a digit of a picture.

    What the picture's border shows is paper, with a shadow across it perhaps, and noise; what
    differs from the paper by more than the noise is ink, whether it is darker or lighter.

    Args:
        image: (height, width) or (height, width, channels) uint8 from 0 (black) to 255 (white).
            One channel is grey and three are red, green and blue; one more is opacity, and what it
            lets through is white.

    Returns:
        digit: (14, 14) uint8, 0 (background) to 255 (ink), as `Digits` has them.
        steps: what was done, a short sentence each.

    Raises:
        DrawnError: the tensor is not a picture, or there is nothing on it.

    >>> image = torch.full((50, 40), 255, dtype=torch.uint8)
    >>> image[10:40, 18:22] = 0
    >>> digit, steps = digit_of(image)
    >>> digit[1:13, 5:9].tolist()[2]
    [0, 128, 255, 0]
    >>> steps[0]
    'inverted: dark ink on light paper'
    """
    ink, steps = ink_of(_grey(image))
    rows, columns = _extent(ink.amax(1)), _extent(ink.amax(0))
    ink = ink[rows[0] : rows[1] + 1, columns[0] : columns[1] + 1]
    steps.append(f"cropped to rows {rows[0]}–{rows[1]}, columns {columns[0]}–{columns[1]}")
    fitted = _fitted(ink)
    if ninth_tenth(fitted[fitted > FAINTEST]) < THIN:
        fitted = _fitted(_thicker(ink, max(ink.shape) // BOX))
        steps.append(f"thickened: the strokes are thinner than a pixel of {BOX}×{BOX}")
    height, width = fitted.shape
    steps.append(f"fitted into {BOX}×{BOX} as {height}×{width}")
    field = fitted.new_zeros(ORIGINAL_SIDE, ORIGINAL_SIDE)
    top, left = _start(fitted.sum(1)), _start(fitted.sum(0))
    field[top : top + height, left : left + width] = fitted
    steps.append(f"centred by mass in {ORIGINAL_SIDE}×{ORIGINAL_SIDE}, averaged 2×2")
    return halve((field * 255).round().to(torch.uint8)), steps


def read_digit(path: str | os.PathLike[str]) -> tuple[Tensor, list[str]]:
    """Read the digit in a picture.

    Returns:
        digit: (14, 14) uint8, as `digit_of` gives it.
        steps: what was done, a short sentence each.

    Raises:
        PictureError: as `read_picture`, or there is no digit on it.
    """
    image, steps = read_picture(path)
    try:
        made, more = digit_of(image)
    except DrawnError as error:
        raise PictureError(f"{Path(path)}: {error}") from None
    return made, steps + more


def _grey(image: Tensor) -> Tensor:
    """From (height, width) or (height, width, channels) to (height, width) float, over white."""
    shape = tuple(image.shape)
    if image.dtype != torch.uint8 or len(shape) not in (2, 3) or 0 in shape or shape[2:] > (4,):
        raise DrawnError(
            "expected uint8 of shape (height, width) or (height, width, 1 to 4), "
            f"got {image.dtype} of shape {shape}"
        )
    parts = [part.float() for part in image.reshape(*shape[:2], -1).unbind(-1)]
    # The weights of Rec. 601, by which most programs turn colours grey.
    grey = parts[0] if len(parts) < 3 else 0.299 * parts[0] + 0.587 * parts[1] + 0.114 * parts[2]
    return grey if len(parts) in (1, 3) else 255 + (grey - 255) * (parts[-1] / 255)


def _extent(profile: Tensor) -> tuple[int, int]:
    """Find the first and the last place with ink."""
    places = profile.nonzero().flatten()
    return int(places[0]), int(places[-1])


def _fitted(ink: Tensor) -> Tensor:
    """Average down, or up, to BOX pixels along the longer side."""
    height, width = (max(round(BOX * side / max(ink.shape)), 1) for side in ink.shape)
    return _means(ink.shape[0], height) @ ink @ _means(ink.shape[1], width).mT


def _thicker(ink: Tensor, size: int) -> Tensor:
    """Draw anew with a square pen: from (height, width) to sides longer by size − 1."""
    height, width = ink.shape
    size = max(size, 1)
    padded = ink.new_zeros(height + 2 * (size - 1), width + 2 * (size - 1))
    padded[size - 1 : size - 1 + height, size - 1 : size - 1 + width] = ink
    return padded.unfold(0, size, 1).amax(-1).unfold(1, size, 1).amax(-1)


def _means(length: int, count: int) -> Tensor:
    """Give the matrix (count, length) that averages over `count` equal parts of a line of pixels.

    A pixel on the edge of a part counts as far as it is inside.
    """
    edges = torch.arange(count + 1) * (length / count)
    pixels = torch.arange(length)
    upper = torch.minimum(edges[1:, None], pixels + 1)
    lower = torch.maximum(edges[:-1, None], pixels)
    return (upper - lower).clamp(min=0) * (count / length)


def _start(mass: Tensor) -> int:
    """Find where to begin so that the centre of mass is in the middle, with all of it inside."""
    centre = float((torch.arange(len(mass)) + 0.5) @ mass / mass.sum())
    return min(max(round(MIDDLE - centre), 0), ORIGINAL_SIDE - len(mass))


MIDDLE = 14.5
"""Where MNIST's digits have their centre of mass, of 28: it lies evenly between 14 and 15."""
