"""What is no digit, or is two: letters, scribbles, dots, empty sheets, digits side by side."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from pairs.scenes.camera import phone
from pairs.scenes.chance import below, uniform
from pairs.scenes.hands import any_of, pen, scribble
from pairs.scenes.paper import field, photo, put, ruled
from pairs.scenes.shapes import LETTERS, Letters

__all__ = ["NOTHING", "beside"]

Digit = Callable[[], Tensor]
"""Writes another digit."""


def beside(signs: list[Tensor], gap: float) -> Tensor:
    """Put signs side by side, `gap` of their height apart, overlapping if below 0."""
    cut = []
    for glyph in signs:
        columns = (glyph > 0.5).any(0).nonzero().flatten()
        cut.append(glyph[:, int(columns[0]) : int(columns[-1]) + 1])
    high = max(len(glyph) for glyph in cut)
    left, whole = 0, torch.zeros(high, sum(glyph.shape[1] for glyph in cut) + len(cut) * high)
    for glyph in cut:
        top = (high - len(glyph)) // 2
        at = whole[top : top + len(glyph), left : left + glyph.shape[1]]
        at.copy_(torch.maximum(at, glyph))
        right = left + glyph.shape[1]
        left = max(right + round(gap * high), 0)
    return whole[:, :right]


def _size(rng: Generator) -> int:
    return int(uniform(70, 150, rng))


def _two(digit: Digit, _: Letters, rng: Generator) -> Tensor:
    """Two digits, apart or touching."""
    return photo(field(beside([digit(), digit()], uniform(-0.03, 0.35, rng)), rng), rng)


def _word(_: Digit, others: Letters, rng: Generator) -> Tensor:
    size = _size(rng)
    letters = [any_of({**LETTERS, **others}, size, rng) for _ in range(2 + below(2, rng))]
    return photo(field(beside(letters, uniform(0.02, 0.25, rng)), rng), rng)


def _dots(_: Digit, __: Letters, rng: Generator) -> Tensor:
    sheet = field(torch.zeros(10, 10), rng)
    for _dot in range(1 + below(3, rng)):
        dot = pen([torch.rand(2, 2, generator=rng) * 3], uniform(4, 40, rng))
        put(sheet, dot, uniform(0.3, 0.7, rng), uniform(0.3, 0.7, rng))
    return photo(sheet, rng)


def _empty(rng: Generator, lines: int = 0) -> Tensor:
    sheet = torch.zeros(int(uniform(200, 340, rng)), int(uniform(200, 400, rng)))
    return photo(ruled(sheet, rng, lines > 1) if lines else sheet, rng)


NOTHING: dict[str, Callable[[Digit, Letters, Generator], Tensor]] = {
    "letter": lambda _, __, rng: photo(field(any_of(LETTERS, _size(rng), rng), rng), rng),
    "letter, telephone": lambda _, __, rng: phone(any_of(LETTERS, _size(rng), rng), rng),
    "another letter": lambda _, others, rng: photo(
        field(any_of(others, _size(rng), rng), rng), rng
    ),
    "another letter, telephone": lambda _, others, rng: phone(any_of(others, _size(rng), rng), rng),
    "another letter, printed lines": lambda _, others, rng: photo(
        ruled(field(any_of(others, _size(rng), rng), rng), rng, False), rng
    ),
    "word": _word,
    "scribble": lambda _, __, rng: photo(
        field(scribble(int(uniform(70, 160, rng)), rng), rng), rng
    ),
    "dots": _dots,
    "empty": lambda _, __, rng: _empty(rng),
    "empty, printed lines": lambda _, __, rng: _empty(rng, 1),
    "empty, squared": lambda _, __, rng: _empty(rng, 2),
    "empty, telephone": lambda _, __, rng: phone(torch.zeros(10, 10), rng),
    "two digits": _two,
}
"""What is no digit, or is two; "another letter" is one that was not taught."""
