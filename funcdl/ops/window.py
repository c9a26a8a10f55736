"""Sliding windows over channels-last images, as copies into patches and back.

An image is (…, height, width, channels): one row of a patch, kernel_width × channels numbers, is
then one contiguous run of memory.
"""

from __future__ import annotations

from funcdl.tensor import Tensor

# Below so many numbers in a run, and up to so many cells in a window, cells are copied one by one.
SHORT_RUN = 8
MOST_CELLS = 32

__all__ = ["out_length", "pad", "patches", "slot", "unpad", "unpatches"]


def out_length(length: int, kernel: int, stride: int, padding: int) -> int:
    """Count the positions of a window along one axis; 0 or less where it does not fit.

    >>> out_length(14, 3, 1, 0), out_length(12, 2, 2, 0), out_length(7, 3, 2, 1)
    (12, 6, 4)
    """
    return (length + 2 * padding - kernel) // stride + 1


def pad(x: Tensor, amount: int) -> Tensor:
    """Surround images (…, h, w, c) with zeros: (…, h + 2 amount, w + 2 amount, c)."""
    if amount == 0:
        return x
    *lead, h, w, c = x.shape
    padded = x.new_zeros((*lead, h + 2 * amount, w + 2 * amount, c))
    padded.narrow(-3, amount, h).narrow(-2, amount, w).copy_(x)
    return padded


def unpad(x: Tensor, amount: int) -> Tensor:
    """Cut the border off again: the adjoint of `pad`."""
    if amount == 0:
        return x
    h, w = x.shape[-3] - 2 * amount, x.shape[-2] - 2 * amount
    return x.narrow(-3, amount, h).narrow(-2, amount, w)


def slot(x: Tensor, i: int, j: int, out: tuple[int, int], stride: int) -> Tensor:
    """View what every window sees at row i, column j of itself: (…, oh, ow, c)."""
    rows = x.narrow(-3, i, (out[0] - 1) * stride + 1)
    cells = rows.narrow(-2, j, (out[1] - 1) * stride + 1)
    return cells if stride == 1 else cells[..., ::stride, ::stride, :]


def patches(x: Tensor, kernel: tuple[int, int], stride: int) -> Tensor:
    """Copy every window of (…, h, w, c) into a row: (…, oh, ow, kernel_h × kernel_w × c)."""
    channels = x.shape[-1]
    if kernel[1] * channels < SHORT_RUN and kernel[0] * kernel[1] * channels <= MOST_CELLS:
        return _cells(x, kernel, stride)
    # A window's row is one run of memory in a contiguous image alone: the copy is 3 times faster.
    windows = x.contiguous().unfold(-3, kernel[0], stride).unfold(-3, kernel[1], stride)
    # (…, oh, ow, c, kh, kw): the channels go last again, so that runs stay contiguous.
    return windows.movedim(-3, -1).flatten(-3)


def _cells(x: Tensor, kernel: tuple[int, int], stride: int) -> Tensor:
    """Copy patches cell by cell: with few channels, a row of the image is the longer run."""
    out = (
        out_length(x.shape[-3], kernel[0], stride, 0),
        out_length(x.shape[-2], kernel[1], stride, 0),
    )
    places = [
        (i, j, c) for i in range(kernel[0]) for j in range(kernel[1]) for c in range(x.shape[-1])
    ]
    cells = x.new_empty((len(places), *x.shape[:-3], *out))
    for k, (i, j, c) in enumerate(places):
        cells.select(0, k).copy_(slot(x, i, j, out, stride).select(-1, c))
    return cells.movedim(0, -1)


def unpatches(
    cols: Tensor, kernel: tuple[int, int], stride: int, in_shape: tuple[int, ...]
) -> Tensor:
    """Add every row back where it was read: the adjoint of `patches`, to shape `in_shape`."""
    out = cols.shape[-3], cols.shape[-2]
    cells = cols.reshape(*cols.shape[:-1], kernel[0], kernel[1], in_shape[-1])
    x = cols.new_zeros(in_shape)
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            slot(x, i, j, out, stride).add_(cells.select(-2, j).select(-2, i))
    return x
