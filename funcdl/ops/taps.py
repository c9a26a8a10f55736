"""Convolution tap by tap: what all windows see at one cell of themselves is a view.

Two ways, for many channels and for few. In memory that runs pixel by pixel (see
`funcdl.ops.order`) the k-th cell of all windows is a view x_k with rows of contiguous matrices, and

    y = Σ_k x_k w_k        dw_k = x_kᵀ dy        dx_k += dy w_kᵀ

are products of such matrices; nothing is copied together. With few channels these would be thin:
there the planes x_k of all cells and channels, each a long run, are copied below each other to one
matrix P, and y = Pᵀ w is one product. With a row of ones below them so is y = [P; 1]ᵀ [w; b], and
[P; 1] dy is dw and, in its last row, db.
"""

from __future__ import annotations

from typing import Any

from funcdl.ops.layout import cat
from funcdl.ops.window import Pair, Windows, slot
from funcdl.tensor import Tensor

__all__ = ["Planes", "Taps", "spread_planes", "spread_taps"]


class Taps:
    """Windows on images pixel by pixel, (m, h, w, n, in), of many channels."""

    def __init__(self, x: Tensor, windows: Windows) -> None:
        self.x, self.windows = x, windows
        self.size = windows.rows(x.shape[1]), windows.columns(x.shape[2])

    def seen(self, cell: Pair) -> Tensor:
        """View, or copy, the cell of all windows: (m, h', w' n, in)."""
        return slot(self.x, cell, self.size, self.windows.stride, -4).flatten(2, 3)

    def times(self, w: Tensor) -> tuple[Tensor, Any]:
        """Compute the convolution with w (m, cells in, out): (m, h', w', n, out)."""
        models, inputs, outputs = self.x.shape[0], self.x.shape[-1], w.shape[-1]
        y = self.x.new_empty((models, *self.size, self.x.shape[3], outputs))
        rows = y.flatten(2, 3)
        for k, cell in enumerate(self.windows.cells()):
            matrix = w.narrow(1, k * inputs, inputs)
            for to, seen, one in zip(rows.unbind(0), self.seen(cell).unbind(0), matrix.unbind(0)):
                to.baddbmm_(seen, one.expand(len(to), inputs, outputs), beta=min(k, 1))
        return y, None

    def pull(self, d: Tensor, w: Tensor, _: Any, need_dx: bool) -> tuple[Tensor, Tensor | None]:
        """Compute dw and dx of d (m, h', w', n, out)."""
        shape = tuple(self.x.shape)
        return self.against(d), spread_taps(d, w, self.windows, shape) if need_dx else None

    def against(self, d: Tensor) -> Tensor:
        """Compute dw (m, cells in, out) of d (m, h', w', n, out)."""
        rows = d.flatten(2, 3)
        return cat([self.seen(cell).mT.matmul(rows).sum(1) for cell in self.windows.cells()], 1)


def spread_taps(d: Tensor, w: Tensor, windows: Windows, shape: tuple[int, ...]) -> Tensor:
    """Compute dx of shape (m, h, w, n, in) of d (m, h', w', n, out)."""
    dx, inputs = d.new_zeros(shape), shape[-1]
    rows = d.reshape(len(d), -1, d.shape[-1])
    for k, cell in enumerate(windows.cells()):
        share = rows.bmm(w.narrow(1, k * inputs, inputs).mT)
        seen = slot(dx, cell, (d.shape[1], d.shape[2]), windows.stride, -4)
        seen.add_(share.view(seen.shape))
    return dx


class Planes:
    """Windows on images plane by plane, (m, in, h, w, n), of few channels.

    With `ones` there is a row of them below the planes, and w has a row more: the bias.
    """

    def __init__(self, x: Tensor, windows: Windows, ones: bool = False) -> None:
        cells, (models, inputs, height, width, batch) = windows.cells(), x.shape
        self.windows, self.shape = windows, (models, height, width, batch, inputs)
        self.size = windows.rows(height), windows.columns(width)
        count = len(cells) * inputs
        self.rows = x.new_empty((models, count + ones, self.size[0] * self.size[1] * batch))
        below = (models, len(cells), inputs, *self.size, batch)
        planes = self.rows.narrow(1, 0, count).view(below)
        for k, cell in enumerate(cells):
            planes.select(1, k).copy_(slot(x, cell, self.size, windows.stride))
        if ones:
            self.rows.select(1, count).fill_(1)

    def times(self, w: Tensor) -> tuple[Tensor, Any]:
        """Compute the convolution with w (m, rows, out): (m, h', w', n, out)."""
        return self.rows.mT.bmm(w).view(len(w), *self.size, self.shape[3], w.shape[-1]), None

    def pull(self, d: Tensor, w: Tensor, _: Any, need_dx: bool) -> tuple[Tensor, Tensor | None]:
        """Compute dw and dx of d (m, h', w', n, out)."""
        dw = self.against(d)
        return dw, spread_planes(d, w, self.windows, self.shape) if need_dx else None

    def against(self, d: Tensor) -> Tensor:
        """Compute dw (m, rows, out) of d (m, h', w', n, out)."""
        return self.rows.bmm(d.reshape(len(d), -1, d.shape[-1]))


def spread_planes(d: Tensor, w: Tensor, windows: Windows, shape: tuple[int, ...]) -> Tensor:
    """Compute dx of shape (m, h, w, n, in) of d (m, h', w', n, out); w may have a bias's row."""
    models, height, width, batch, inputs = shape
    cells = windows.cells()
    rows = w.narrow(1, 0, len(cells) * inputs).bmm(d.reshape(len(d), -1, d.shape[-1]).mT)
    each = rows.view(models, len(cells), inputs, d.shape[1], d.shape[2], batch)
    dx = d.new_zeros((models, inputs, height, width, batch))
    for k, cell in enumerate(cells):
        slot(dx, cell, (d.shape[1], d.shape[2]), windows.stride).add_(each.select(1, k))
    return dx.permute(0, 2, 3, 4, 1)
