"""Batches of data: any pytree of tensors, shuffled and cut along an axis."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from funcdl import tree
from funcdl.arguments import generator, integer
from funcdl.errors import InputError, KindError, ShapeError
from funcdl.tensor import Generator, Tensor, empty

__all__ = ["batches"]


def batches(
    data: Any,
    size: int,
    rng: Generator | None = None,
    *,
    order: Tensor | None = None,
    drop_last: bool = False,
    axis: int = 0,
) -> Iterator[Any]:
    """Go once over the examples of some data, in batches.

    Args:
        data: a pytree of tensors (n, …), an example an index: such as (images, labels).
        size: examples in a batch, at least 1.
        rng: draws the order, anew at each call; without it they come as they are.
        order: (m,) of int64, the examples in the order in which they come, in place of a drawn one.
        drop_last: whether to leave the last batch out where it has fewer than `size`.
        axis: that of the examples, at least 0: 1 behind an axis of models.

    Returns:
        An iterator over pytrees like `data`. The tensors of a drawn or given order are new, others
        are views.

    Raises:
        InputError, KindError, ShapeError: an argument is not of this kind, the tensors have not as
            many examples each, or both `rng` and `order` are given.

    >>> import torch
    >>> data = {"x": torch.arange(7), "t": torch.arange(7) * 2}
    >>> [batch["x"].tolist() for batch in batches(data, 3)]
    [[0, 1, 2], [3, 4, 5], [6]]
    >>> shuffled = batches(data, 3, torch.Generator().manual_seed(0), drop_last=True)
    >>> all(torch.equal(batch["t"], batch["x"] * 2) for batch in shuffled)
    True
    """
    integer("batches", "size", size, 1)
    integer("batches", "axis", axis, 0)
    leaves = tree.leaves(data)
    for path, leaf in zip(tree.paths(data), leaves):
        if not isinstance(leaf, Tensor) or leaf.ndim <= axis:
            got = type(leaf).__name__
            if isinstance(leaf, Tensor):
                got = f"one of {leaf.ndim} axes" if leaf.ndim else "one without axes"
            raise KindError(f"batches: expected data{path} to be a tensor of examples, got {got}")
    if not leaves:
        raise InputError("batches: expected at least one tensor, got none")
    count = leaves[0].shape[axis]
    for path, leaf in zip(tree.paths(data), leaves):
        if leaf.shape[axis] != count:
            raise ShapeError(
                f"batches: expected data{path} to have {count} examples, got {leaf.shape[axis]}"
            )
    if rng is not None:
        generator("batches", rng)
        if order is not None:
            raise InputError("batches: expected a generator or an order, got both")
        # The ranks of random numbers: in float64 no two of them are alike.
        order = empty(count, device=rng.device).double().uniform_(generator=rng).argsort()
    elif order is not None:
        _expect_order(order, count)
    count = count if order is None else len(order)
    most = count // size * size if drop_last else count
    return (
        tree.map(partial(_part, order, axis, start, min(size, most - start)), data)
        for start in range(0, most, size)
    )


def _expect_order(order: Any, count: int) -> None:
    if not isinstance(order, Tensor) or str(order.dtype) != "torch.int64" or order.ndim != 1:
        got = f"{order.dtype} {tuple(order.shape)}" if isinstance(order, Tensor) else repr(order)
        raise KindError(f"batches: expected order to be int64 with one axis, got {got}")
    if len(order) and not 0 <= int(order.min()) <= int(order.max()) < count:
        raise InputError(
            f"batches: expected order from 0 to {count - 1}, got one of "
            f"{int(order.min())} to {int(order.max())}"
        )


def _part(order: Tensor | None, axis: int, start: int, length: int, leaf: Tensor) -> Tensor:
    """Take so many examples of a tensor."""
    if order is None:
        return leaf.narrow(axis, start, length)
    return leaf.index_select(axis, order.narrow(0, start, length).to(leaf.device))
