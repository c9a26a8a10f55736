"""The largest of each window, and the mean of each, over channels-last images."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from funcdl.ops.border import Sides, bordered, unbordered
from funcdl.ops.choose import BITS
from funcdl.ops.order import alike
from funcdl.ops.window import Windows, slot
from funcdl.tensor import Tensor, empty

__all__ = ["largest", "means"]

Pull = Callable[[Tensor], Tensor]


def largest(x: Tensor, windows: Windows, sides: Sides) -> tuple[Tensor, Pull]:
    """Find the largest of each window, the first of equal ones, and the pull of its cotangent.

    Args:
        x: (…, h, w, c).
        windows: how they lie on the image with its border.
        sides: of a border of −∞.
    """
    cells, step = windows.cells(), windows.stride
    padded = bordered(x, sides, value=-math.inf)
    out = windows.inside(padded)
    views = [slot(padded, cell, out, step) for cell in cells]
    y = views[0].clone() if len(views) == 1 else views[0].maximum(views[1])
    for view in views[2:]:
        y.clamp_min_(view)
    tiled = windows.tile(padded)

    def pull(dy: Tensor) -> Tensor:
        # By bits: the largest is one of them, NaN too; and 0 times an infinite dy is not 0.
        bits = BITS[x.element_size()]
        seen, largest = bordered(x.view(bits), sides, value=-1), y.view(bits)
        dx, rest = alike(padded, padded.shape), alike(y, dy.shape).copy_(dy)
        room, left = alike(y, dy.shape).view(bits), rest.view(bits)
        if not tiled:
            dx.zero_()
        for cell in cells[:-1]:
            target = slot(dx, cell, out, step)
            share = target.view(bits) if tiled else room
            share.copy_(slot(seen, cell, out, step)).eq_(largest).mul_(left)
            left.bitwise_xor_(share)
            if not tiled:
                target.add_(share.view(x.dtype))
        last = slot(dx, cells[-1], out, step)
        if tiled:
            last.copy_(rest)
        else:
            last.add_(rest)
        return unbordered(dx, sides)

    return y, pull


def means(
    x: Tensor, windows: Windows, sides: Sides, counts: tuple[tuple[int, ...], ...]
) -> tuple[Tensor, Pull]:
    """Compute the mean of each window, and the pull of its cotangent.

    Args:
        x: (…, h, w, c).
        windows: how they lie on the image with its border.
        sides: of a border of zeros.
        counts: down and across, by how much the sum of each window is divided; where that is the
            same for all of an axis, one number.
    """
    cells, step = windows.cells(), windows.stride
    x = bordered(x, sides)
    out = windows.inside(x)
    # Down first: that goes by whole rows, and leaves less to be done across.
    tall, wide = (windows.size[0], 1), (1, windows.size[1])
    y = _total(_total(x, Windows(tall, (step[0], 1))), Windows(wide, (1, step[1])))
    down, across = counts
    alone = len(down) == len(across) == 1
    factor: Any = 1 / (down[0] * across[0]) if alone else _shares(counts, y.dtype, y.device)
    y.mul_(factor)
    tiled = windows.tile(x)

    def pull(dy: Tensor) -> Tensor:
        dx = alike(x, x.shape) if tiled else alike(x, x.shape).zero_()
        share = dy.mul(factor)
        for cell in cells:
            target = slot(dx, cell, out, step)
            if tiled:
                target.copy_(share)
            else:
                target.add_(share)
        return unbordered(dx, sides)

    return y, pull


def _total(x: Tensor, windows: Windows) -> Tensor:
    out = windows.inside(x)
    views = [slot(x, cell, out, windows.stride) for cell in windows.cells()]
    y = views[0].add(views[1]) if len(views) > 1 else views[0].clone()
    for view in views[2:]:
        y.add_(view)
    return y


@lru_cache
def _shares(counts: tuple[tuple[int, ...], ...], dtype: Any, device: Any) -> Tensor:
    """Make the factor of each window, (down, across, 1)."""
    down, across = counts
    shares = [[[1 / (row * column)] for column in across] for row in down]
    return empty(0).double().new_tensor(shares).to(device, dtype)
