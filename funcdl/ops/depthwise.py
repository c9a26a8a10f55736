"""Convolution of each channel by itself, cell by cell: no sum over channels makes it a product."""

from __future__ import annotations

from funcdl.ops.affine import Bias
from funcdl.ops.convolve import Pull
from funcdl.ops.leading import align, total
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
    weights = [w.select(-2, k) for k in range(len(cells))]
    # A row of weights as wide as the output makes each row of the image one run of memory.
    wide = [_row(align(one, x), size[1]) for one in weights]
    y = views[0].mul(wide[0])
    for view, factor in zip(views[1:], wide[1:]):
        y.addcmul_(view, factor)
    if not isinstance(b, tuple):
        y.add_(align(b, y))

    def pull(dy: Tensor, need_dx: bool) -> tuple[Tensor, Bias, Tensor | None]:
        dw = w.new_empty(w.shape)
        for k, (view, one) in enumerate(zip(views, weights)):
            # Over one axis first: its sum runs along complete rows.
            dw.select(-2, k).copy_(total(view.mul(dy).sum(w.ndim - 2), one))
        db = () if isinstance(b, tuple) else total(dy, b)
        if not need_dx:
            return dw, db, None
        dx = dy.new_zeros(x.shape)
        for cell, factor in zip(cells, wide):
            slot(dx, cell, size, windows.stride).addcmul_(dy, factor)
        return dw, db, dx

    return y, pull


def _row(w: Tensor, width: int) -> Tensor:
    """Repeat a weight of shape (c,) or (*models, 1, …, 1, c) along the axis before the last."""
    w = w.unsqueeze(0) if w.ndim == 1 else w
    return w.expand(*w.shape[:-2], width, w.shape[-1]).contiguous()
