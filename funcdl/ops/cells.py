"""One number for each of so many cells, into which an axis is cut as evenly as it goes.

Cell i of n on an axis of length l is from ⌊i l / n⌋ to below ⌈(i + 1) l / n⌉: where n does not
divide l, neighbours overlap, and where it is larger they repeat.
"""

from __future__ import annotations

from collections.abc import Callable

from funcdl.ops.order import alike
from funcdl.ops.pool import largest as windowed
from funcdl.ops.window import Windows
from funcdl.tensor import Tensor

__all__ = ["largest", "means"]

Pull = Callable[[Tensor], Tensor]

FEW = 16  # torch's `max` along an inner axis takes as long as so many comparisons of tensors
NO_BORDER = (0, 0), (0, 0)


def cells(length: int, count: int) -> list[tuple[int, int]]:
    """List where each cell begins, and its length.

    >>> cells(7, 3), cells(2, 3)
    ([(0, 3), (2, 3), (4, 3)], [(0, 1), (0, 2), (1, 1)])
    """
    starts = [i * length // count for i in range(count)]
    ends = [-(-(i + 1) * length // count) for i in range(count)]
    return [(start, end - start) for start, end in zip(starts, ends)]


def means(x: Tensor, axis: int, count: int) -> tuple[Tensor, Pull]:
    """Compute the mean of each cell of an axis, and the pull of its cotangent."""
    length, rest = divmod(x.shape[axis], count)
    if not rest:

        def pull_even(dy: Tensor) -> Tensor:
            dx = alike(x, x.shape)
            _parted(dx, axis, count).copy_(dy.mul(1 / length).unsqueeze(axis))
            return dx

        return _parted(x, axis, count).mean(axis), pull_even
    found = cells(x.shape[axis], count)
    y = _room(x, axis, count)
    for i, (start, length) in enumerate(found):
        y.select(axis, i).copy_(x.narrow(axis, start, length).mean(axis))

    def pull(dy: Tensor) -> Tensor:
        dx = alike(x, x.shape).zero_()
        for i, (start, length) in enumerate(found):
            dx.narrow(axis, start, length).add_(dy.narrow(axis, i, 1), alpha=1 / length)
        return dx

    return y, pull


def largest(x: Tensor, axis: int, count: int) -> tuple[Tensor, Pull]:
    """Find the largest of each cell of an axis, the first of equal ones, and the pull."""
    length, rest = divmod(x.shape[axis], count)
    if not rest and 1 < length <= FEW:
        return _windowed(x, axis, length)
    if not rest:
        y, index = _parted(x, axis, count).max(axis, keepdim=True)

        def pull_even(dy: Tensor) -> Tensor:
            dx = alike(x, x.shape).zero_()
            _parted(dx, axis, count).scatter_(axis, index, dy.unsqueeze(axis))
            return dx

        return y.squeeze(axis), pull_even
    found = cells(x.shape[axis], count)
    y, chosen = _room(x, axis, count), []
    for i, (start, length) in enumerate(found):
        value, index = x.narrow(axis, start, length).max(axis, keepdim=True)
        y.narrow(axis, i, 1).copy_(value)
        chosen.append(index)

    def pull(dy: Tensor) -> Tensor:
        dx = alike(x, x.shape).zero_()
        for i, ((start, length), index) in enumerate(zip(found, chosen)):
            dx.narrow(axis, start, length).scatter_add_(axis, index, dy.narrow(axis, i, 1))
        return dx

    return y, pull


def _windowed(x: Tensor, axis: int, length: int) -> tuple[Tensor, Pull]:
    """Find the largest of cells of few numbers as those of windows that lie side by side."""
    size = (length, 1) if axis == -3 else (1, length)
    lone = x.ndim == 2
    y, pull = windowed(x.unsqueeze(0) if lone else x, Windows(size, size), NO_BORDER)
    if not lone:
        return y, pull
    return y.squeeze(0), lambda dy: pull(dy.unsqueeze(0)).squeeze(0)


def _parted(x: Tensor, axis: int, count: int) -> Tensor:
    """View an axis, counted from the end, as so many cells: theirs is the axis in its place."""
    parts = count, x.shape[axis] // count
    return x.unflatten(axis, parts)  # type: ignore[no-untyped-call,no-any-return]


def _room(x: Tensor, axis: int, count: int) -> Tensor:
    shape = list(x.shape)
    shape[axis] = count
    return alike(x, tuple(shape))
