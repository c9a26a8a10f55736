"""Modules that give a tensor another shape or order, take it apart or put it together."""

from __future__ import annotations

import math
from typing import Any

from funcdl.arguments import MOST, integer
from funcdl.errors import InputError, KindError, ShapeError
from funcdl.layers.layout import (
    channels_last,
    expand_dims,
    flatten,
    identity,
    moves,
    rearrangement,
    reshape,
    select,
    transpose,
)
from funcdl.layers.tuples import join, stack_along, unstack_along
from funcdl.misuse import short
from funcdl.module.named import Named

__all__ = [
    "ChannelsLast",
    "ExpandDims",
    "Flatten",
    "Identity",
    "Join",
    "Reshape",
    "Select",
    "StackAlong",
    "Transpose",
    "Unflatten",
    "UnstackAlong",
]


class Flatten(Named):
    """PyTorch's `Flatten`: it merges the axes from `start_dim` to `end_dim`, both included.

    Raises:
        KindError: an argument is not an integer.

    >>> import torch
    >>> Flatten()(torch.ones(5, 3, 4, 2)).shape, Flatten(-2)(torch.ones(5, 3, 4)).shape
    (torch.Size([5, 24]), torch.Size([5, 12]))
    """

    factory = staticmethod(flatten)

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        for what, value in (("start_dim", start_dim), ("end_dim", end_dim)):
            integer("Flatten", what, value, -MOST)

        def merged(old: tuple[int, ...]) -> tuple[int, ...]:
            count = max(len(old), 1)
            first, last = (axis + count if axis < 0 else axis for axis in (start_dim, end_dim))
            if not 0 <= first <= last < count:
                raise ShapeError(
                    f"Flatten: expected x to have axes from {start_dim} to {end_dim}, got {old}"
                )
            return (*old[:first], math.prod(old[first : last + 1]), *old[last + 1 :])

        layer = rearrangement(
            "Flatten",
            f"{start_dim}, {end_dim}",
            moves("*old", "*new", new=("old", merged)),
            lambda x: x.reshape(merged(tuple(x.shape))),
            lambda dy, shape: dy.reshape(shape),
        )
        super().__init__(locals(), layer)


class Unflatten(Named):
    """PyTorch's `Unflatten`: it cuts the axis `dim` into axes of these lengths.

    Args:
        dim: the axis; names of axes are not offered.
        unflattened_size: the lengths, of which one may be −1: whatever is left.

    Raises:
        InputError, KindError: an argument is not of this kind.
        ShapeError: the input does not fit.

    >>> import torch
    >>> Unflatten(1, (2, -1))(torch.ones(5, 6, 4)).shape
    torch.Size([5, 2, 3, 4])
    """

    factory = staticmethod(reshape)

    def __init__(self, dim: int, unflattened_size: tuple[int, ...] | list[int]) -> None:
        axis = integer("Unflatten", "dim", dim, -MOST)
        if not isinstance(unflattened_size, (tuple, list)) or not unflattened_size:
            raise KindError(
                "Unflatten: expected unflattened_size to be a tuple of lengths, "
                f"got {short(unflattened_size)}"
            )
        sizes = tuple(integer("Unflatten", "each length", n, -1) for n in unflattened_size)
        if sizes.count(-1) > 1:
            raise InputError(f"Unflatten: expected one length of −1 at most, got {sizes}")

        def cut(old: tuple[int, ...]) -> tuple[int, ...]:
            place = axis + len(old) if axis < 0 else axis
            if not 0 <= place < len(old):
                raise ShapeError(f"Unflatten: expected x to have an axis {axis}, got {old}")
            known = math.prod(n for n in sizes if n >= 0)
            rest = old[place] // known if known and -1 in sizes else 0
            lengths = tuple(rest if n < 0 else n for n in sizes)
            if math.prod(lengths) != old[place]:
                raise ShapeError(
                    f"Unflatten: expected an axis {axis} of length {sizes}, multiplied, got {old}"
                )
            return (*old[:place], *lengths, *old[place + 1 :])

        layer = rearrangement(
            "Unflatten",
            f"{axis}, {sizes}",
            moves("*old", "*new", new=("old", cut)),
            lambda x: x.reshape(cut(tuple(x.shape))),
            lambda dy, shape: dy.reshape(shape),
        )
        super().__init__(locals(), layer)


class Identity(Named):
    """PyTorch's `Identity`: it takes any arguments, and gives what it is given.

    >>> Identity(54, unused=True)
    Identity(54, unused=True)
    """

    factory = identity

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(locals(), identity)


class ChannelsLast(Named):
    """`channels_last` as a module: from (…, channels, h, w) to (…, h, w, channels).

    It is for layers in `Module(…)`, which take their channels last.

    >>> ChannelsLast()
    ChannelsLast()
    """

    factory = channels_last

    def __init__(self) -> None:
        super().__init__(locals(), channels_last)


class ExpandDims(Named):
    """`expand_dims` as a module.

    >>> ExpandDims()
    ExpandDims()
    """

    factory = staticmethod(expand_dims)

    def __init__(self, axis: int = -1) -> None:
        super().__init__(locals(), expand_dims(axis))


class Reshape(Named):
    """`reshape` as a module.

    >>> Reshape((3, -1))
    Reshape((3, -1))
    """

    factory = staticmethod(reshape)

    def __init__(self, shape: tuple[int, ...], ndim: int = 1) -> None:
        super().__init__(locals(), reshape(shape, ndim))


class Select(Named):
    """`select` as a module.

    >>> Select(-2, -1)
    Select(-2, -1)
    """

    factory = staticmethod(select)

    def __init__(self, axis: int, index: int) -> None:
        super().__init__(locals(), select(axis, index))


class Transpose(Named):
    """`transpose` as a module.

    >>> Transpose()
    Transpose()
    """

    factory = staticmethod(transpose)

    def __init__(self, axis: int = -1, other: int = -2) -> None:
        super().__init__(locals(), transpose(axis, other))


class Join(Named):
    """`join` as a module: of several tensors.

    >>> Join()
    Join()
    """

    factory = staticmethod(join)

    def __init__(self, axis: int = -1) -> None:
        super().__init__(locals(), join(axis))


class StackAlong(Named):
    """`stack_along` as a module: of several tensors.

    >>> StackAlong(-2)
    StackAlong(-2)
    """

    factory = staticmethod(stack_along)

    def __init__(self, axis: int) -> None:
        super().__init__(locals(), stack_along(axis))


class UnstackAlong(Named):
    """`unstack_along` as a module: it gives a tuple of tensors.

    >>> UnstackAlong(-2)
    UnstackAlong(-2)
    """

    factory = staticmethod(unstack_along)

    def __init__(self, axis: int) -> None:
        super().__init__(locals(), unstack_along(axis))
