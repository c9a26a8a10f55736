"""Layers that give a tensor another shape or order; none has parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from funcdl.arguments import MOST, image_shape, show, tensor, trailing, whole
from funcdl.contract import Layer, Params, Shape, Value, Vjp
from funcdl.errors import InputError, KindError, ShapeError
from funcdl.tensor import Generator, Tensor

__all__ = [
    "channels_last",
    "expand_dims",
    "flatten",
    "identity",
    "rearrangement",
    "reshape",
    "select",
    "transpose",
]


def rearrangement(
    name: str,
    args: str,
    shape: Callable[[Shape], Shape],
    forward: Callable[[Any], Any],
    backward: Callable[[Any, Any], Any],
) -> Layer:
    """Make a layer of a linear map and its adjoint, `backward(dy, shape of x)`.

    `shape` infers the output's shape and raises a ShapeError where the input does not fit.
    """

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        return (), shape(in_shape)

    def apply(params: Params, x: Any, rng: Generator | None = None) -> tuple[Value, Vjp]:
        many = isinstance(x, tuple)
        in_shape = tuple(part.shape for part in x) if many else tensor(name, x).shape
        try:
            y = forward(x)
        except (RuntimeError, TypeError, IndexError, AttributeError):
            shape(in_shape)
            raise

        def vjp(dy: Any, need_dx: bool = True) -> tuple[Params, Value]:
            return params, backward(dy, in_shape) if need_dx else None

        return y, vjp

    return Layer(name, init, apply, args)


identity = rearrangement("identity", "", lambda shape: shape, lambda x: x, lambda dy, _: dy)
"""y = x, dx = dy: the unit of `serial`."""


def flatten(ndim: int = 3) -> Layer:
    """Merge the last `ndim` axes into one: (…, a, b, c) to (…, a b c).

    Raises:
        InputError, KindError: `ndim` is not an integer of at least 1.
        ShapeError: `x` has fewer axes.

    >>> import torch
    >>> y, vjp = flatten(3)((), torch.zeros(5, 2, 2, 64))
    >>> y.shape, vjp(y)[1].shape
    (torch.Size([5, 256]), torch.Size([5, 2, 2, 64]))
    """
    whole("flatten", "ndim", ndim, 1)

    def shape(in_shape: Shape) -> Shape:
        if len(in_shape) < ndim:
            raise ShapeError(f"flatten: expected at least {ndim} axes, got {show(in_shape)}")
        return (*in_shape[: len(in_shape) - ndim], math.prod(in_shape[-ndim:]))

    def forward(x: Tensor) -> Tensor:
        # torch gives a tensor without axes one.
        return x.flatten(-ndim) if x.ndim else x.flatten(shape(()))  # type: ignore[arg-type]

    return rearrangement("flatten", str(ndim), shape, forward, lambda dy, s: dy.reshape(s))


def reshape(shape: tuple[int, ...], ndim: int = 1) -> Layer:
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
    whole("reshape", "ndim", ndim, 0)
    if not isinstance(shape, tuple):
        raise KindError(f"reshape: expected shape to be a tuple, got {shape!r}")
    for length in shape:
        if length != -1:
            whole("reshape", "each length", length, 1)
    if shape.count(-1) > 1:
        raise InputError(f"reshape: expected at most one length of -1, got {show(shape)}")

    def infer(in_shape: Shape) -> Shape:
        lead, old = in_shape[: len(in_shape) - ndim], in_shape[len(in_shape) - ndim :]
        numbers, known = math.prod(old), math.prod(length for length in shape if length != -1)
        rest = numbers // known
        if len(in_shape) < ndim or known * (rest if -1 in shape else 1) != numbers:
            raise ShapeError(
                f"reshape: expected {ndim} axes of numbers for the shape {show(shape)}, "
                f"got {show(in_shape)}"
            )
        return (*lead, *(rest if length == -1 else length for length in shape))

    def forward(x: Tensor) -> Tensor:
        return x.reshape(infer(tuple(x.shape)))

    args = f"{show(shape)}, {ndim}" if ndim != 1 else show(shape)
    return rearrangement("reshape", args, infer, forward, lambda dy, s: dy.reshape(s))


def transpose(axis: int = -1, other: int = -2) -> Layer:
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

    def shape(in_shape: Shape) -> Shape:
        if len(in_shape) < -min(axis, other):
            raise ShapeError(
                f"transpose: expected at least {-min(axis, other)} axes, got {show(in_shape)}"
            )
        swapped = list(in_shape)
        swapped[axis], swapped[other] = swapped[other], swapped[axis]
        return tuple(swapped)

    return rearrangement(
        "transpose",
        "" if (axis, other) == (-1, -2) else f"{axis}, {other}",
        shape,
        lambda x: x.transpose(axis, other),
        lambda dy, _: dy.transpose(axis, other),
    )


def expand_dims(axis: int = -1) -> Layer:
    """Insert an axis of length 1 that stands at `axis`, from the end: (…, a) to (…, a, 1).

    Raises:
        InputError, KindError: `axis` is not a negative integer.

    >>> import torch
    >>> expand_dims(-1)((), torch.zeros(5, 14, 14))[0].shape
    torch.Size([5, 14, 14, 1])
    """
    trailing("expand_dims", axis)

    def shape(in_shape: Shape) -> Shape:
        at = len(in_shape) + 1 + axis
        if at < 0:
            raise ShapeError(
                f"expand_dims: expected at least {-axis - 1} axes, got {show(in_shape)}"
            )
        return (*in_shape[:at], 1, *in_shape[at:])

    return rearrangement(
        "expand_dims",
        str(axis),
        shape,
        lambda x: x.unsqueeze(axis),
        lambda dy, _: dy.squeeze(axis),
    )


def select(axis: int, index: int) -> Layer:
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
    whole("select", "index", index, -MOST)

    def shape(in_shape: Shape) -> Shape:
        at = len(in_shape) + axis
        if at < 0 or not -in_shape[at] <= index < in_shape[at]:
            raise ShapeError(
                f"select: expected an entry {index} of axis {axis}, got {show(in_shape)}"
            )
        return (*in_shape[:at], *in_shape[at + 1 :])

    def backward(dy: Tensor, in_shape: Any) -> Tensor:
        dx = dy.new_zeros(in_shape)
        dx.select(axis, index).copy_(dy)
        return dx

    return rearrangement(
        "select", f"{axis}, {index}", shape, lambda x: x.select(axis, index), backward
    )


def _channels_last_shape(in_shape: Shape) -> Shape:
    channels, height, width = image_shape("channels_last", in_shape)
    return (*in_shape[:-3], height, width, channels)


channels_last = rearrangement(
    "channels_last",
    "",
    _channels_last_shape,
    lambda x: x.movedim(-3, -1),
    lambda dy, _: dy.movedim(-1, -3),
)
"""(…, channels, height, width) to (…, height, width, channels): the door for PyTorch's images."""
