"""Scenes: a digit, or what is none, on paper, boards and screens as people photograph them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from pairs.data.digits import Digits
from pairs.scenes import camera, paper
from pairs.scenes.chance import below, uniform
from pairs.scenes.hands import enlarged, turned, written
from pairs.scenes.nothing import NOTHING
from pairs.scenes.shapes import DIGITS, OTHER_LETTERS, SCHOOL, Letters

__all__ = ["HANDS", "WITH_DIGIT", "Scene", "scenes"]

HANDS = ("MNIST", "curves", "school")
"""Who writes: the last one's digits are nowhere taught nor chosen by."""


class Scene(NamedTuple):
    """A picture, its condition and hand, and the digit that a person reads; None if there is none.

    `image` is uint8, (height, width) or (height, width, 2 or 3), with opacity or in colours.
    """

    image: Tensor
    condition: str
    hand: str
    label: int | None


def scenes(
    digits: Digits,
    each: int,
    rng: Generator,
    hands: Sequence[str] = HANDS,
    others: Letters = OTHER_LETTERS,
) -> Iterator[Scene]:
    """Draw scenes.

    Args:
        digits: those of MNIST that its hand writes.
        each: scenes of each condition.
        rng: draws everything.
        hands: who writes, in turn.
        others: the letters that were not taught.
    """
    for condition, lay in WITH_DIGIT.items():
        for i in range(each):
            hand = hands[i % len(hands)]
            size = uniform(*SMALL, rng) if condition == "small" else uniform(70, 150, rng)
            glyph, label = _digit(digits, hand, int(size), rng)
            yield Scene(lay(glyph, rng), condition, hand, label)
    for condition, draw in NOTHING.items():
        for i in range(each):
            hand = hands[i % len(hands)]

            def digit(hand: str = hand) -> Tensor:
                return _digit(digits, hand, int(uniform(70, 150, rng)), rng)[0]

            yield Scene(draw(digit, others, rng), condition, hand, None)


def _digit(digits: Digits, hand: str, size: int, rng: Generator) -> tuple[Tensor, int]:
    if hand == "MNIST":
        which = below(len(digits.labels), rng)
        return enlarged(digits.images[which].float() / 255, size), int(digits.labels[which])
    label = below(10, rng)
    return written((DIGITS if hand == "curves" else SCHOOL)[str(label)], size, rng), label


SMALL = 26, 48
"""Pixels that a small digit is tall, at least and at most."""


def _small(glyph: Tensor, rng: Generator) -> Tensor:
    """Photograph a whole sheet with one small digit on it."""
    sheet = torch.zeros(int(uniform(400, 640, rng)), int(uniform(400, 640, rng)))
    paper.put(sheet, glyph, uniform(0.3, 0.7, rng), uniform(0.3, 0.7, rng))
    return paper.photo(sheet, rng)


def _turned(glyph: Tensor, rng: Generator) -> Tensor:
    """Photograph a digit that stands askew."""
    askew = uniform(8, 15, rng) * (1 if below(2, rng) else -1)
    return paper.photo(paper.field(turned(glyph, askew), rng), rng)


WITH_DIGIT: dict[str, Callable[[Tensor, Generator], Tensor]] = {
    "paper": lambda glyph, rng: paper.photo(paper.field(glyph, rng), rng),
    "cropped": paper.tight,
    "printed lines": lambda glyph, rng: paper.photo(
        paper.ruled(paper.field(glyph, rng), rng, False), rng
    ),
    "squared paper": lambda glyph, rng: paper.photo(
        paper.ruled(paper.field(glyph, rng), rng, True), rng
    ),
    "table's edge": paper.tabled,
    "shadowed corner": paper.shadowed,
    "scribble below": paper.above_scribble,
    "specks": paper.specked,
    "screen": paper.screen,
    "opacity": paper.opaque,
    "small": _small,
    "turned": _turned,
    "telephone": camera.phone,
    "lamp": camera.lamplit,
    "coloured ink": camera.coloured,
    "pencil": camera.pencilled,
    "whiteboard": camera.whiteboard,
    "chalk": camera.chalked,
}
"""What a person reads, by what it is on and what else is there."""
