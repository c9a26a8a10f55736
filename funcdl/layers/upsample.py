"""Larger images and sequences, channels last, of the same numbers or of those between them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

from funcdl.arguments import COUNTED, Size, flag, integer, pair
from funcdl.contract import Layer
from funcdl.errors import InputError
from funcdl.layers.by_axis import by_axis
from funcdl.layers.windows import written
from funcdl.misuse import short
from funcdl.ops.resample import Step, linear, nearest
from funcdl.tensor import Tensor

__all__ = ["resampled", "upsample1d", "upsample2d"]

NEAREST = "nearest"


def upsample2d(
    factor: Size, *, mode: str = NEAREST, align_corners: bool = False
) -> Layer[tuple[()], Tensor, Tensor]:
    """Make images larger: each pixel a block of pixels, or with others between them.

        nearest:   y_k = x_⌊k / factor⌋
        bilinear:  y_k = (1 − t) x_i + t x_{i+1} down, and of these the same across,
                   i + t = (k + ½) / factor − ½, or k (h − 1) / (h' − 1) where corners are aligned

    and dx is the sum of what each pixel gave, with its weights. Places outside are moved to the
    edge.

    Args:
        factor: how many times as high and as wide; one number for both.
        mode: "nearest" or "bilinear".
        align_corners: of bilinear, whether the corners of y are those of x; otherwise both images
            cover the same area, each pixel a square of it.

    Returns:
        A layer without parameters from (…, h, w, c) to (…, factor h, factor w, c).

    Raises:
        InputError, KindError: an argument is not of this kind.
        ShapeError: `x` has fewer axes.

    Odena, Dumoulin and Olah, "Deconvolution and checkerboard artifacts" (2016).

    >>> import torch
    >>> x = torch.tensor([[0.0, 4.0]]).unsqueeze(-1)
    >>> upsample2d((1, 2))((), x)[0].flatten()
    tensor([0., 0., 4., 4.])
    >>> upsample2d((1, 2), mode="bilinear")((), x)[0].flatten()
    tensor([0., 1., 3., 4.])
    """
    sizes = tuple(By(each) for each in pair("upsample2d", "factor", factor, 1, COUNTED))
    args = written(factor, mode=(mode, NEAREST), align_corners=(align_corners, False))
    return resampled("upsample2d", sizes, mode, align_corners, args)


def upsample1d(
    factor: int, *, mode: str = NEAREST, align_corners: bool = False
) -> Layer[tuple[()], Tensor, Tensor]:
    """Make sequences longer: each step several times, or with others between them.

    Args:
        factor: how many times as long.
        mode: "nearest" or "linear".
        align_corners: of linear, whether both ends of y are those of x; see `upsample2d`.

    Returns:
        A layer without parameters from (…, length, c) to (…, factor length, c).

    Raises:
        InputError, KindError: an argument is not of this kind.
        ShapeError: `x` has fewer axes.

    >>> import torch
    >>> upsample1d(2)((), torch.tensor([[1.0], [2.0]]))[0].flatten()
    tensor([1., 1., 2., 2.])
    """
    sizes = (By(integer("upsample1d", "factor", factor, 1, COUNTED)),)
    args = written(factor, mode=(mode, NEAREST), align_corners=(align_corners, False))
    return resampled("upsample1d", sizes, mode, align_corners, args)


class By(NamedTuple):
    """A new length that is a multiple of the old one."""

    factor: int

    def count(self, length: int) -> int:
        """Give the new length."""
        return self.factor * length

    def least(self) -> int:
        """Give the smallest length that leaves one."""
        return 1

    def step(self, length: int) -> Step:
        """Give the step from one number of y to the next, on x."""
        return Fraction(1, self.factor)


def resampled(
    name: str, sizes: tuple[Any, ...], mode: str, align_corners: bool, args: str = ""
) -> Layer[tuple[()], Tensor, Tensor]:
    """Make a layer that reads the last axes before the channels at other places.

    Args:
        name: of the layer.
        sizes: for each axis, an object with `count`, `least` and `step`, as `By` has them.
        mode: "nearest", or "linear" of one axis and "bilinear" of two.
        align_corners: whether the first and the last ones fall together.
        args: as they would be written in a call.
    """
    between = "linear" if len(sizes) == 1 else "bilinear"
    if mode not in (NEAREST, between):
        raise InputError(f'{name}: expected mode to be "nearest" or "{between}", got {short(mode)}')
    flag(name, "align_corners", align_corners)
    if align_corners and mode == NEAREST:
        raise InputError(f'{name}: expected mode="{between}" with align_corners, got "nearest"')

    def read(x: Tensor, axis: int, size: Any) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        length = x.shape[axis]
        count, step = size.count(length), size.step(length)
        if align_corners:
            step = Fraction(length - 1, max(count - 1, 1))
        if count == length and step == 1:
            return x, lambda dy: dy
        if mode == NEAREST:
            return nearest(x, axis, count, step)
        return linear(x, axis, count, step, corners=align_corners)

    reads = [
        partial(read, axis=axis, size=size) for axis, size in enumerate(sizes, -len(sizes) - 1)
    ]
    lengths = [size.count for size in sizes]
    return by_axis(name, reads, lengths, args, [size.least() for size in sizes])
