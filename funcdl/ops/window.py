"""Sliding windows over channels-last images, as copies into patches and back.

An image is (…, height, width, channels): one row of a patch, kernel_width × channels numbers, is
then one contiguous run of memory.
"""

from __future__ import annotations

from typing import NamedTuple

from funcdl.tensor import Tensor

# Below so many numbers in a run, and up to so many cells in a window, cells are copied one by one.
SHORT_RUN = 8
MOST_CELLS = 32

__all__ = [
    "Pair",
    "Windows",
    "is_short",
    "pad",
    "patches",
    "seen",
    "slot",
    "unpad",
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


def pad(x: Tensor, amount: Pair, value: float = 0.0) -> Tensor:
    """Surround images (…, h, w, c) with a border: (…, h + 2 amount, w + 2 amount, c)."""
    if amount == (0, 0):
        return x
    *lead, h, w, c = x.shape
    shape = (*lead, h + 2 * amount[0], w + 2 * amount[1], c)
    padded = x.new_full(shape, value) if value else x.new_zeros(shape)
    padded.narrow(-3, amount[0], h).narrow(-2, amount[1], w).copy_(x)
    return padded


def unpad(x: Tensor, amount: Pair) -> Tensor:
    """Cut the border off again: the adjoint of `pad`."""
    if amount == (0, 0):
        return x
    h, w = x.shape[-3] - 2 * amount[0], x.shape[-2] - 2 * amount[1]
    return x.narrow(-3, amount[0], h).narrow(-2, amount[1], w)


def slot(x: Tensor, cell: Pair, out: Pair, stride: Pair) -> Tensor:
    """View what every window sees at one cell of itself: (…, oh, ow, c)."""
    rows = x.narrow(-3, cell[0], (out[0] - 1) * stride[0] + 1)
    cells = rows.narrow(-2, cell[1], (out[1] - 1) * stride[1] + 1)
    return cells if stride == (1, 1) else cells[..., :: stride[0], :: stride[1], :]


def is_short(x: Tensor, windows: Windows) -> bool:
    """Tell whether a row of a window is so short that patches are copied cell by cell."""
    run = windows.size[1] * x.shape[-1]
    return run < SHORT_RUN and windows.size[0] * run <= MOST_CELLS


def seen(x: Tensor, windows: Windows) -> Tensor:
    """View every window of a padded image (…, h, w, c): (…, oh, ow, kh, kw, c)."""
    span, (down, across) = windows.span(), windows.stride
    # (…, oh, ow, c, kh, kw): the channels go last again, so that runs stay contiguous.
    views = x.unfold(-3, span[0], down).unfold(-3, span[1], across).movedim(-3, -1)
    if windows.dilation == (1, 1):
        return views
    return views[..., :: windows.dilation[0], :: windows.dilation[1], :]


def patches(x: Tensor, windows: Windows) -> Tensor:
    """Copy every window of a padded image (…, h, w, c) into a row: (…, oh, ow, cells × c)."""
    if is_short(x, windows):
        return _cells(x, windows)
    # A window's row is one run of memory in a contiguous image alone: the copy is 3 times faster.
    return seen(x.contiguous(), windows).flatten(-3)


def _cells(x: Tensor, windows: Windows) -> Tensor:
    """Copy patches cell by cell: with few channels, a row of the image is the longer run."""
    out = windows.inside(x)
    places = [(cell, c) for cell in windows.cells() for c in range(x.shape[-1])]
    cells = x.new_empty((len(places), *x.shape[:-3], *out))
    for k, (cell, c) in enumerate(places):
        cells.select(0, k).copy_(slot(x, cell, out, windows.stride).select(-1, c))
    return cells.movedim(0, -1)
