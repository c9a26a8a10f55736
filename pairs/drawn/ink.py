"""Telling ink from paper, whichever of the two is darker."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from funcdl import FuncdlError

__all__ = ["FAINTEST", "DrawnError", "ink_of", "ninth_tenth"]

FAINTEST = 1 / 16
"""Of the strongest ink: what is fainter is paper, however clean the picture."""

LEAST = 16
"""Of 255: a picture whose ink differs less from its paper is blank."""


class DrawnError(FuncdlError, ValueError):
    """A picture with no digit in it, or that is none; the message is one sentence."""


def ink_of(grey: Tensor) -> tuple[Tensor, list[str]]:
    """Tell ink from paper.

    Args:
        grey: (height, width) of floats from 0 (black) to 255 (white).

    Returns:
        ink: (height, width) from 0 (paper) to 1 (the strongest ink).
        steps: what was done, a short sentence each.

    Raises:
        DrawnError: there is no ink.
    """
    away, noise = _from_paper(grey)
    light = bool(-away.min() > away.max())
    ink = (-away if light else away).clamp(min=0)
    strongest = float(ink.max())
    floor = max(noise, FAINTEST * strongest)
    padded = ink.new_zeros(ink.shape[0] + 2, ink.shape[1] + 2)
    padded[1:-1, 1:-1] = ink > floor
    # Three of nine pixels: a stroke has that everywhere, and a speck of noise nowhere.
    kept = padded[1:-1, 1:-1].bool() & (padded.unfold(0, 3, 1).unfold(1, 3, 1).sum((-1, -2)) >= 3)
    if strongest < LEAST or not kept.any():
        raise DrawnError(
            "expected a digit, found no stroke that stands out from the paper; brightness is from "
            f"{grey.min():.0f} to {grey.max():.0f} of 255"
        )
    full = ninth_tenth(ink[kept])
    steps = ["inverted: dark ink on light paper"] if light else []
    if noise > FAINTEST * strongest:
        steps.append(f"took for paper what is within {floor:.0f} of 255 of it")
    if full < 250:
        steps.append(f"stretched the contrast: the ink is {full:.0f} of 255 from the paper")
    return torch.where(kept, ink / full, 0).clamp(max=1), steps


def _from_paper(grey: Tensor) -> tuple[Tensor, float]:
    """Take the paper from a picture, and tell how far its noise may reach from it.

    Its brightness is the plane of least absolute deviations from the border, found by reweighted
    least squares: a shadow may lie across a photograph, and the plane passes a stroke by, as a
    median does.
    """
    height, width = grey.shape
    rows = torch.linspace(-1, 1, height).double()[:, None].expand(height, width)
    columns = torch.linspace(-1, 1, width).double().expand(height, width)
    plane = torch.stack([torch.ones_like(rows), rows, columns], -1)
    A, y = (torch.cat([x[0], x[-1], x[:, 0], x[:, -1]]) for x in (plane, grey.double()))
    rest = y - y.median()
    for _ in range(20):
        weighted = A / rest.abs().clamp(min=1)[:, None]
        # A little is added, since a picture of one row has no slope along it.
        found = torch.linalg.solve(weighted.mT @ A + 1e-6 * torch.eye(3), weighted.mT @ y)
        rest = y - A @ found
    # Five standard deviations, of which the median of the absolute deviations is 0.67 of one.
    return (grey - plane @ found).float(), 5 * float(rest.abs().median()) / 0.6745


def ninth_tenth(values: Tensor) -> float:
    """Find what nine tenths of some numbers are at most; 0 if there are none."""
    if not len(values):
        return 0.0
    return float(values.kthvalue(math.ceil(0.9 * len(values))).values)
