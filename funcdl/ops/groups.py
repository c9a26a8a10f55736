"""Groups of neighbouring channels, each for itself."""

from __future__ import annotations

from funcdl.tensor import Tensor

__all__ = ["apart", "together"]


def apart(t: Tensor, groups: int, models: int) -> Tensor:
    """Cut the last axis into groups, which stand behind the models as if they were such."""
    if groups == 1:
        return t
    return t.reshape((*t.shape[:-1], groups, t.shape[-1] // groups)).movedim(-2, models)


def together(t: Tensor, groups: int, models: int) -> Tensor:
    """Join groups along the last axis again: the inverse and adjoint of `apart`."""
    return t if groups == 1 else t.movedim(models, -2).flatten(-2)
