"""Layers that give a tensor another shape or order; none has parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from funcdl.arguments import MOST, integer, show, trailing
from funcdl.contract import Layer, Params, Shape, Value, Vjp, declared
from funcdl.errors import InputError, KindError, ShapeError
from funcdl.signature import Signature, numbered
from funcdl.tensor import Generator, Tensor

__all__ = [
    "channels_last",
    "expand_dims",
    "flatten",
    "identity",
    "moves",
    "rearrangement",
    "reshape",
    "select",
    "transpose",
]


def rearrangement(
    name: str,
    args: str,
    takes: Signature,
    forward: Callable[[Any], Any],
    backward: Callable[[Any, Any], Any],
) -> Layer[tuple[()], Tensor, Tensor]:
    """Make a layer of a linear map and its adjoint, `backward(dy, shape of x)`."""

    def apply(params: Params, x: Any, rng: Generator | None = None) -> tuple[Value, Vjp]:
        in_shape = x.shape if isinstance(x, Tensor) else tuple(t.shape for t in x)

        def vjp(dy: Any, need_dx: bool = True) -> tuple[Params, Value]:
            return params, backward(dy, in_shape) if need_dx else None

        return forward(x), vjp

    return declared(name, takes, apply, args=args)


def moves(x: Any, y: Any, **lengths: Any) -> Signature:
    """Declare what keeps its numbers, whatever their dtype."""
    return Signature((), x, y, floats=False, **lengths)


def _same_shape(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
    return (), in_shape


def _same(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
    return x, lambda dy, need_dx=True: (params, dy if need_dx else None)


identity = Layer("identity", _same_shape, _same)
"""y = x, dx = dy: the unit of `serial`."""


def flatten(ndim: int = 3) -> Layer[tuple[()], Tensor, Tensor]:
    """Merge the last `ndim` axes into one: (…, a, b, c) to (…, a b c).

    Raises:
        InputError, KindError: `ndim` is not an integer of at least 1.
        ShapeError: `x` has fewer axes.

    >>> import torch
    >>> y, vjp = flatten(3)((), torch.zeros(5, 2, 2, 64))
    >>> y.shape, vjp(y)[1].shape
    (torch.Size([5, 256]), torch.Size([5, 2, 2, 64]))
    """
    integer("flatten", "ndim", ndim, 1)

    takes = moves("… *axis", "… merged", axes={"axis": ndim}, merged=("axis", math.prod))
    return rearrangement(
        "flatten", str(ndim), takes, lambda x: x.flatten(-ndim), lambda dy, s: dy.reshape(s)
    )


def reshape(shape: tuple[int, ...], ndim: int = 1) -> Layer[tuple[()], Tensor, Tensor]:
    """Give the last `ndim` axes another shape: (…, *old) to (…, *shape), in the same order.

    Args:
        shape: lengths of at least 1; one may be −1, for what is left.
        ndim: the number of axes that it replaces, at least 0.

    Raises:
        InputError, KindError: an argument is not of this kind.
        ShapeError: `x` has fewer axes, or not so many numbers.

    >>> import torch
    >>> reshape((3, -1))((), torch.zeros(5, 12))[0].shape
    torch.Size([5, 3, 4])
    """
    integer("reshape", "ndim", ndim, 0)
    if not isinstance(shape, tuple):
        raise KindError(f"reshape: expected shape to be a tuple, got {shape!r}")
    for length in shape:
        if length != -1:
            integer("reshape", "each length", length, 1)
    if shape.count(-1) > 1:
        raise InputError(f"reshape: expected at most one length of -1, got {show(shape)}")

    def infer(old: tuple[int, ...]) -> tuple[int, ...]:
        numbers, known = math.prod(old), math.prod(length for length in shape if length != -1)
        rest = numbers // known
        if known * (rest if -1 in shape else 1) != numbers:
            last = "axis" if ndim == 1 else f"{ndim} axes"
            raise ShapeError(
                f"reshape: expected the last {last} of x to make {show(shape)}, got {show(old)}"
            )
        return tuple(rest if length == -1 else length for length in shape)

    def forward(x: Tensor) -> Tensor:
        at = x.ndim - ndim
        return x.reshape((*x.shape[:at], *infer(tuple(x.shape[at:]))))

    args = f"{show(shape)}, {ndim}" if ndim != 1 else show(shape)
    takes = moves("… *axis", "… *new", axes={"axis": ndim}, new=("axis", infer))
    return rearrangement("reshape", args, takes, forward, lambda dy, s: dy.reshape(s))


def transpose(axis: int = -1, other: int = -2) -> Layer[tuple[()], Tensor, Tensor]:
    """Swap two axes, each counted from the end.

    Raises:
        InputError, KindError: an axis is not a negative integer.
        ShapeError: `x` has no such axis.

    >>> import torch
    >>> transpose()((), torch.zeros(5, 2, 3))[0].shape
    torch.Size([5, 3, 2])
    """
    trailing("transpose", axis)
    trailing("transpose", other)

    axes = numbered(-min(axis, other), least=">=0")
    swapped = list(axes)
    swapped[axis], swapped[other] = swapped[other], swapped[axis]
    return rearrangement(
        "transpose",
        "" if (axis, other) == (-1, -2) else f"{axis}, {other}",
        moves(f"… {' '.join(axes)}", f"… {' '.join(swapped)}"),
        lambda x: x.transpose(axis, other),
        lambda dy, _: dy.transpose(axis, other),
    )


def expand_dims(axis: int = -1) -> Layer[tuple[()], Tensor, Tensor]:
    """Insert an axis of length 1 that stands at `axis`, from the end: (…, a) to (…, a, 1).

    Raises:
        InputError, KindError: `axis` is not a negative integer.

    >>> import torch
    >>> expand_dims(-1)((), torch.zeros(5, 14, 14))[0].shape
    torch.Size([5, 14, 14, 1])
    """
    trailing("expand_dims", axis)

    own = " ".join(numbered(-axis - 1, least=">=0"))
    return rearrangement(
        "expand_dims",
        str(axis),
        moves(f"… {own}", f"… 1 {own}"),
        lambda x: x.unsqueeze(axis),
        lambda dy, _: dy.squeeze(axis),
    )


def select(axis: int, index: int) -> Layer[tuple[()], Tensor, Tensor]:
    """Take one entry along an axis, counted from the end: the axis goes.

        y = x[index]        dx[index] = dy, 0 elsewhere

    `select(-2, -1)` is the last step of a sequence (…, time, features).

    Raises:
        InputError, KindError: `axis` is not a negative integer, or `index` none.
        ShapeError: `x` has no such axis, or no such entry.

    >>> import torch
    >>> y, vjp = select(-1, -1)((), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    >>> y, vjp(torch.ones(2))[1]
    (tensor([2., 4.]), tensor([[0., 1.],
            [0., 1.]]))
    """
    trailing("select", axis)
    integer("select", "index", index, -MOST)

    def backward(dy: Tensor, in_shape: Any) -> Tensor:
        dx = dy.new_zeros(in_shape)
        dx.select(axis, index).copy_(dy)
        return dx

    least = index + 1 if index >= 0 else -index
    own = " ".join(numbered(-axis - 1, least=">=0"))
    takes = moves(f"… entries>={least} {own}", f"… {own}")
    return rearrangement(
        "select", f"{axis}, {index}", takes, lambda x: x.select(axis, index), backward
    )


channels_last = rearrangement(
    "channels_last",
    "",
    moves("… channels>=0 height>=0 width>=0", "… height width channels"),
    lambda x: x.movedim(-3, -1),
    lambda dy, _: dy.movedim(-1, -3),
)
"""(…, channels, height, width) to (…, height, width, channels): the door for PyTorch's images."""
