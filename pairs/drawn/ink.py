"""Telling ink from paper, whichever of the two is darker, and wherever a shadow falls."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from funcdl import FuncdlError

__all__ = ["FAINTEST", "DrawnError", "NoInkError", "ink_of", "ninth_tenth"]

FAINTEST = 1 / 16
"""Of the strongest ink: what is fainter is paper, however clean the picture."""

LEAST = 16
"""Of 255: a picture whose ink differs less from its paper is blank."""

WIDEST = 0.5
"""Of the mean of the sides: what is dark over a square as wide is paper in shadow."""

WIDER = 0.75
"""The same where the border is even, and no shadow lies on it."""

EVEN = 0.3
"""Of the picture's range: a border whose shades differ by less is of one."""


class DrawnError(FuncdlError, ValueError):
    """A picture with no digit in it, or that is none; the message is one sentence."""


class NoInkError(DrawnError):
    """A picture that has nothing on it."""


def ink_of(grey: Tensor) -> tuple[Tensor, list[str]]:
    """Tell ink from paper.

    Each pixel's paper is the closing of the picture by a square: of all squares around the pixel,
    the one whose lightest pixel is darkest. No stroke is as wide as the square, so that its paper
    is what lies beside it, while the edge of a shadow is where it was. Dark ink takes a share of
    its paper's light; light ink, on a board or a screen, adds to it.

    Args:
        grey: (height, width) of floats from 0 (black) to 255 (white).

    Returns:
        ink: (height, width) from 0 (paper) to 255; what is fainter than noise is 0.
        steps: what was done, a short sentence each.

    Raises:
        NoInkError: there is no ink.

    Serra, "Image Analysis and Mathematical Morphology" (1982), on closings and top hats.
    """
    even = _is_even(grey)
    dark = _is_dark(grey, even)
    image = grey if dark else 255 - grey
    side = max(math.ceil((WIDER if even else WIDEST) * sum(grey.shape) / 2), 3)
    paper = -_highest(-_highest(_smoothed(image), side), side)
    away = (paper - image) * (255 / paper.clamp(min=32) if dark else 1)
    # A thick stroke, tightly cropped, is more than the paper around it.
    sheet = _border(away) if even else away
    away, sheet = away - sheet.median(), sheet - sheet.median()
    # Five standard deviations, of which the median of the absolute deviations is 0.67 of one.
    noise = 5 * float(sheet.abs().median()) / 0.6745
    strongest = float(away.max())
    floor = max(noise, FAINTEST * strongest)
    kept = away > floor
    # Three of nine pixels: a stroke has that everywhere, and a speck of noise nowhere.
    kept &= _sums(kept, 3) >= 3
    if strongest < LEAST or not kept.any():
        raise NoInkError(
            "expected a digit, found no stroke that stands out from the paper; brightness is from "
            f"{grey.min():.0f} to {grey.max():.0f} of 255"
        )
    steps = ["inverted: dark ink on light paper"] if dark else []
    if noise > FAINTEST * strongest:
        steps.append(f"took for paper what is within {floor:.0f} of 255 of it")
    return torch.where(kept, away, 0), steps


def ninth_tenth(values: Tensor) -> float:
    """Find what nine tenths of some numbers are at most; 0 if there are none."""
    if not len(values):
        return 0.0
    return float(values.kthvalue(math.ceil(0.9 * len(values))).values)


def _border(image: Tensor) -> Tensor:
    return torch.cat([image[0], image[-1], image[:, 0], image[:, -1]])


def _is_even(grey: Tensor) -> bool:
    """Tell whether the border is of one shade, which then is the paper's."""
    low, high = _border(grey).quantile(torch.tensor([0.02, 0.98])).tolist()
    return float(high - low) < EVEN * float(grey.max() - grey.min())


def _is_dark(grey: Tensor, even: bool) -> bool:
    """Tell whether the ink is darker than the paper.

    Where the border is even, what is farthest from it is ink. Elsewhere strokes are the lesser part
    of what is around them, while an edge has as much on either side of the mean around it.
    """
    if even:
        middle = _border(grey).median()
        return bool(middle - grey.min() >= grey.max() - middle)
    side = max(math.ceil(WIDEST * sum(grey.shape) / 2), 3)
    around = _sums(grey, side) / _sums(torch.ones_like(grey), side)
    return float(((grey - around) ** 3).mean()) <= 0


def _smoothed(image: Tensor) -> Tensor:
    return (_sums(image, 3) / _sums(torch.ones_like(image), 3)).float()


def _sums(image: Tensor, side: int) -> Tensor:
    """Add up the square around each pixel, as far as it is inside: (height, width)."""
    image = image.double()  # differences of long sums
    for _ in range(2):
        total = torch.cat([image.new_zeros(1, image.shape[1]), image.cumsum(0)])
        at = torch.arange(len(image))
        upper = (at + (side - side // 2)).clamp(max=len(image))
        image = (total[upper] - total[(at - side // 2).clamp(min=0)]).mT
    return image


def _highest(image: Tensor, side: int) -> Tensor:
    """Find the highest pixel of the square around each, as far as it is inside."""
    before, after = side // 2, side - side // 2 - 1
    for _ in range(2):
        beyond = [image.new_full((rows, image.shape[1]), -math.inf) for rows in (before, after)]
        runs = torch.cat([beyond[0], image, beyond[1]])
        reach = 1
        while reach < side:  # each pass sees twice as far, and the last one what is left
            step = min(reach, side - reach)
            runs = torch.maximum(runs[: len(runs) - step], runs[step:])
            reach += step
        image = runs.mT
    return image
