"""Blocks of images: so much at a time as stays in a core's own cache between two calls.

A call on more than the cache holds fetches its numbers from memory that is two or three times
slower, and so does the next one. Where a layer makes several calls, it makes them all on a few
images, then on the next few.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from funcdl.tensor import Tensor

__all__ = ["blocks", "together", "usual"]

ROOM = 2**20
"""The bytes of a block: a share of the cache of 1 or 2 MB that a core of today has to itself."""


def blocks(shape: tuple[int, ...], each: int) -> Iterator[tuple[slice, ...]]:
    """Cut axes into blocks that fit in the cache, or as small as can be.

    Args:
        shape: the lengths of some axes, the outermost first.
        each: the bytes that go with one place on all of them.

    Yields:
        A slice for each axis. An inner axis is cut only where the outer ones are at single places.

    >>> [(rows.start, rows.stop) for (rows,) in blocks((5,), 2**18)]
    [(0, 3), (3, 5)]
    """
    cuts = []
    for length in reversed(shape):
        most = max(1, min(length, ROOM // max(each, 1)))
        count = -(-length // most)
        step = -(-length // max(count, 1))
        cuts.append([slice(at, min(at + step, length)) for at in range(0, length, max(step, 1))])
        each *= max(length, 1)
    return product(*reversed(cuts))


def together(each: int, *tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Cut tensors along their first axis into blocks, of so many bytes for a place on it."""
    count = len(tensors[0])
    step = next(blocks((count,), each))[0].stop
    for at in range(0, count, step):
        # A view by itself, which may be written in where autograd watches: of several at once no.
        yield tuple(t.narrow(0, at, min(step, count - at)) for t in tensors)


def usual(x: Tensor) -> bool:
    """Tell whether images (…, h, w, c) are kept image after image, as a new tensor is."""
    return x.is_contiguous()
