"""Convolution by patches: what each window sees is a row of a matrix, made a block at a time.

For images that are kept image after image (…, h, w, c). There a row of a window is one run of
memory, and a block of windows is copied into a matrix P that stays in the cache (see
`funcdl.ops.blocks`) until it has been multiplied:

    y = P w        dw = Σ Pᵀ dy        dx = Σ Pᵀ(dy wᵀ)

On the way back, Pᵀ adds dy wᵀ up where the windows were, a few of their cells at a time: as many
beside each other as the stride has steps. Those of neighbouring windows then lie side by side, one
run of memory, and share no pixel.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

from funcdl.ops.blocks import blocks
from funcdl.ops.window import Windows
from funcdl.tensor import Tensor

Places = tuple[slice, ...]

__all__ = ["Patches", "lanes", "patches", "spread_patches"]


class Patches:
    """Windows on images as usual, (m, n, h, w, in)."""

    def __init__(self, x: Tensor, windows: Windows) -> None:
        self.x, self.windows, self.seen = x, windows, patches(x, windows)

    def times(self, w: Tensor) -> tuple[Tensor, Any]:
        """Compute the convolution with w (m, cells in, out): (m, n, h', w', out)."""
        y = self.x.new_empty((*self.seen.shape[:4], w.shape[-1]))
        for at, rows in self._blocks():
            flat(y[at]).baddbmm_(rows, w[at[0]], beta=0)
        return y, None

    def against(self, d: Tensor) -> Tensor:
        """Compute dw (m, cells in, out) of d (m, n, h', w', out)."""
        dw = d.new_zeros((len(d), prod(self.seen.shape[4:]), d.shape[-1]))
        for at, rows in self._blocks():
            dw[at[0]].baddbmm_(rows.mT, flat(d[at]))
        return dw

    def both(self, w: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
        """Compute `times` and `against`, each block of patches made once."""
        y, dw = d.new_empty((*self.seen.shape[:4], w.shape[-1])), w.new_zeros(w.shape)
        for at, rows in self._blocks():
            flat(y[at]).baddbmm_(rows, w[at[0]], beta=0)
            dw[at[0]].baddbmm_(rows.mT, flat(d[at]))
        return y, dw

    def pull(self, d: Tensor, w: Tensor, _: Any, need_dx: bool) -> tuple[Tensor, Tensor | None]:
        """Compute dw and dx of d (m, n, h', w', out)."""
        shape = tuple(self.x.shape)
        return self.against(d), spread_patches(d, w, self.windows, shape) if need_dx else None

    def _blocks(self) -> Iterator[tuple[Places, Tensor]]:
        """Give the blocks of windows, each with its rows (m, windows, cells in)."""
        room = None
        for at in places(self.seen, prod(self.seen.shape[3:])):
            seen = self.seen[at]
            if seen.is_contiguous():
                yield at, flat(seen, 3)
                continue
            room = seen.new_empty(seen.shape) if room is None else room
            made = within(room, seen)
            # A row of the windows at a time: more of the runs then follow one another.
            for into, row in zip(made.unbind(4), seen.unbind(4)):
                into.copy_(row)
            yield at, flat(made, 3)


def places(seen: Tensor, each: int) -> Iterator[Places]:
    """Cut windows (m, n, h', w', …) into blocks, of so many numbers for a row of windows."""
    return blocks(tuple(seen.shape[:3]), each * seen.element_size())


def within(room: Tensor, like: Tensor) -> Tensor:
    """View the beginning of some room in the shape of a block; the first block is the largest."""
    if room.shape == like.shape:
        return room
    return room.flatten().narrow(0, 0, like.numel()).view(like.shape)


def patches(x: Tensor, windows: Windows) -> Tensor:
    """View what all windows see of x (m, n, h, w, c): (m, n, h', w', rows, columns, c)."""
    (high, wide), (down, across) = windows.span(), windows.dilation
    seen = x.unfold(2, high, windows.stride[0]).unfold(3, wide, windows.stride[1])
    return seen[..., ::down, ::across].movedim(4, -1)


def flat(t: Tensor, last: int = 1) -> Tensor:
    """View (m, n, h', w', …) as matrices (m, n h' w', …), the last axes as one."""
    return t.view(len(t), t.shape[1] * t.shape[2] * t.shape[3], prod(t.shape[-last:]))


def spread_patches(d: Tensor, w: Tensor, windows: Windows, shape: tuple[int, ...]) -> Tensor:
    """Compute dx of shape (m, n, h, w, in) of d (m, n, h', w', out)."""
    dx, inputs, (down, across) = d.new_empty(shape), shape[-1], windows.stride
    parts, room = lanes(patches(dx, windows), w.mT, windows), None
    each = d.shape[3] * (d.shape[4] + across * inputs) + down * shape[3] * inputs
    tiled = windows.tile(dx)
    for at in places(d, each):
        rows = flat(d[at])
        if at[2].start == 0 and not tiled:
            dx[at[:2]].zero_()
        for lane, weights in parts:
            to = lane[at]
            room = to.new_empty(to.shape) if room is None else room
            share = within(room, to)
            flat(share, 2).baddbmm_(rows, weights[at[0]], beta=0)
            if tiled:
                to.copy_(share)
            else:
                to.add_(share)
    return dx


def lanes(seen: Tensor, w: Tensor, windows: Windows) -> list[tuple[Tensor, Tensor]]:
    """Cut the cells of all windows into parts that share no pixel, each with its weights."""
    (rows, columns, inputs), kept = seen.shape[-3:], []
    beside = windows.stride[1] if windows.dilation[1] == 1 else 1
    for i, j in product(range(rows), range(0, columns, beside)):
        wide = min(beside, columns - j)
        weights = w.narrow(-1, (i * columns + j) * inputs, wide * inputs)
        kept.append((seen.select(4, i).narrow(4, j, wide), weights))
    return kept
