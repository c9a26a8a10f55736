"""Layers between a tensor and a tuple of tensors; none has parameters."""

from __future__ import annotations

from typing import Any

from funcdl.arguments import show, trailing
from funcdl.contract import Layer, Shape, shape_of
from funcdl.errors import ShapeError
from funcdl.layers.layout import rearrangement
from funcdl.ops import layout
from funcdl.tensor import Tensor

__all__ = ["join", "stack_along", "unstack_along"]


def unstack_along(axis: int) -> Layer:
    """Split a tensor along an axis, counted from the end, into a tuple: the axis goes.

    Raises:
        InputError, KindError: `axis` is not a negative integer.
        ShapeError: `x` has no such axis, or no entry along it.

    >>> import torch
    >>> first, second = unstack_along(-3)((), torch.zeros(5, 2, 14, 14))[0]
    >>> first.shape
    torch.Size([5, 14, 14])
    """
    trailing("unstack_along", axis)

    def shape(in_shape: Shape) -> Shape:
        if len(in_shape) < -axis:
            raise ShapeError(f"unstack_along: expected at least {-axis} axes, got {show(in_shape)}")
        at = len(in_shape) + axis
        if in_shape[at] == 0:
            raise ShapeError(
                f"unstack_along: expected entries along axis {axis}, got {show(in_shape)}"
            )
        return tuple((*in_shape[:at], *in_shape[at + 1 :]) for _ in range(in_shape[at]))

    def forward(x: Tensor) -> tuple[Tensor, ...]:
        return x.unbind(axis) or shape(tuple(x.shape))

    def backward(dys: tuple[Tensor | None, ...], in_shape: Any) -> Tensor:
        given = next(dy for dy in dys if dy is not None)
        none = given.new_zeros(given.shape) if None in dys else given
        return layout.fill(
            given.new_empty(in_shape), [none if dy is None else dy for dy in dys], axis
        )

    return rearrangement("unstack_along", str(axis), shape, forward, backward)


def stack_along(axis: int) -> Layer:
    """Stack a tuple of tensors of one shape along a new axis, counted from the end.

    The inverse of `unstack_along`.

    Raises:
        InputError, KindError: `axis` is not a negative integer.
        ShapeError: the shapes differ.

    >>> import torch
    >>> stack_along(-2)((), (torch.zeros(5, 3), torch.ones(5, 3)))[0].shape
    torch.Size([5, 2, 3])
    """
    trailing("stack_along", axis)

    def shape(in_shapes: Shape) -> Shape:
        first = _several("stack_along", in_shapes)[0]
        at = len(first) + 1 + axis
        if at < 0 or any(other != first for other in in_shapes):
            raise ShapeError(
                f"stack_along: expected equal shapes of at least {-axis - 1} axes, got "
                f"{' and '.join(map(show, in_shapes))}"
            )
        return (*first[:at], len(in_shapes), *first[at:])

    def forward(xs: tuple[Tensor, ...]) -> Tensor:
        y = xs[0].new_empty(shape(shape_of(xs)))
        return layout.fill(y, xs, axis)

    return rearrangement("stack_along", str(axis), shape, forward, lambda dy, _: dy.unbind(axis))


def join(axis: int = -1) -> Layer:
    """Join a tuple of tensors along an axis, counted from the end: (…, a), (…, b) to (…, a + b).

    Raises:
        InputError, KindError: `axis` is not a negative integer.
        ShapeError: the tensors differ in another axis.

    >>> import torch
    >>> y, vjp = join()((), (torch.zeros(5, 3), torch.ones(5, 4)))
    >>> y.shape, [dx.shape for dx in vjp(y)[1]]
    (torch.Size([5, 7]), [torch.Size([5, 3]), torch.Size([5, 4])])
    """
    trailing("join", axis)

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
        shape(shape_of(xs))
        return layout.cat(xs, axis)

    def backward(dy: Tensor, in_shapes: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        return layout.cut(dy, [s[axis] for s in in_shapes], axis)

    return rearrangement("join", str(axis) if axis != -1 else "", shape, forward, backward)


def _several(where: str, in_shapes: Shape) -> tuple[Shape, ...]:
    if not in_shapes or not all(isinstance(shape, tuple) for shape in in_shapes):
        raise ShapeError(f"{where}: expected a tuple of tensors, got {show(in_shapes)}")
    return in_shapes
