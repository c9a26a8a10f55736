"""A digit that a person drew, made like those of MNIST: from a picture to 14×14 pixels.

As its authors tell of MNIST: a digit was fitted into 20×20 pixels, its proportions kept, and put
into 28×28 with its centre of mass in the middle. The study's digits are the means of 2×2 of these.

LeCun, Cortes and Burges, "The MNIST database of handwritten digits" (1998).
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from pairs.data import halve
from pairs.data.digits import ORIGINAL_SIDE
from pairs.drawn.find import SOLID, find_digit
from pairs.drawn.ink import FAINTEST, DrawnError, NoInkError, ink_of, ninth_tenth
from pairs.drawn.picture import PictureError, read_picture

__all__ = ["BlankError", "Drawn", "digit_of", "fitted", "read_digit"]

BOX = 20
"""The side of the square that a digit is fitted into."""

THIN = 0.7
"""Of a pixel: strokes that cover less of their strongest pixels are thinner than MNIST has any."""


FAINT = 64
"""Of 255: ink that differs less from its paper is one only where the paper has few shades."""


class BlankError(PictureError):
    """A picture that has nothing on it."""


class Drawn(NamedTuple):
    """A digit made of a picture.

    `digit` is (14, 14) uint8, 0 (background) to 255 (ink), as `Digits` has them; `steps` is what
    was done and left out, a short sentence each; `doubt` is why there may not be one digit on it,
    None if there is no reason.
    """

    digit: Tensor
    steps: list[str]
    doubt: str | None


def digit_of(image: Tensor) -> Drawn:
    """Make a digit of a picture.

    Around each place the picture shows paper, with shadows perhaps, and noise; what differs from
    the paper by more than the noise is ink, whether it is darker or lighter. Of the ink, the stroke
    nearest the middle is the digit; see `find_digit`.

    Args:
        image: (height, width) or (height, width, channels) uint8 from 0 (black) to 255 (white).
            One channel is grey and three are red, green and blue; one more is opacity, and what it
            lets through is white. Where all that is seen has one colour, opacity alone is the ink.

    Raises:
        DrawnError: the tensor is not a picture, or (NoInkError) there is nothing on it.

    >>> image = torch.full((50, 40), 255, dtype=torch.uint8)
    >>> image[10:40, 18:22] = 0
    >>> digit, steps, doubt = digit_of(image)
    >>> digit[1:13, 5:9].tolist()[2]
    [0, 128, 255, 0]
    >>> steps[0]
    'inverted: dark ink on light paper'
    """
    grey, steps = _grey(image)
    ink, more = ink_of(grey)
    found = find_digit(ink)
    steps = [*steps, *more, *found.steps]
    full = ninth_tenth(found.ink[found.ink > SOLID * found.ink.max()])
    if full < 250:
        steps.append(f"stretched the contrast: the ink is {full:.0f} of 255 from the paper")
    ink = (found.ink / full).clamp(max=1)
    digit, more = fitted(torch.where(ink > FAINTEST, ink, 0))
    doubt = found.doubt
    if full < FAINT and full < _range(grey[found.ink == 0]):
        doubt = doubt or "it is fainter than the shades of the paper"
    return Drawn(digit, steps + more, doubt)


def fitted(ink: Tensor) -> tuple[Tensor, list[str]]:
    """Fit a digit into the middle of 14×14 pixels.

    Args:
        ink: (height, width) from 0 (paper) to 1 (ink); there is some.

    Returns:
        digit: (14, 14) uint8.
        steps: what was done, a short sentence each.
    """
    rows, columns = _extent(ink.amax(1)), _extent(ink.amax(0))
    # In float64: what rounds to one side in one order of sums does so in any other.
    ink = ink[rows[0] : rows[1] + 1, columns[0] : columns[1] + 1].double()
    steps = [f"cropped to rows {rows[0]}–{rows[1]}, columns {columns[0]}–{columns[1]}"]
    small = _fitted(ink)
    if ninth_tenth(small[small > FAINTEST]) < THIN:
        small = _fitted(_thicker(ink, round(PEN * max(ink.shape) / BOX)))
        steps.append(f"thickened: the strokes are thinner than a pixel of {BOX}×{BOX}")
    height, width = small.shape
    steps.append(f"fitted into {BOX}×{BOX} as {height}×{width}")
    field = small.new_zeros(ORIGINAL_SIDE, ORIGINAL_SIDE)
    top, left = _start(small.sum(1)), _start(small.sum(0))
    field[top : top + height, left : left + width] = small
    steps.append(f"centred by mass in {ORIGINAL_SIDE}×{ORIGINAL_SIDE}, averaged 2×2")
    return halve((field * 255 + 0.5 + TIE).floor().to(torch.uint8)), steps


def read_digit(path: str | os.PathLike[str]) -> Drawn:
    """Read the digit in a picture.

    Raises:
        BlankError: there is no ink on it.
        PictureError: as `read_picture`.
    """
    image, steps = read_picture(path)
    try:
        made = digit_of(image)
    except NoInkError as error:
        raise BlankError(f"{Path(path)}: {error}") from None
    except DrawnError as error:
        raise PictureError(f"{Path(path)}: {error}") from None
    return made._replace(steps=steps + made.steps)


def _grey(image: Tensor) -> tuple[Tensor, list[str]]:
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
    if len(parts) in (1, 3):
        return grey, []
    opacity = parts[-1]
    seen = grey[opacity >= SEEN]
    if len(seen) and opacity.min() < SEEN and seen.max() - seen.min() < SEEN:
        return 255 - opacity, ["took opacity for ink: all that is seen has one colour"]
    return 255 + (grey - 255) * (opacity / 255), []


SEEN = 16
"""Of 255: what is less opaque is not seen, and colours that differ by less are one."""


def _range(shades: Tensor) -> float:
    """Find how far apart the shades are, but for the few darkest and lightest."""
    if not len(shades):
        return 0.0
    low, high = (math.ceil(share * len(shades)) for share in (0.02, 0.98))
    return float(shades.kthvalue(high).values - shades.kthvalue(low).values)


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
    edges = torch.arange(count + 1).double() * (length / count)
    pixels = torch.arange(length)
    upper = torch.minimum(edges[1:, None], pixels + 1)
    lower = torch.maximum(edges[:-1, None], pixels)
    return (upper - lower).clamp(min=0) * (count / length)


def _start(mass: Tensor) -> int:
    """Find where to begin so that the centre of mass is in the middle, with all of it inside."""
    centre = float((torch.arange(len(mass)) + 0.5).to(mass.dtype) @ mass / mass.sum())
    return min(max(math.floor(MIDDLE - centre + 0.5 + TIE), 0), ORIGINAL_SIDE - len(mass))


PEN = 1.5
"""Of a pixel: how thick strokes are drawn that were too thin, as MNIST's finer ones are."""

MIDDLE = 14.5
"""Where MNIST's digits have their centre of mass, of 28: it lies evenly between 14 and 15."""

TIE = 1e-3
"""What is as near to a half counts as one, so that symmetric drawings give the same digit on any
machine, whatever order its sums are added up in."""
