"""Finding the digit on a picture: the stroke nearest the middle, and what is left out beside it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from pairs.drawn.ink import FAINTEST, ninth_tenth
from pairs.drawn.parts import Part, grown, labelled, parts_of
from pairs.drawn.ruled import without_lines

__all__ = ["Found", "find_digit"]

SOLID = 0.3
"""Of the strongest ink of a part: where its strokes are; what is fainter is their edge."""

LEAST = 0.05
"""Of the picture's longer side, or of the largest part: what is smaller is a speck."""

SMALL = 0.15

NEAR = 0.06
"""Of a part's size: parts as near to it are strokes of the same digit."""

NEARER_ABOVE = 0.2
"""The same, for a part that lies above or below it, as the bar of a 5 does."""

PRINTED = 0.9
"""Of its pixels: a part that lies on printed lines with as many is a piece of them."""

RIVAL = 0.45
"""Of the digit's height: what stands beside it and is as tall may be a digit too."""


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
    steps: list[str] = []
    height, width = ink.shape
    unruled = without_lines(ink)
    kept = ink
    mask, parts = _candidates(ink)
    if unruled.across + unruled.down:
        labels, rest = _candidates(unruled.ink)
        inside = torch.bincount(labels[unruled.band], minlength=int(labels.max()) + 1).tolist()
        rest = [part for part in rest if inside[part.label] < PRINTED * part.pixels]
        if rest:
            kept, mask, parts = unruled.ink, labels, rest
            steps.append("left out " + _lines(unruled.across, unruled.down))
    if not parts:
        mask, parts = _all(kept)
    free = [part for part in parts if not _touches(part, height, width)]
    large = [part for part in free if part.size >= SMALL * max(height, width)] or free
    if free and _covers(free, parts, height, width):
        for side, count in _sides(parts, free, height, width).items():
            steps.append(f"left out what touches the {side}" + (f" ({count})" if count > 1 else ""))
    else:
        free = large = parts
    biggest = max(part.size for part in large)
    first = min(
        (part for part in large if part.size >= 0.35 * biggest),
        key=lambda part: _distance(part, height, width),
    )
    labels = mask
    own, others = _joined(labels, first, free)
    if others:
        count = len(others)
        steps.append(f"left out {count} other {'part' if count == 1 else 'parts'}")
    region = grown(torch.isin(labels, torch.tensor(own)), max(round(0.02 * first.size), 1))
    foreign = (labels > 0) & ~torch.isin(labels, torch.tensor(own))
    digit = torch.where(region & ~foreign, kept, 0)
    doubt = None
    box = _box([part for part in parts if part.label in own])
    if any(_beside(box, part) for part in others):
        doubt = "there is something as tall beside it: expected one digit a picture"
    elif box.width > 1.4 * box.height:
        doubt = "it is wider than a digit: expected one digit a picture"
    return Found(digit, steps, doubt)


def _candidates(ink: Tensor) -> tuple[Tensor, list[Part]]:
    """Label what is solid, and list the parts that are more than specks."""
    labels, parts = _all(ink)
    least = LEAST * max(ink.shape)
    parts = [part for part in parts if part.size >= min(least, 12) and part.pixels >= 4]
    if parts:
        biggest = max(part.size for part in parts)
        parts = [part for part in parts if part.size >= min(0.08 * biggest, least)]
    return labels, parts


def _all(ink: Tensor) -> tuple[Tensor, list[Part]]:
    if not (ink > 0).any():
        return torch.zeros(ink.shape, dtype=torch.int64), []
    labels = labelled(ink > SOLID * ninth_tenth(ink[ink > 0]))
    return labels, parts_of(labels)


def _touches(part: Part, height: int, width: int) -> bool:
    return part.top <= 0 or part.left <= 0 or part.bottom >= height - 1 or part.right >= width - 1


def _covers(free: list[Part], parts: list[Part], height: int, width: int) -> bool:
    """Tell whether what is free of the border can be the digit: it is not a crumb of the rest."""
    return max(part.size for part in free) >= 0.1 * max(height, width)


def _sides(parts: list[Part], free: list[Part], height: int, width: int) -> dict[str, int]:
    """Count what touches the border, by the side that it touches."""
    sides: dict[str, int] = {}
    for part in parts:
        if part in free:
            continue
        names = [
            name
            for name, there in (
                ("top", part.top <= 0),
                ("bottom", part.bottom >= height - 1),
                ("left", part.left <= 0),
                ("right", part.right >= width - 1),
            )
            if there
        ]
        name = " and ".join(names) + (" border" if len(names) == 1 else " borders")
        sides[name] = sides.get(name, 0) + 1
    return sides


def _distance(part: Part, height: int, width: int) -> float:
    down = (part.top + part.bottom + 1 - height) / 2
    right = (part.left + part.right + 1 - width) / 2
    return (down * down + right * right) ** 0.5 - 0.25 * part.size


def _joined(labels: Tensor, first: Part, parts: list[Part]) -> tuple[list[int], list[Part]]:
    """Gather the strokes of the digit that `first` is one of; give the other parts too."""
    own, rest = [first], [part for part in parts if part is not first]
    while True:
        box = _box(own)
        region = torch.isin(labels, torch.tensor([part.label for part in own]))
        near = set(labels[grown(region, max(round(NEAR * box.size), 1))].unique().tolist())
        above = set(labels[grown(region, max(round(NEARER_ABOVE * box.size), 2))].unique().tolist())
        new = [
            part
            for part in rest
            if (part.label in near and not _beside(box, part))
            or (part.label in above and _over(box, part))
        ]
        if not new:
            return [part.label for part in own], rest
        own += new
        rest = [part for part in rest if part not in new]


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


def _box(parts: list[Part]) -> Part:
    return Part(
        0,
        sum(part.pixels for part in parts),
        min(part.top for part in parts),
        max(part.bottom for part in parts),
        min(part.left for part in parts),
        max(part.right for part in parts),
    )


def _lines(across: int, down: int) -> str:
    if across and down:
        return f"squared paper: {across} lines across and {down} down"
    count = across + down
    return f"{count} printed {'line' if count == 1 else 'lines'}"
