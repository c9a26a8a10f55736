"""Parameters with leading model axes beside inputs that begin with the same ones."""

from __future__ import annotations

from funcdl.tensor import Tensor

__all__ = ["align", "total"]


def align(p: Tensor, x: Tensor, own: int = 1) -> Tensor:
    """View a parameter so that it broadcasts against an input.

    Args:
        p: (*models, *own axes).
        x: (*models, …, *own axes); at least as many axes as p has.
        own: the number of p's trailing axes that are not the models'.

    Returns:
        `p` with axes of length 1 for those that `x` has between the models' and its own.

    >>> from funcdl.tensor import empty
    >>> align(empty(3, 5), empty(3, 8, 2, 5)).shape
    torch.Size([3, 1, 1, 5])
    """
    missing = x.ndim - p.ndim
    if missing == 0 or p.ndim == own:
        return p
    models = p.ndim - own
    return p.reshape(*p.shape[:models], *(1,) * missing, *p.shape[models:])


def total(d: Tensor, p: Tensor, own: int = 1) -> Tensor:
    """Sum what was broadcast by `align` back to the shape of `p`: the adjoint.

    Args:
        d: (*models, …, *own axes).
        p: the parameter.
        own: as for `align`.
    """
    models = p.ndim - own
    between = tuple(range(models, d.ndim - own))
    return d.sum(between) if between else d
