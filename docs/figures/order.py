"""Two orders in memory of a batch of images, and what a convolution reads of each."""

from __future__ import annotations

from studykit.svg.diagram import diagram, words
from studykit.svg.elements import element

__all__ = ["order"]

CELL, SIDE, IMAGES = 16, 6, 3
GAP = 14


def order() -> str:
    """Draw memory as a row of numbers, once image after image and once pixel after pixel."""
    parts = [
        words(
            24,
            30,
            "a batch of three images; what a row of windows sees at one cell",
            "quiet",
            "start",
        ),
    ]
    for image in range(IMAGES):
        left = 24 + image * (SIDE * CELL + GAP)
        parts += [
            _cell(left + column * CELL, 46 + row * CELL, row == 2 and 1 <= column <= 4)
            for row in range(SIDE)
            for column in range(SIDE)
        ]
    parts.append(words(24, 176, "image after image: short runs, far apart", "quiet", "start"))
    parts += _memory(
        190,
        [
            row == 2 and 1 <= column <= 4
            for _ in range(IMAGES)
            for row in range(SIDE)
            for column in range(SIDE)
        ],
    )
    parts.append(words(24, 246, "pixel after pixel, the batch inside: one run", "quiet", "start"))
    parts += _memory(
        260,
        [
            row == 2 and 1 <= column <= 4
            for row in range(SIDE)
            for column in range(SIDE)
            for _ in range(IMAGES)
        ],
    )
    title = (
        "Three images of six by six pixels. What four windows in a row see at one cell of "
        "themselves is four neighbouring pixels of each image. In memory image after image these "
        "are three short runs far apart; pixel after pixel, with the batch inside, one long run."
    )
    return diagram(720, 306, title, parts)


def _memory(y: float, seen: list[bool]) -> list[str]:
    width = 672 / len(seen)
    return [_cell(24 + i * width, y, marked, width, 26) for i, marked in enumerate(seen)]


def _cell(x: float, y: float, marked: bool, width: float = CELL, height: float = CELL) -> str:
    kind = "ink" if marked else "box"
    return element(
        "rect", kind=kind, x=f"{x:.2f}", y=f"{y:g}", width=f"{width - 1:.2f}", height=height - 1
    )
