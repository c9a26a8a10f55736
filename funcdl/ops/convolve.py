"""Convolution as a product of matrices, and its adjoint.

P(x) has a row for every window of an image x. Each of the three products is a derivative of the
others, so that two functions make up both convolution and its transpose:

    convolve: P(x) w and P(x)ᵀ dy        spread: Pᵀ(dy wᵀ)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from funcdl.ops.affine import Bias
from funcdl.ops.leading import align
from funcdl.ops.window import Windows, is_short, patches, seen, slot
from funcdl.tensor import Tensor

__all__ = ["Patches", "Pull", "convolve", "spread"]

# Beyond twice so many numbers, patches are made block by block: a block stays in the cache, where
# making it twice takes less time than fetching it from memory once.
BLOCK = 1 << 19
# From so many channels on, a product for each cell of a window is faster than one for all.
MANY_CHANNELS = 16

Pull = Callable[[Tensor, bool], "tuple[Tensor, Bias, Tensor | None]"]


class Patches:
    """P(x): all windows of images (*models, …, h, w, c) as the rows of a matrix for each model.

    A large one is never in memory all at once.
    """

    def __init__(self, x: Tensor, windows: Windows, models: int) -> None:
        self.windows, self.lead, self.models = windows, x.shape[:-3], x.shape[:models]
        self.size = windows.inside(x)
        self.area = self.size[0] * self.size[1]
        self.columns = windows.size[0] * windows.size[1] * x.shape[-1]
        each = self.area * self.columns
        self.whole = is_short(x, windows) or self.lead[models:].numel() * each <= 2 * BLOCK
        self.images = max(BLOCK // max(each, 1), 1)
        if self.whole:
            self.rows = patches(x, windows).reshape(*self.models, -1, self.columns)
        else:
            self.rows = seen(x.reshape(self.models.numel(), -1, *x.shape[-3:]), windows)

    def times(self, w: Tensor, b: Bias = ()) -> Tensor:
        """Compute P(x) w + b, (*models, …, h', w', out), of w (*models, columns, out)."""
        if self.whole:
            y = self.rows.matmul(w)
            if not isinstance(b, tuple):
                y.add_(align(b, y))
        else:
            count = self.rows.shape[:2].numel() * self.area
            y = w.new_empty((count, w.shape[-1]))
            w = self._by_model(w)
            each = b if isinstance(b, tuple) else b.reshape(-1, b.shape[-1])
            for m, start, cols in self._blocks():
                part = y.narrow(0, start, cols.shape[0]).addmm_(cols, w.select(0, m), beta=0)
                if not isinstance(each, tuple):
                    part.add_(each.select(0, m))
        return y.reshape(*self.lead, *self.size, w.shape[-1])

    def against(self, d: Tensor) -> Tensor:
        """Compute P(x)ᵀ d, (*models, columns, out), of d (*models, rows, out)."""
        if self.whole:
            return self.rows.mT.matmul(d)
        dw = d.new_zeros((*self.models, self.columns, d.shape[-1]))
        sums, d = self._by_model(dw), d.reshape(-1, d.shape[-1])
        for m, start, cols in self._blocks():
            sums.select(0, m).addmm_(cols.mT, d.narrow(0, start, cols.shape[0]))
        return dw

    def _by_model(self, t: Tensor) -> Tensor:
        return t.reshape(-1, *t.shape[-2:])

    def _blocks(self) -> Iterator[tuple[int, int, Tensor]]:
        """Make block after block in the same place; yield its model, its first row and itself."""
        models, count = self.rows.shape[:2]
        room = self.rows.new_empty((min(self.images, count), *self.rows.shape[2:]))
        matrix = room.view(-1, self.columns)
        for m, start, length in _pieces(models, count, self.images):
            room.narrow(0, 0, length).copy_(self.rows.select(0, m).narrow(0, start, length))
            first = (m * count + start) * self.area
            yield m, first, matrix.narrow(0, 0, length * self.area)


def _pieces(models: int, count: int, size: int) -> Iterator[tuple[int, int, int]]:
    """Cut the images of each model into pieces; yield model, first image and how many."""
    for m in range(models):
        for start in range(0, count, size):
            yield m, start, min(size, count - start)


def convolve(x: Tensor, w: Tensor, b: Bias, windows: Windows) -> tuple[Tensor, Pull]:
    """Compute `y = P(x) w + b`.

    Args:
        x: padded images (*models, …, h, w, in).
        w: (cells in, out), or (*models, cells in, out).
        b: (out,), or (*models, out); `()` for no bias.
        windows: how the windows lie.

    Returns:
        `y` of shape (*models, …, h', w', out), and `pull(dy, need_dx) -> (dw, db, dx)` with
        `dw = P(x)ᵀ dy`, `db = Σ dy` and `dx = Pᵀ(dy wᵀ)`.
    """
    rows = Patches(x, windows, w.ndim - 2)
    shape = x.shape

    def pull(dy: Tensor, need_dx: bool) -> tuple[Tensor, Bias, Tensor | None]:
        d = dy.reshape(*w.shape[:-2], -1, w.shape[-1])
        dw = rows.against(d)
        db = () if isinstance(b, tuple) else d.sum(-2)
        return dw, db, spread(dy, w, windows, shape) if need_dx else None

    return rows.times(w, b), pull


def spread(d: Tensor, w: Tensor, windows: Windows, shape: tuple[int, ...]) -> Tensor:
    """Compute `Pᵀ(d wᵀ)`: what `d` gives to each cell of its windows, added up.

    Args:
        d: (*models, …, h', w', out).
        w: (cells in, out), or (*models, cells in, out).
        windows: how the windows lie.
        shape: that of the padded images, (*models, …, h, w, in).
    """
    models, channels = w.ndim - 2, shape[-1]
    each = d.shape[-3] * d.shape[-2] * (channels if channels >= MANY_CHANNELS else w.shape[-2])
    x = d.new_zeros(shape)
    if d.shape[models:-3].numel() * each <= BLOCK:
        _add(x, d, w, windows)
        return x
    images, size = x.view(w.shape[:-2].numel(), -1, *shape[-3:]), max(BLOCK // each, 1)
    parts = d.reshape(*images.shape[:2], *d.shape[-3:])
    matrices = w.reshape(-1, *w.shape[-2:])
    for m, start, length in _pieces(images.shape[0], images.shape[1], size):
        part, given = (t.select(0, m).narrow(0, start, length) for t in (images, parts))
        _add(part, given, matrices.select(0, m), windows)
    return x


def _add(x: Tensor, d: Tensor, w: Tensor, windows: Windows) -> None:
    """Add Pᵀ(d wᵀ) to x."""
    rows = d.reshape(*w.shape[:-2], -1, w.shape[-1])
    channels, size = x.shape[-1], (d.shape[-3], d.shape[-2])
    cols = None
    if channels < MANY_CHANNELS:
        cols = rows.matmul(w.mT).reshape(*d.shape[:-1], w.shape[-2] // channels, channels)
    for k, cell in enumerate(windows.cells()):
        target = slot(x, cell, size, windows.stride)
        if cols is None:
            share = rows.matmul(w.narrow(-2, k * channels, channels).mT).reshape(target.shape)
        else:
            share = cols.select(-2, k)
        target.add_(share)
