"""Convolution of each channel by itself, cell by cell: no sum over channels makes it a product."""

from __future__ import annotations

from collections.abc import Iterable

from funcdl.ops.affine import Bias
from funcdl.ops.blocks import together, usual
from funcdl.ops.convolve import Pull
from funcdl.ops.leading import align, total
from funcdl.ops.order import alike
from funcdl.ops.window import Windows, slot
from funcdl.tensor import Tensor

__all__ = ["depthwise"]


def depthwise(x: Tensor, w: Tensor, b: Bias, windows: Windows) -> tuple[Tensor, Pull]:
    """Compute `y = Σₖ xₖ wₖ + b`, where xₖ is what each window sees in its k-th cell.

    Args:
        x: padded images (*models, …, h, w, c).
        w: (cells, c), or (*models, cells, c).
        b: (c,), or (*models, c); `()` for no bias.
        windows: how the windows lie.

    Returns:
        `y` of shape (*models, …, h', w', c), and `pull(dy, need_dx) -> (dw, db, dx)` with
        `dwₖ = Σ xₖ dy`, `db = Σ dy` and dx the sum of `wₖ dy`, each where xₖ was seen.
    """
    size, cells = windows.inside(x), windows.cells()
    views = [slot(x, cell, size, windows.stride) for cell in cells]
    # A row of weights as wide as the output makes each row of the image one run of memory.
    wide = [_row(align(w.select(-2, k), x), size[1]) for k in range(len(cells))]
    begin = None if isinstance(b, tuple) else _row(align(b, x), size[1])
    whole = w.ndim > 2 or x.ndim < 4 or not x.numel() or not usual(x)
    each = x.numel() * x.element_size() // max(len(x), 1)

    def cut(times: int, *tensors: Tensor) -> Iterable[tuple[Tensor, ...]]:
        return [tensors] if whole else together(times * each, *tensors)

    y = alike(x, views[0].shape)
    for into, *seen in cut(2, y, *views):
        if begin is None:
            into.zero_()
        else:
            into.copy_(begin.expand(into.shape))
        for view, factor in zip(seen, wide):
            into.addcmul_(view, factor)

    def pull(dy: Tensor, need_dx: bool) -> tuple[Tensor, Bias, Tensor | None]:
        dw = w.new_zeros(w.shape)
        for d, *seen in cut(2, dy, *views):
            for k, view in enumerate(seen):
                one = dw.select(-2, k)
                one.add_(total(view.mul(d), one))
        db = () if isinstance(b, tuple) else total(dy, b)
        if not need_dx:
            return dw, db, None
        dx = alike(x, x.shape)
        targets = [slot(dx, cell, size, windows.stride) for cell in cells]
        for into, d, *parts in cut(2, dx, dy, *targets):
            into.zero_()
            for part, factor in zip(parts, wide):
                part.addcmul_(d, factor)
        return dw, db, dx

    return y, pull


def _row(w: Tensor, width: int) -> Tensor:
    """Repeat a weight of shape (c,) or (*models, 1, …, 1, c) along the axis before the last."""
    w = w.unsqueeze(0) if w.ndim == 1 else w
    return w.expand(*w.shape[:-2], width, w.shape[-1]).contiguous()
