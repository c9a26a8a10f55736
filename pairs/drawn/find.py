"""Finding the digit on a picture: the stroke nearest the middle, and what is left out beside it."""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

import torch
from torch import Tensor

from pairs.drawn.ink import ninth_tenth
from pairs.drawn.parts import Part, box_of, grown, labelled, parts_of
from pairs.drawn.ruled import DARKER, without_lines

__all__ = ["Found", "find_digit"]

SOLID = 0.3
"""Of the strongest ink: where strokes are; what is fainter is their edge."""

EDGE, EDGE_ON_LINES = 0.08, 0.02
"""Of a digit's size: how far its edge may reach; and where lines lie beside it."""

SHADE = 0.25
"""Of the pixels beside a digit's strokes: as many are paper, even where all else is an edge."""

SPECK = 0.05
"""Of the picture's longer side: what is smaller is a speck, where something larger is."""

CRUMB = 0.1
"""The same: where all that is free of the border is smaller, the digit touches the border, unless
what is free is stronger."""

STRONGER = 1.5
"""Ink that is stronger by this factor than a part's is no piece of it."""

COMPARABLE = 0.35
"""Of the largest part's size: what is smaller is not the digit, however near the middle."""

PRINTED = 0.9
"""Of its pixels: a part that lies on printed lines with as many is a piece of them."""

NEAR = 0.1
"""Of a digit's size: parts as near to it are strokes of it."""

NEAR_ABOVE = 0.2
"""The same, for a flat part at its top, as the bar of a 5 is."""

RIVAL = 0.45
"""Of the digit's height: what stands beside it and is as tall may be a digit too."""

PIECE = 0.15
"""Of the digit's size: what is as large may be a piece of another digit."""

WIDE = 1.8
"""Of its height: no digit is as wide."""


class Found(NamedTuple):
    """The digit's ink, what was left out in words, and why there may be no single digit."""

    ink: Tensor
    steps: list[str]
    doubt: str | None


def find_digit(ink: Tensor) -> Found:
    """Find the digit.

    Printed lines, what touches the border, and specks are left out, each as far as something else
    remains. Of the rest the part nearest the middle is the digit, with the strokes beside it.

    Args:
        ink: (height, width), 0 where there is none.

    Returns:
        The ink of the digit, of the same shape, and what was left out.
    """
    kept, labels, parts, steps = _unruled(ink)
    free = [part for part in parts if not _sides(part, ink.shape)]
    largest = max((part.size for part in free), default=0)
    if largest >= CRUMB * max(ink.shape) or _stronger(kept, labels, free, parts):
        touching = Counter(" and ".join(_sides(part, ink.shape)) for part in parts)
        steps += [f"left out what touches the border: {side}" for side in touching if side]
    else:
        free = parts
    first = _nearest(free, ink.shape)
    own, others = _joined(labels, first, free)
    if others:
        steps.append(f"left out {len(others)} other part" + ("s" if len(others) > 1 else ""))
    numbers = torch.tensor([part.label for part in own])
    mine = torch.isin(labels, numbers)
    # Its edge too, which is fainter than what is solid.
    edge = EDGE if kept is ink else EDGE_ON_LINES
    around = grown(mine, max(round(edge * first.size), 1)) & (mine | (labels == 0))
    beside = kept[around & ~mine]
    if len(beside):  # a shade of the paper, of which there is some everywhere beside the strokes
        kept = (kept - beside.kthvalue(math.ceil(SHADE * len(beside))).values).clamp(min=0)
    return Found(torch.where(around, kept, 0), steps, _doubt(box_of(own), others))


def _unruled(ink: Tensor) -> tuple[Tensor, Tensor, list[Part], list[str]]:
    """Take printed lines out where something else remains; give the ink, its parts and the step."""
    unruled = without_lines(ink)
    if unruled.across + unruled.down:
        labels, parts = _candidates(unruled.ink)
        printed = torch.bincount(labels[unruled.band], minlength=int(labels.max()) + 1).tolist()
        parts = [
            part
            for part in parts
            if printed[part.label] < PRINTED * part.pixels
            and (
                part.pixels > (unruled.thickness + 1) * part.size
                or unruled.ink[labels == part.label].median() > DARKER * unruled.strength
            )
        ]
        if parts:
            step = "left out " + _lines(unruled.across, unruled.down)
            return unruled.ink, labels, parts, [step]
    return ink, *_candidates(ink), []


def _stronger(ink: Tensor, labels: Tensor, free: list[Part], parts: list[Part]) -> bool:
    """Tell whether what is free of the border is a stroke, and what touches it a shade at most."""
    if not free or len(free) == len(parts):
        return False

    def usual(some: list[Part]) -> float:
        largest = max(some, key=lambda part: part.size)
        return float(ink[labels == largest.label].median())

    return usual(free) > STRONGER * usual([part for part in parts if part not in free])


def _doubt(box: Part, others: list[Part]) -> str | None:
    large = [part for part in others if part.size >= PIECE * box.size]
    left = [part for part in large if part.right <= (box.left + box.right) / 2]
    right = [part for part in large if part.left >= (box.left + box.right) / 2]
    if any(some and _beside(box, box_of(some)) for some in (left, right)):
        return "there is something as tall beside it: expected one digit a picture"
    if box.width > WIDE * box.height:
        return "it is wider than a digit: expected one digit a picture"
    return None


def _candidates(ink: Tensor) -> tuple[Tensor, list[Part]]:
    """Label what is solid, and list the parts that are more than specks, or all if none is."""
    if not (ink > 0).any():
        return torch.zeros(ink.shape, dtype=torch.int64), []
    labels = labelled(ink > SOLID * ninth_tenth(ink[ink > 0]))
    parts = parts_of(labels)
    least = min(SPECK * max(ink.shape), 0.3 * max(part.size for part in parts))
    return labels, [part for part in parts if part.size >= least]


def _sides(part: Part, shape: tuple[int, ...]) -> list[str]:
    """Name the sides of the picture that a part touches."""
    there = {
        "top": part.top <= 0,
        "bottom": part.bottom >= shape[0] - 1,
        "left": part.left <= 0,
        "right": part.right >= shape[1] - 1,
    }
    return [side for side, touches in there.items() if touches]


def _nearest(parts: list[Part], shape: tuple[int, ...]) -> Part:
    """Find the part nearest the middle, of those that are not far smaller than the largest."""
    least = COMPARABLE * max(part.size for part in parts)

    def distance(part: Part) -> float:
        down = (part.top + part.bottom + 1 - shape[0]) / 2
        right = (part.left + part.right + 1 - shape[1]) / 2
        return float((down * down + right * right) ** 0.5 - part.size / 4)

    return min((part for part in parts if part.size >= least), key=distance)


def _joined(labels: Tensor, first: Part, parts: list[Part]) -> tuple[list[Part], list[Part]]:
    """Gather the strokes of the digit that `first` is one of; give the other parts too."""
    own, rest = [first], [part for part in parts if part is not first]
    while rest:
        box = box_of(own)
        region = torch.isin(labels, torch.tensor([part.label for part in own]))

        def within(share: float, region: Tensor = region, size: int = box.size) -> set[int]:
            return set(labels[grown(region, max(round(share * size), 1))].flatten().tolist())

        near, over = within(NEAR), within(NEAR_ABOVE)
        new = [
            part
            for part in rest
            if (part.label in near and not _beside(box, part))
            or (part.label in over and _over(box, part))
        ]
        if not new:
            break
        own += new
        rest = [part for part in rest if part not in new]
    return own, rest


def _over(box: Part, part: Part) -> bool:
    """Tell whether a part is a flat stroke over the digit, as the bar of a 5, or within it."""
    shared = min(box.right, part.right) - max(box.left, part.left) + 1
    flat = part.height <= part.width and part.height <= 0.35 * box.height
    flat &= part.size >= 0.2 * box.size
    inside = part.left >= box.left and part.right <= box.right
    inside &= part.top >= box.top and part.bottom <= box.bottom
    return inside or (flat and part.top < box.top + box.height / 3 and shared >= 0)


def _beside(box: Part, part: Part) -> bool:
    """Tell whether a part stands beside the digit, as tall as another digit would."""
    rows = min(box.bottom, part.bottom) - max(box.top, part.top) + 1
    columns = min(box.right, part.right) - max(box.left, part.left) + 1
    tall = part.height >= RIVAL * box.height and rows >= 0.5 * part.height
    return tall and columns < 0.5 * min(box.width, part.width)


def _lines(across: int, down: int) -> str:
    if across and down:
        return f"squared paper: {across} lines across and {down} down"
    count = across + down
    return f"{count} printed {'line' if count == 1 else 'lines'}"
