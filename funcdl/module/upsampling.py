"""PyTorch's `Upsample`, with the channels where PyTorch has them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from funcdl.arguments import COUNTED, integer, number
from funcdl.contract import Layer, Params, Shape, Vjp
from funcdl.errors import InputError, ShapeError
from funcdl.layers.upsample import resampled, upsample2d
from funcdl.misuse import short
from funcdl.module.doors import channels_first
from funcdl.module.named import Named, flag, refuse
from funcdl.ops.resample import Step
from funcdl.signature import Signature
from funcdl.tensor import Generator, Tensor

__all__ = ["Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d"]

OWN = {"nearest": (1, 2), "linear": (1,), "bilinear": (2,)}
"""For each mode, the number of axes behind the channels."""


class Upsample(Named):
    """PyTorch's `Upsample`: from (batch, channels, h, w) to (batch, channels, h', w').

    Sequences are (batch, channels, length).

    Args:
        size: the height and width, or the length; one number for all.
        scale_factor: how many times as high and as wide, in the place of `size`; it need not be
            whole.
        mode: "nearest", "linear" or "bilinear".
        align_corners: as in PyTorch.
        recompute_scale_factor: as in PyTorch.

    Raises:
        InputError, KindError: an argument is not of this kind, or not offered.
        ShapeError: the input has other axes than the mode.

    >>> import torch
    >>> Upsample(scale_factor=2)(torch.ones(5, 3, 7, 7)).shape
    torch.Size([5, 3, 14, 14])
    """

    factory = staticmethod(upsample2d)

    def __init__(
        self,
        size: int | tuple[int, ...] | None = None,
        scale_factor: float | tuple[float, ...] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        name, given = "Upsample", locals()
        if mode not in OWN:
            raise InputError(
                f'{name}: expected mode to be "nearest", "linear" or "bilinear", got {short(mode)}'
            )
        if align_corners is not None:
            flag(name, "align_corners", align_corners)
            if mode == "nearest":
                refuse(name, "align_corners", align_corners, None, "nearest has no corners")
        if recompute_scale_factor is not None:
            flag(name, "recompute_scale_factor", recompute_scale_factor)
        if (size is None) == (scale_factor is None):
            raise InputError(
                f"{name}: expected one of size and scale_factor, "
                f"got {short(size)} and {short(scale_factor)}"
            )
        if size is not None and recompute_scale_factor:
            raise InputError(f"{name}: expected scale_factor to recompute, got size={short(size)}")
        value = scale_factor if size is None else size
        lists = isinstance(value, (tuple, list))
        entries: Any = tuple(value) if lists else (value,)  # type: ignore[arg-type]
        for entry in entries:
            if size is not None:
                integer(name, "size", entry, 1, COUNTED)
            elif number(name, "scale_factor", entry, 0, most=COUNTED) == 0:
                raise InputError(f"{name}: expected scale_factor to be above 0, got {entry}")
        ways = {}
        for own in OWN[mode]:
            if not lists or len(entries) == own:
                each = [
                    To(entry) if size is not None else Times(entry, bool(recompute_scale_factor))
                    for entry in (entries if lists else entries * own)
                ]
                layer = resampled(name, tuple(each), mode, bool(align_corners))
                ways[own] = channels_first(name, layer, own)
        if not ways:
            wanted = " or ".join(map(str, OWN[mode]))
            raise InputError(
                f"{name}: expected {wanted} lengths for mode={mode!r}, got {short(value)}"
            )
        super().__init__(given, _of_axes(name, ways))


class UpsamplingNearest2d(Upsample):
    """PyTorch's `UpsamplingNearest2d`: `Upsample` of images, in the mode "nearest".

    Args:
        size, scale_factor: as in `Upsample`.

    >>> UpsamplingNearest2d(scale_factor=2)
    UpsamplingNearest2d(scale_factor=2)
    """

    def __init__(
        self,
        size: int | tuple[int, int] | None = None,
        scale_factor: float | tuple[float, float] | None = None,
    ) -> None:
        given = locals()
        super().__init__(_twice(size), _twice(scale_factor), "nearest")
        self._note(given)


class UpsamplingBilinear2d(Upsample):
    """PyTorch's `UpsamplingBilinear2d`: `Upsample` in the mode "bilinear", corners aligned.

    Args:
        size, scale_factor: as in `Upsample`.

    >>> UpsamplingBilinear2d(scale_factor=2)
    UpsamplingBilinear2d(scale_factor=2)
    """

    def __init__(
        self,
        size: int | tuple[int, int] | None = None,
        scale_factor: float | tuple[float, float] | None = None,
    ) -> None:
        given = locals()
        super().__init__(size, scale_factor, "bilinear", True)
        self._note(given)


def _twice(value: Any) -> Any:
    """Say for both axes what is said once, so that sequences are refused."""
    return value if value is None or isinstance(value, (tuple, list)) else (value, value)


class To(NamedTuple):
    """A new length that is given."""

    length: int

    def count(self, length: int) -> int:
        """Give the new length."""
        return self.length

    def least(self) -> int:
        """Give the smallest length that leaves one."""
        return 1

    def step(self, length: int) -> Step:
        """Give the step from one number of y to the next, on x."""
        return length / self.length


class Times(NamedTuple):
    """A new length that is so many times the old one, and less than one more."""

    factor: float
    recomputed: bool

    def count(self, length: int) -> int:
        """Give the new length."""
        return math.floor(self.factor * length)

    def least(self) -> int:
        """Give the smallest length that leaves one."""
        length = math.ceil(1 / self.factor)
        return length + (self.count(length) < 1)

    def step(self, length: int) -> Step:
        """Give the step from one number of y to the next, on x: of the factor, or the lengths."""
        return length / self.count(length) if self.recomputed else 1 / self.factor


def _of_axes(name: str, ways: dict[int, Layer]) -> Layer:
    """Make a layer of one for each number of axes behind the channels."""

    def way(shape: Shape) -> Layer:
        if len(shape) - 2 not in ways:
            places = ["(batch, channels, length)", "(batch, channels, height, width)"]
            wanted = " or ".join(places[own - 1] for own in ways)
            raise ShapeError(f"{name}: expected x {wanted}, got {tuple(shape)}")
        return ways[len(shape) - 2]

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        return way(in_shape).init(rng, in_shape)

    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        return way(tuple(x.shape)).at("", params, x, rng)

    return Layer(name, init, apply, layers=tuple(ways.values()), signature=Signature((), "…", "…"))
