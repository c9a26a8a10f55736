"""The section that tells which digits are taken for which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pairs.details import Details
from studykit.page.parts import figure, without
from studykit.svg.elements import element, escaped, picture, words

__all__ = ["confusions"]

CELL = 22
"""Units a side of a cell; the picture scales with the page."""

MOST = 3
"""Confusions of a model that are told in words."""


def confusions(models: Mapping[str, Sequence[Details]], names: Sequence[str]) -> Iterator[str]:
    """Draw a table of confusions for each model that learns the digits.

    Args:
        models: the details of each model's rounds.
        names: of all models of the page.
    """
    counts = {}
    for name, rounds in models.items():
        found = [one.confusion for one in rounds if one.confusion is not None]
        if found:
            counts[name] = [[sum(one[i][j] for one in found) for j in range(10)] for i in range(10)]
    if not counts:
        return
    yield "<section>"
    yield "<h2>Digits taken for others</h2>"
    yield from figure(
        "Single digits of the test pairs, of all rounds together, for the models that "
        "learn them: how often the digit of a row was taken for that of a column. What was right "
        "is left out." + without(counts, names, "they learn no digits, or were not watched"),
        '<div class="panels">',
        *(
            part
            for k, (name, cells) in enumerate(counts.items())
            for part in _panel(k, name, cells)
        ),
        "</div>",
    )
    yield "</section>"


def _panel(k: int, name: str, cells: Sequence[Sequence[int]]) -> Iterator[str]:
    yield "<div>"
    yield _matrix(f"confusion-{k}", name, cells)
    yield f"<p><strong>{escaped(name)}</strong>: {_worst(cells, MOST)}</p>"
    yield "</div>"


def _matrix(name: str, model: str, cells: Sequence[Sequence[int]]) -> str:
    most = max(1, *(cells[i][j] for i in range(10) for j in range(10) if i != j))
    parts = []
    for i in range(10):
        middle = CELL * (i + 1.5)
        parts += [
            words(i, CELL / 2, middle + 4, "middle", "under"),
            words(i, middle, CELL / 2 + 4, "middle", "under"),
        ]
        for j in range(10):
            x, y, number = CELL * (j + 1), CELL * (i + 1), cells[i][j]
            if i == j:
                parts.append(element("rect", kind="cell", x=x, y=y, width=CELL, height=CELL))
            elif number:
                shade = f"{0.05 + 0.45 * number / most:.2f}"
                parts.append(
                    element(
                        "rect",
                        kind="share",
                        x=x,
                        y=y,
                        width=CELL,
                        height=CELL,
                        fill_opacity=shade,
                    )
                    + words(_short(number), x + CELL / 2, y + CELL / 2 + 4, "middle")
                )
    return picture(
        name,
        f"{model}: which digits are taken for which",
        f"0 0 {11 * CELL} {11 * CELL}",
        parts,
        _worst(cells, 10),
        "matrix",
    )


def _short(number: int) -> str:
    return f"{number}" if number < 1000 else f"{number:.0e}".replace("e+0", "e").replace("e+", "e")


def _worst(cells: Sequence[Sequence[int]], most: int) -> str:
    """Write the most frequent confusions in words, and the part of the digits that is wrong."""
    found = sorted(
        ((cells[i][j], i, j) for i in range(10) for j in range(10) if i != j and cells[i][j]),
        key=lambda cell: (-cell[0], *cell[1:]),
    )
    wrong, total = sum(number for number, _, _ in found), sum(map(sum, cells))
    said = f"{wrong:,} of {total:,} digits are wrong"
    if not found:
        return f"{said}."
    return f"{said}; " + ", ".join(f"{i} taken for {j}: {n:,}" for n, i, j in found[:most]) + "."
