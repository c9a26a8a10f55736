"""Sliding windows over channels-last images: where they lie."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcdl.tensor import Tensor

__all__ = [
    "Pair",
    "Windows",
    "slot",
]

Pair = tuple[int, int]
"""Of what is down and what is across."""


class Windows(NamedTuple):
    """How windows lie on an image.

    Attributes:
        size: rows and columns of a window.
        stride: the steps from one window to the next.
        padding: the width of the border around the image.
        dilation: the steps from one cell of a window to the next.
    """

    size: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)

    def span(self) -> Pair:
        """Count the rows and columns from the first cell of a window to its last.

        >>> Windows((3, 1), dilation=(2, 2)).span()
        (5, 1)
        """
        (height, width), (down, across) = self.size, self.dilation
        return down * (height - 1) + 1, across * (width - 1) + 1

    def least(self) -> Pair:
        """Return the height and the width of the smallest images that have a window, at least 1.

        >>> Windows((3, 3), padding=(1, 0)).least()
        (1, 3)
        """
        (height, width), (above, beside) = self.span(), self.padding
        return max(height - 2 * above, 1), max(width - 2 * beside, 1)

    def rows(self, height: int) -> int:
        """Count the windows down; 0 or less where none fits.

        >>> Windows((3, 3)).rows(14), Windows((3, 3), (2, 2), (1, 1)).rows(7)
        (12, 4)
        """
        return (height + 2 * self.padding[0] - self.span()[0]) // self.stride[0] + 1

    def columns(self, width: int) -> int:
        """Count the windows across; 0 or less where none fits."""
        return (width + 2 * self.padding[1] - self.span()[1]) // self.stride[1] + 1

    def grid(self, x: Tensor) -> Pair:
        """Count the windows down and across on images (…, h, w, c)."""
        return self.rows(x.shape[-3]), self.columns(x.shape[-2])

    def inside(self, padded: Tensor) -> Pair:
        """Count the windows down and across on images (…, h, w, c) with their border."""
        return self._replace(padding=(0, 0)).grid(padded)

    def tile(self, padded: Tensor) -> bool:
        """Tell whether every pixel of such images lies in one window, and in one alone."""
        down, across = self.inside(padded)
        covered = (down * self.size[0], across * self.size[1])
        return self.stride == self.size and padded.shape[-3:-1] == covered

    def cells(self) -> list[Pair]:
        """List the cells of a window in reading order, as places in the image."""
        (height, width), (down, across) = self.size, self.dilation
        return [(i * down, j * across) for i in range(height) for j in range(width)]


def slot(x: Tensor, cell: Pair, out: Pair, stride: Pair, axis: int = -3) -> Tensor:
    """View what every window sees at one cell of itself: of images (…, h, w, c), (…, oh, ow, c).

    Height is at `axis`, counted from the end, and width behind it.
    """
    rows = x.narrow(axis, cell[0], (out[0] - 1) * stride[0] + 1)
    cells = rows.narrow(axis + 1, cell[1], (out[1] - 1) * stride[1] + 1)
    if stride == (1, 1):
        return cells
    down, across = (slice(None, None, step) for step in stride)
    steps: tuple[Any, ...] = (..., down, across, *(slice(None),) * (-axis - 2))
    return cells[steps]
