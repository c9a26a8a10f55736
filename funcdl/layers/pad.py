"""Borders around channels-last images and sequences, as layers of their own."""

from __future__ import annotations

import math
from typing import Any

from funcdl.arguments import LONGEST, Size, number
from funcdl.contract import Apply, Layer, Params, Vjp, declared
from funcdl.layers.half import in_float32
from funcdl.layers.windows import mode_of, sides_of, written
from funcdl.ops.border import CONSTANT, bordered, shortest, unbordered
from funcdl.signature import Signature
from funcdl.tensor import Generator, Tensor

__all__ = ["pad1d", "pad2d"]


def pad2d(
    amount: Size | tuple[tuple[int, int], tuple[int, int]],
    *,
    mode: str = CONSTANT,
    value: float = 0.0,
) -> Layer[tuple[()], Tensor, Tensor]:
    """Surround images with a border, or cut one off.

        y = x inside, and outside what `mode` says        dx = Σ dy where y is a copy of x

    Args:
        amount: the width of the border: one number, or rows and columns, or of each of the two what
            is before and what is after: ((above, below), (left, right)). Below 0 it cuts off.
        mode: of what the border is: "constant", `value`; "reflect", the numbers inside mirrored at
            the outermost; "replicate", the outermost; "circular", those of the other end.
        value: of a constant border; infinities go too.

    Returns:
        A layer without parameters from (…, h, w, c) to (…, h + above + below, w + left + right, c).

    Raises:
        InputError, KindError: an argument is not of this kind.
        ShapeError: the image is smaller than the border that is made of it, or nothing is left.

    >>> import torch
    >>> x = torch.tensor([[1.0, 2.0, 3.0]]).unsqueeze(-1)
    >>> pad2d((0, 2), mode="reflect")((), x)[0].flatten()
    tensor([3., 2., 1., 2., 3., 2., 1.])
    >>> pad2d(((1, 0), (0, -1)))((), x)[0].squeeze(-1)
    tensor([[0., 0.],
            [1., 2.]])
    """
    return _pad("pad2d", ("height", "width"), amount, mode, value)


def pad1d(
    amount: int | tuple[int, int], *, mode: str = CONSTANT, value: float = 0.0
) -> Layer[tuple[()], Tensor, Tensor]:
    """Surround sequences with a border, or cut one off.

    Args:
        amount: how many are added on each side, or before and after. Below 0 it cuts off.
        mode: "constant", "reflect", "replicate" or "circular"; see `pad2d`.
        value: of a constant border; infinities go too.

    Returns:
        A layer without parameters from (…, length, c) to (…, length + before + after, c).

    Raises:
        InputError, KindError: an argument is not of this kind.
        ShapeError: the sequence is shorter than the border that is made of it, or nothing is left.

    >>> import torch
    >>> x = torch.tensor([[1.0], [2.0], [3.0]])
    >>> pad1d((2, 1), mode="circular")((), x)[0].flatten()
    tensor([2., 3., 1., 2., 3., 1.])
    """
    return _pad("pad1d", ("length",), amount, mode, value)


def _pad(
    name: str, axes: tuple[str, ...], amount: Any, mode: str, value: float
) -> Layer[tuple[()], Tensor, Tensor]:
    sides = sides_of(name, "amount", amount, len(axes), -LONGEST)
    mode_of(name, "mode", mode)
    if value not in (math.inf, -math.inf):
        number(name, "value", value, -math.inf)

    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
            return params, unbordered(dy, sides, mode) if need_dx else None

        return bordered(x, sides, mode, value), vjp

    least = [f"{axis}>={shortest(side, mode)}" for axis, side in zip(axes, sides)]
    grown = [f"{axis}'" for axis in axes]
    lengths: Any = {new: (axis, _longer(side)) for new, axis, side in zip(grown, axes, sides)}
    takes = Signature(
        (), f"… {' '.join(least)} channels>=0", f"… {' '.join(grown)} channels", **lengths
    )
    args = written(amount, mode=(mode, CONSTANT), value=(value, 0.0))
    # A constant border only moves numbers; of the others, cotangents are summed up.
    rounded: Apply = apply if mode == CONSTANT else in_float32(apply)
    return declared(name, takes, rounded, args=args)


def _longer(side: tuple[int, int]) -> Any:
    """Compute the length with its border."""
    return lambda length: length + sum(side)
