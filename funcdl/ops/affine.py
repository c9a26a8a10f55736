"""The affine map `x w + b` on the last axis, for one model or for many at once."""

from __future__ import annotations

from collections.abc import Callable

from funcdl.tensor import Tensor

__all__ = ["Pullback", "affine"]

Pullback = Callable[[Tensor, bool], "tuple[Tensor, Tensor | None, Tensor | None]"]


def affine(x: Tensor, w: Tensor, b: Tensor | None) -> tuple[Tensor, Pullback]:
    """Compute `y = x w + b`.

    Args:
        x: (…, in). Where `w` has leading model axes, `x` begins with the same ones.
        w: (in, out), or (*models, in, out).
        b: (out,), or (*models, out); None for no bias.

    Returns:
        `y` of shape (…, out), and `pull(dy, need_dx) -> (dw, db, dx)` with
        `dw = xᵀ dy`, `db = Σ dy` and `dx = dy wᵀ`, sums over all axes but the models' and the last.

    Raises:
        ValueError: w has too few axes, x does not begin with the models' axes, b is of another
            shape or dtype, or one of the three is on another device.
    """
    axes, shape = w.ndim, w.shape
    if axes != 2:
        if axes < 2:
            raise ValueError("expected w to have two axes or more")
        if x.shape[: axes - 2] != shape[:-2]:
            raise ValueError(f"expected x to begin with the models' axes {tuple(shape[:-2])}")
    # torch multiplies what is on the meta device by what is not, and gives any numbers.
    meta = x.is_meta
    if w.is_meta is not meta or (b is not None and b.is_meta is not meta):
        raise ValueError("expected all on one device")
    plain = x.ndim == axes
    rows = x if plain else x.reshape(*shape[:-2], -1, x.shape[-1])
    y = rows.matmul(w)
    if b is not None:
        if b.dtype is not y.dtype:
            raise ValueError(f"expected b to be {y.dtype}")
        own = shape[:-2] + shape[-1:]
        if b.shape != own:
            raise ValueError(f"expected b to be {tuple(own)}")
        wide = b if b.ndim == 1 else b.unsqueeze(-2)
        if y.element_size() < 4 and y.ndim < 4:
            # The product is rounded, and may overflow, only after the bias has been added.
            y = wide.addmm(rows, w) if y.ndim == 2 else wide.baddbmm(rows, w)
        else:
            y.add_(wide)

    def pull(dy: Tensor, need_dx: bool) -> tuple[Tensor, Tensor | None, Tensor | None]:
        d = dy if plain else dy.reshape(*shape[:-2], -1, shape[-1])
        dw = rows.mT.matmul(d)
        db = None if b is None else d.sum(-2)
        if not need_dx:
            return dw, db, None
        dx = d.matmul(w.mT)
        return dw, db, dx if plain else dx.reshape(x.shape)

    return (y if plain else y.reshape(x.shape[:-1] + shape[-1:])), pull
