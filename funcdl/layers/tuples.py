"""Layers between a tensor and a tuple of tensors; none has parameters."""

from __future__ import annotations

from typing import Any

from funcdl.arguments import trailing
from funcdl.contract import Layer, Shape, Value
from funcdl.layers.layout import moves, rearrangement
from funcdl.ops import layout
from funcdl.signature import each, numbered
from funcdl.tensor import Tensor

__all__ = ["join", "stack_along", "unstack_along"]


def unstack_along(axis: int) -> Layer[tuple[()], Tensor, Value]:
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

    def backward(dys: tuple[Tensor | None, ...], in_shape: Any) -> Tensor:
        given = next(dy for dy in dys if dy is not None)
        none = given.new_zeros(given.shape) if None in dys else given
        return layout.fill(
            given.new_empty(in_shape), [none if dy is None else dy for dy in dys], axis
        )

    own = " ".join(numbered(-axis - 1, least=">=0"))
    takes = moves(f"… count {own}", each(f"… {own}"))
    return rearrangement("unstack_along", str(axis), takes, lambda x: x.unbind(axis), backward)


def stack_along(axis: int) -> Layer[tuple[()], Value, Tensor]:
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

    def forward(xs: tuple[Tensor, ...]) -> Tensor:
        first, at = xs[0], xs[0].ndim + 1 + axis
        return layout.fill(
            first.new_empty((*first.shape[:at], len(xs), *first.shape[at:])), xs, axis
        )

    own = " ".join(numbered(-axis - 1, least=">=0"))
    takes = moves(each(f"… {own}"), f"… count {own}")
    return rearrangement("stack_along", str(axis), takes, forward, lambda dy, _: dy.unbind(axis))


def join(axis: int = -1) -> Layer[tuple[()], Value, Tensor]:
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

    def backward(dy: Tensor, in_shapes: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        return layout.cut(dy, [s[axis] for s in in_shapes], axis)

    own = " ".join(numbered(-axis - 1, least=">=0"))
    takes = moves(each(f"… entries+>=0 {own}"), f"… entries+ {own}")
    args = str(axis) if axis != -1 else ""
    return rearrangement("join", args, takes, lambda xs: layout.cat(xs, axis), backward)
