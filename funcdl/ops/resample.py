"""Reading an axis at other places than its own: at the nearest, or between its two neighbours.

Where n numbers are read off an axis of length l, the k-th is at the place

    k s               where the first and the last ones fall together, with s = (l − 1) / (n − 1)
    (k + ½) s − ½     where the axes begin and end together, each number in the middle of its cell

with s = l / n, and no place is outside. The nearest one is number ⌊k s⌋.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from struct import pack, unpack
from typing import Any

from funcdl.ops.order import alike
from funcdl.tensor import Tensor, empty

__all__ = ["Step", "linear", "nearest"]

Step = float | Fraction
"""From one number that is read to the next. A float is one as PyTorch has it, in float32, which may
be a little less than what was meant."""

Pull = Callable[[Tensor], Tensor]


def nearest(x: Tensor, axis: int, count: int, step: Step) -> tuple[Tensor, Pull]:
    """Read the nearest numbers of an axis; gives the pull of their cotangent too."""
    index, shape = _nearest_of(x.shape[axis], count, step, x.device), x.shape

    def pull(dy: Tensor) -> Tensor:
        return dy.new_zeros(shape).index_add_(axis, index, dy)

    return x.index_select(axis, index), pull


def linear(x: Tensor, axis: int, count: int, step: Step, corners: bool) -> tuple[Tensor, Pull]:
    """Read an axis between its numbers: y = (1 − t) x_i + t x_j, and the pull of dy."""
    factor, over = divmod(count, x.shape[axis])
    if not over and not corners and float(step) == 1 / factor:
        return _between(x, axis, factor)
    read = _linear_of(x.shape[axis], count, step, corners, x.dtype, x.device)
    below, above = read[:2]
    rest, t = (weight.view(-1, *[1] * (-axis - 1)) for weight in read[2:])
    shape = x.shape

    def pull(dy: Tensor) -> Tensor:
        dx = dy.new_zeros(shape).index_add_(axis, below, dy.mul(rest))
        return dx.index_add_(axis, above, dy.mul(t))

    y = x.index_select(axis, below).mul_(rest)
    return y.addcmul_(x.index_select(axis, above), t), pull


def _between(x: Tensor, axis: int, factor: int) -> tuple[Tensor, Pull]:
    """Read `factor` numbers in the cell of each number of an axis.

    The j-th of each is at the place p = (j + ½) / factor − ½ from the middle of the cell:

        y_ij = (1 − |p|) x_i + |p| x_n        n = i − 1 where p < 0, and else i + 1

    so that each j is read at once, and where there is no such n, y_ij = x_i.
    """
    length, shape = x.shape[axis], list(x.shape)
    shape[axis] = length * factor
    places = [Fraction(2 * j + 1, 2 * factor) - Fraction(1, 2) for j in range(factor)]
    inner = length - 1

    def each(t: Tensor) -> Iterator[tuple[Tensor, float, int, int]]:
        parts: Any = t.unflatten(axis, (length, factor))  # type: ignore[no-untyped-call]
        for j, place in enumerate(places):
            before = int(place < 0)
            # Of the cells from `before` on, the neighbours are from 1 − before on.
            yield parts.select(axis, j), abs(float(place)), before, 1 - before

    def pull(dy: Tensor) -> Tensor:
        dx = alike(x, x.shape).zero_()
        for part, share, here, there in each(dy):
            end = inner * there
            dx.add_(part, alpha=1 - share)
            dx.narrow(axis, there, inner).add_(part.narrow(axis, here, inner), alpha=share)
            dx.narrow(axis, end, 1).add_(part.narrow(axis, end, 1), alpha=share)
        return dx

    y = alike(x, tuple(shape))
    for part, share, here, there in each(y):
        end = inner * there
        part.copy_(x).mul_(1 - share)
        part.narrow(axis, here, inner).add_(x.narrow(axis, there, inner), alpha=share)
        part.narrow(axis, end, 1).copy_(x.narrow(axis, end, 1))
    return y, pull


def _nearest(length: int, count: int, step: Step) -> tuple[int, ...]:
    """List the nearest places.

    >>> _nearest(3, 5, Fraction(3, 5)), _nearest(3, 5, 0.6)
    ((0, 0, 1, 1, 2), (0, 0, 1, 1, 2))
    """
    if isinstance(step, Fraction):
        found = (int(k * step) for k in range(count))
    else:
        single = _single(step)
        found = (int(_single(k * single)) for k in range(count))
    return tuple(min(place, length - 1) for place in found)


def _linear(length: int, count: int, step: Step, corners: bool) -> tuple[tuple[Any, ...], ...]:
    """List the neighbours below and above each place, and how far it is from the first.

    >>> _linear(2, 4, Fraction(1, 2), False)
    ((0, 0, 0, 1), (1, 1, 1, 1), (0.0, 0.25, 0.75, 0.25))
    """
    half = 0 if corners else Fraction(1, 2)
    low, high, part = [], [], []
    for k in range(count):
        place = max((k + half) * step - half, 0)
        low.append(min(int(place), length - 1))
        high.append(min(low[-1] + 1, length - 1))
        part.append(float(min(max(place - low[-1], 0), 1)))
    return tuple(low), tuple(high), tuple(part)


def _single(value: float) -> float:
    """Round to float32."""
    return float(unpack("f", pack("f", value))[0])


@lru_cache
def _nearest_of(length: int, count: int, step: Step, device: Any) -> Tensor:
    return empty(0).long().new_tensor(_nearest(length, count, step)).to(device)


@lru_cache
def _linear_of(
    length: int, count: int, step: Step, corners: bool, dtype: Any, device: Any
) -> tuple[Tensor, ...]:
    low, high, part = _linear(length, count, step, corners)
    below, above = (empty(0).long().new_tensor(places).to(device) for places in (low, high))
    t = empty(0).double().new_tensor(part)
    return below, above, (1 - t).to(device, dtype), t.to(device, dtype)
