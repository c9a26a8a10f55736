"""Borders around images and sequences: of one number, or of what they hold themselves.

Their axes are the last ones before the channels. Numbers of a border below 0 cut so much off first.
"""

from __future__ import annotations

from collections.abc import Iterator

from funcdl.ops.order import alike
from funcdl.tensor import Tensor

__all__ = ["CONSTANT", "MODES", "Sides", "bordered", "shortest", "unbordered"]

Sides = tuple[tuple[int, int], ...]
"""For each axis, how many are added before and after."""

CONSTANT = "constant"
MODES = (CONSTANT, "reflect", "replicate", "circular")


def bordered(x: Tensor, sides: Sides, mode: str = CONSTANT, value: float = 0.0) -> Tensor:
    """Surround images or sequences with a border.

    Args:
        x: (…, *lengths, channels).
        sides: for each axis of `lengths`.
        mode: what the border is made of: `value`, the numbers in front of it in reverse (the
            outermost left out), the outermost, or those of the other end.
        value: of a constant border.
    """
    if not any(map(any, sides)):
        return x
    x, grown = _uncut(x, sides), _grown(sides)
    if not any(map(any, grown)):
        return x
    shape, first = list(x.shape), -len(sides) - 1
    for axis, side in enumerate(grown, first):
        shape[axis] += sum(side)
    y = alike(x, tuple(shape))
    views = _inside(y, grown)
    if mode == CONSTANT:
        y.fill_(value)
    views[-1].copy_(x)
    if mode != CONSTANT:
        for axis in reversed(range(len(grown))):
            for edge, source in _edges(views[axis], first + axis, grown[axis], mode):
                edge.copy_(source.flip(first + axis) if mode == "reflect" else source)
    return y


def unbordered(dy: Tensor, sides: Sides, mode: str = CONSTANT) -> Tensor:
    """Give each number what the border and the inside have of it: the adjoint of `bordered`."""
    if not any(map(any, sides)):
        return dy
    grown, first = _grown(sides), -len(sides) - 1
    if mode != CONSTANT and any(map(any, grown)):
        dy = dy.clone()
        views = _inside(dy, grown)
        for axis in range(len(grown)):
            for edge, source in _edges(views[axis], first + axis, grown[axis], mode):
                if mode == "reflect":
                    source.add_(edge.flip(first + axis))
                elif mode == "replicate":
                    source.add_(edge.sum(first + axis, keepdim=True))
                else:
                    source.add_(edge)
    dy = _inside(dy, grown)[-1]
    cut = tuple((max(-before, 0), max(-after, 0)) for before, after in sides)
    return bordered(dy, cut)


def shortest(side: tuple[int, int], mode: str) -> int:
    """Return the smallest length that has such a border, at least 1.

    >>> shortest((2, 1), "reflect"), shortest((2, -1), "circular"), shortest((2, 1), "constant")
    (3, 3, 1)
    """
    cut = sum(max(-each, 0) for each in side)
    return cut + max({"reflect": max(side) + 1, "circular": max(side)}.get(mode, 1), 1)


def _grown(sides: Sides) -> Sides:
    """Leave out what cuts."""
    return tuple((max(before, 0), max(after, 0)) for before, after in sides)


def _uncut(x: Tensor, sides: Sides) -> Tensor:
    """View what numbers below 0 leave."""
    return _inside(x, tuple((max(-before, 0), max(-after, 0)) for before, after in sides))[-1]


def _inside(y: Tensor, sides: Sides) -> list[Tensor]:
    """View the inside of the first k axes, for k from 0 on to all of them."""
    views = [y]
    for axis, (before, after) in enumerate(sides, -len(sides) - 1):
        length = y.shape[axis] - before - after
        views.append(views[-1].narrow(axis, before, length) if before or after else views[-1])
    return views


def _edges(
    t: Tensor, axis: int, side: tuple[int, int], mode: str
) -> Iterator[tuple[Tensor, Tensor]]:
    """View both ends of an axis, each with what it is made of: one number of it, or as many."""
    before, after = side
    length = t.shape[axis] - before - after
    from_front = {"reflect": before + 1, "replicate": before, "circular": length}[mode]
    last = before + length - 1
    from_back = {"reflect": last - after, "replicate": last, "circular": before}[mode]
    if before:
        count = 1 if mode == "replicate" else before
        yield t.narrow(axis, 0, before), t.narrow(axis, from_front, count)
    if after:
        count = 1 if mode == "replicate" else after
        yield t.narrow(axis, before + length, after), t.narrow(axis, from_back, count)
