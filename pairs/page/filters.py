"""The section of the first convolution's filters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import torch

from pairs.details import Details
from studykit.page.parts import figure, without
from studykit.svg.elements import element, escaped, picture
from studykit.svg.raster import raster

__all__ = ["filters"]

COLUMNS = 8
"""Images in a row: a filter of both digits has two."""


def filters(models: Mapping[str, Sequence[Details]], names: Sequence[str]) -> Iterator[str]:
    """Draw what the first convolution of each convolutional model looks for, as of round 0.

    Args:
        models: the details of each model's rounds.
        names: of all models of the page.
    """
    drawn = [
        (name, place, network)
        for name, rounds in models.items()
        for one in rounds
        for place, network in zip(_places(len(one.filters)), one.filters)
    ]
    if not drawn:
        return
    yield "<section>"
    yield "<h2>Filters</h2>"
    yield from figure(
        "The kernels of the first convolution after the training of round 0. Dark in "
        "a light page, light in a dark one: weights above 0; orange: below 0; each in parts of the "
        "model’s largest. Where one network sees both digits, a filter has two halves: for the "
        "first digit and for the second."
        + without(
            [name for name, *_ in drawn],
            names,
            "they have no convolution, or round 0 was not watched",
        ),
        '<div class="multiples">',
        *(part for k, found in enumerate(drawn) for part in _panel(k, *found)),
        "</div>",
    )
    yield "</section>"


def _panel(k: int, name: str, place: str, network: Sequence[object]) -> Iterator[str]:
    yield "<div>"
    yield _drawing(f"filters-{k}", f"{name}{place}", network)
    yield f"<p><strong>{escaped(name)}</strong>{place}</p>"
    yield "</div>"


def _places(networks: int) -> Sequence[str]:
    return ("",) if networks == 1 else (", first digit", ", second digit")


def _drawing(name: str, title: str, network: Sequence[object]) -> str:
    """Lay out the filters in rows, a gap of one weight between them."""
    kernels = torch.tensor(network, dtype=torch.float64)
    kernels = kernels / kernels.abs().max().clamp(min=1e-12)
    # The channels of a filter stand side by side.
    images = torch.cat(kernels.unbind(1), -1)
    count, height, width = images.shape
    columns = min(count, COLUMNS // kernels.shape[1])
    rows = -(-count // columns)
    frame = torch.zeros(rows * (height + 1) - 1, columns * (width + 1) - 1)
    cells = []
    for image, (row, column) in zip(images, product(range(rows), range(columns))):
        y, x = row * (height + 1), column * (width + 1)
        frame[y : y + height, x : x + width] = image
        cells.append(element("rect", kind="cell", x=x, y=y, width=width, height=height))
    return picture(
        name,
        f"{title}: {count} filters of {kernels.shape[2]}×{kernels.shape[3]} weights",
        f"0 0 {frame.shape[1]} {frame.shape[0]}",
        [*cells, raster(frame)],
    )
