"""The affine map `x w + b` on the last axis, for one model or for many at once."""

from __future__ import annotations

from collections.abc import Callable

from funcdl.tensor import Tensor

__all__ = ["Bias", "Pullback", "affine"]

Bias = Tensor | tuple[()]
Pullback = Callable[[Tensor, bool], "tuple[Tensor, Bias, Tensor | None]"]


def affine(x: Tensor, w: Tensor, b: Bias) -> tuple[Tensor, Pullback]:
    """Compute `y = x w + b`.

    Args:
        x: (…, in). Where `w` has leading model axes, `x` begins with the same ones.
        w: (in, out), or (*models, in, out).
        b: (out,), or (*models, out); `()` for no bias.

    Returns:
        `y` of shape (…, out), and `pull(dy, need_dx) -> (dw, db, dx)` with
        `dw = xᵀ dy`, `db = Σ dy` and `dx = dy wᵀ`, sums over all axes but the models' and the last.
    """
    shape, axes = w.shape, w.ndim
    plain = x.ndim == axes
    rows = x if plain else x.reshape(*shape[:-2], -1, shape[-2])
    y = rows.mm(w) if axes == 2 else rows.matmul(w)
    if not isinstance(b, tuple):
        wide = b if axes == 2 else b.unsqueeze(-2)
        if y.element_size() < 4 and axes < 4:
            # The product is rounded, and may overflow, only after the bias has been added.
            y = wide.addmm(rows, w) if axes == 2 else wide.baddbmm(rows, w)
        else:
            y.add_(wide)

    def pull(dy: Tensor, need_dx: bool) -> tuple[Tensor, Bias, Tensor | None]:
        d = dy if plain else dy.reshape(*shape[:-2], -1, shape[-1])
        dw = rows.mT.mm(d) if axes == 2 else rows.mT.matmul(d)
        db = () if isinstance(b, tuple) else d.sum(-2)
        if not need_dx:
            return dw, db, None
        dx = d.mm(w.mT) if axes == 2 else d.matmul(w.mT)
        return dw, db, dx if plain else dx.reshape(x.shape)

    return (y if plain else y.reshape(x.shape[:-1] + shape[-1:])), pull
