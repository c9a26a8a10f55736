"""Numbers of an optimiser: one for all models, or one for each along a leading model axis."""

from __future__ import annotations

from funcdl.arguments import show
from funcdl.errors import ShapeError
from funcdl.ops.leading import align
from funcdl.tensor import Tensor, as_dtype_of, wide

__all__ = ["Each", "added", "fitted"]

Each = float | Tensor
"""A number, or a tensor (*models,) of one for each model."""


def fitted(rate: Tensor, p: Tensor, where: str, what: str) -> Tensor:
    """View the rates of the models so that they broadcast against a parameter (*models, …).

    Raises:
        ShapeError: the parameter does not begin with the models' axes.
    """
    if not rate.ndim:
        return rate
    if p.shape[: rate.ndim] != rate.shape:
        raise ShapeError(
            f"{where}: expected one {what}, or one for each model, with whose axes each parameter "
            f"begins, got {show(rate.shape)} and a parameter {show(p.shape)}"
        )
    return align(rate, p, 0)


def added(g: Tensor, p: Tensor, rate: Each, where: str, what: str) -> Tensor:
    """Compute g + rate p."""
    if not isinstance(rate, Tensor):
        return g.add(p, alpha=rate)
    factor = as_dtype_of(fitted(rate, p, where, what), wide(p))
    return as_dtype_of(wide(g).addcmul(wide(p), factor), g)
