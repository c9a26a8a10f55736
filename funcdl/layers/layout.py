"""Layers that move numbers without changing them; none has parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from funcdl.arguments import image_shape, show, tensor, whole
from funcdl.contract import Layer, Params, Shape, Value, Vjp
from funcdl.errors import InputError, KindError, ShapeError
from funcdl.ops import layout
from funcdl.tensor import Generator, Tensor

__all__ = [
    "channels_last",
    "expand_dims",
    "flatten",
    "identity",
    "join",
    "stack",
    "unstack",
]


def _rearrangement(
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


identity = _rearrangement("identity", "", lambda shape: shape, lambda x: x, lambda dy, _: dy)
"""y = x, dx = dy: the unit of `serial`."""


def flatten(ndim: int = 3) -> Layer:
    """Merge the last `ndim` axes into one: (…, a, b, c) to (…, a b c).

    Raises:
        InputError, KindError: `ndim` is not a whole number of at least 1.
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

    return _rearrangement(
        "flatten", str(ndim), shape, lambda x: x.flatten(-ndim), lambda dy, s: dy.reshape(s)
    )


def expand_dims(axis: int = -1) -> Layer:
    """Insert an axis of length 1 that stands at `axis`, from the end: (…, a) to (…, a, 1).

    Raises:
        InputError, KindError: `axis` is not a negative whole number.

    >>> import torch
    >>> expand_dims(-1)((), torch.zeros(5, 14, 14))[0].shape
    torch.Size([5, 14, 14, 1])
    """
    _trailing("expand_dims", axis)

    def shape(in_shape: Shape) -> Shape:
        at = len(in_shape) + 1 + axis
        if at < 0:
            raise ShapeError(
                f"expand_dims: expected at least {-axis - 1} axes, got {show(in_shape)}"
            )
        return (*in_shape[:at], 1, *in_shape[at:])

    return _rearrangement(
        "expand_dims",
        str(axis),
        shape,
        lambda x: x.unsqueeze(axis),
        lambda dy, _: dy.squeeze(axis),
    )


def _channels_last_shape(in_shape: Shape) -> Shape:
    channels, height, width = image_shape("channels_last", in_shape)
    return (*in_shape[:-3], height, width, channels)


channels_last = _rearrangement(
    "channels_last",
    "",
    _channels_last_shape,
    lambda x: x.movedim(-3, -1),
    lambda dy, _: dy.movedim(-1, -3),
)
"""(…, channels, height, width) to (…, height, width, channels): the door for PyTorch's images."""


def unstack(axis: int) -> Layer:
    """Split a tensor along an axis, counted from the end, into a tuple: the axis goes.

    Raises:
        InputError, KindError: `axis` is not a negative whole number.
        ShapeError: `x` has no such axis.

    >>> import torch
    >>> first, second = unstack(-3)((), torch.zeros(5, 2, 14, 14))[0]
    >>> first.shape
    torch.Size([5, 14, 14])
    """
    _trailing("unstack", axis)

    def shape(in_shape: Shape) -> Shape:
        if len(in_shape) < -axis:
            raise ShapeError(f"unstack: expected at least {-axis} axes, got {show(in_shape)}")
        at = len(in_shape) + axis
        return tuple((*in_shape[:at], *in_shape[at + 1 :]) for _ in range(in_shape[at]))

    def backward(dys: tuple[Tensor, ...], in_shape: Any) -> Tensor:
        return layout.fill(dys[0].new_empty(in_shape), dys, axis)

    return _rearrangement("unstack", str(axis), shape, lambda x: x.unbind(axis), backward)


def stack(axis: int) -> Layer:
    """Stack a tuple of tensors of one shape along a new axis, counted from the end.

    The inverse of `unstack`.

    Raises:
        InputError, KindError: `axis` is not a negative whole number.
        ShapeError: the shapes differ.

    >>> import torch
    >>> stack(-2)((), (torch.zeros(5, 3), torch.ones(5, 3)))[0].shape
    torch.Size([5, 2, 3])
    """
    _trailing("stack", axis)

    def shape(in_shapes: Shape) -> Shape:
        first = _several("stack", in_shapes)[0]
        at = len(first) + 1 + axis
        if at < 0 or any(other != first for other in in_shapes):
            raise ShapeError(
                f"stack: expected equal shapes of at least {-axis - 1} axes, got "
                f"{' and '.join(map(show, in_shapes))}"
            )
        return (*first[:at], len(in_shapes), *first[at:])

    def forward(xs: tuple[Tensor, ...]) -> Tensor:
        y = xs[0].new_empty(shape(tuple(tuple(x.shape) for x in xs)))
        return layout.fill(y, xs, axis)

    return _rearrangement("stack", str(axis), shape, forward, lambda dy, _: dy.unbind(axis))


def join(axis: int = -1) -> Layer:
    """Join a tuple of tensors along an axis, counted from the end: (…, a), (…, b) to (…, a + b).

    Raises:
        InputError, KindError: `axis` is not a negative whole number.
        ShapeError: the tensors differ in another axis.

    >>> import torch
    >>> y, vjp = join()((), (torch.zeros(5, 3), torch.ones(5, 4)))
    >>> y.shape, [dx.shape for dx in vjp(y)[1]]
    (torch.Size([5, 7]), [torch.Size([5, 3]), torch.Size([5, 4])])
    """
    _trailing("join", axis)

    def shape(in_shapes: Shape) -> Shape:
        first = _several("join", in_shapes)[0]
        at = len(first) + axis
        for other in in_shapes:
            fits = len(other) == len(first) and at >= 0
            if not fits or other[:at] != first[:at] or other[at + 1 :] != first[at + 1 :]:
                raise ShapeError(
                    f"join: expected shapes that differ in axis {axis} alone, "
                    f"got {' and '.join(map(show, in_shapes))}"
                )
        return (*first[:at], sum(s[at] for s in in_shapes), *first[at + 1 :])

    def forward(xs: tuple[Tensor, ...]) -> Tensor:
        shape(tuple(tuple(x.shape) for x in xs))
        return layout.join(xs, axis)

    def backward(dy: Tensor, in_shapes: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        return layout.cut(dy, [s[axis] for s in in_shapes], axis)

    return _rearrangement("join", str(axis) if axis != -1 else "", shape, forward, backward)


def _trailing(where: str, axis: int) -> None:
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise KindError(f"{where}: expected axis to be a whole number, got {axis!r}")
    if axis >= 0:
        raise InputError(
            f"{where}: expected a negative axis, counted from the end, got {axis}: "
            "layers leave leading axes to batches and models"
        )


def _several(where: str, in_shapes: Shape) -> tuple[Shape, ...]:
    if not in_shapes or not all(isinstance(shape, tuple) for shape in in_shapes):
        raise ShapeError(f"{where}: expected a tuple of tensors, got {show(in_shapes)}")
    return in_shapes
