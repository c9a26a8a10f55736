"""An array of numbers as a picture: SVG shapes in the colours of the page, dark or light."""

from __future__ import annotations

from itertools import groupby

from torch import Tensor

from studykit.svg.elements import element

__all__ = ["raster"]

LEVELS = 15
"""Shades of each of the two colours; a value that rounds to none is not drawn."""


def raster(values: Tensor) -> str:
    """Draw an image a pixel a unit, as the inside of an `<svg viewBox="0 0 width height">`.

    Runs of one shade in a row are one shape, and all shapes of a shade are one path, of class
    `ink` above 0 and `minus` below, with the shade as its opacity.

    Args:
        values: (height, width), from −1 to 1; what is beyond is drawn as the bound.

    >>> import torch
    >>> raster(torch.tensor([[0.0, 1.0, 1.0], [-1.0, 0.0, 0.0]]))
    '<path class="minus" fill-opacity="1" d="M0 1h1v1h-1z"/><path class="ink" fill-opacity="1" d="M1 0h2v1h-2z"/>'
    """  # noqa: E501
    shapes: dict[int, list[str]] = {}
    for y, row in enumerate((values.clamp(-1, 1) * LEVELS).round().long().tolist()):
        x = 0
        for shade, run in groupby(row):
            width = sum(1 for _ in run)
            if shade:
                shapes.setdefault(shade, []).append(f"M{x} {y}h{width}v1h-{width}z")
            x += width
    return "".join(
        element(
            "path",
            kind="ink" if shade > 0 else "minus",
            fill_opacity=f"{abs(shade) / LEVELS:.3g}",
            d="".join(parts),
        )
        for shade, parts in sorted(shapes.items())
    )
