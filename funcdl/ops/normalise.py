"""Centring and scaling, over the last axes or over all rows, with the adjoints."""

from __future__ import annotations

from collections.abc import Callable

from funcdl.tensor import Tensor

__all__ = ["column_sums", "group_means", "normalise", "normalise_columns", "normalise_rms"]

Pair = tuple[Tensor, Callable[[Tensor], Tensor]]


def normalise(x: Tensor, axes: tuple[int, ...], eps: float) -> Pair:
    """Give numbers the mean 0 and the variance 1 over some axes.

        y = (x − μ) / √(σ² + eps)        dx = (dy − mean(dy) − y mean(dy y)) / √(σ² + eps)

    Args:
        x: of any shape.
        axes: what the mean μ and the variance σ² (of the population) are taken over.
        eps: added to the variance.

    Returns:
        `y` of the shape of x, and `pull(dy) -> dx`.
    """
    y = x.sub(x.mean(axes, keepdim=True))
    spread = y.square().mean(axes, keepdim=True).add_(eps).rsqrt_()
    y.mul_(spread)

    def pull(dy: Tensor) -> Tensor:
        along = dy.mul(y).mean(axes, keepdim=True)
        dx = dy.sub(dy.mean(axes, keepdim=True))
        return dx.addcmul_(y, along, value=-1).mul_(spread)

    return y, pull


def normalise_rms(x: Tensor, axes: tuple[int, ...], eps: float) -> Pair:
    """Give numbers the mean square 1 over some axes.

        y = x / √(mean(x²) + eps)        dx = (dy − y mean(dy y)) / √(mean(x²) + eps)

    Args:
        x: of any shape.
        axes: what the mean is taken over.
        eps: added to the mean.

    Returns:
        `y` of the shape of x, and `pull(dy) -> dx`.
    """
    spread = x.square().mean(axes, keepdim=True).add_(eps).rsqrt_()
    y = x.mul(spread)

    def pull(dy: Tensor) -> Tensor:
        along = dy.mul(y).mean(axes, keepdim=True)
        return dy.addcmul(y, along, value=-1).mul_(spread)

    return y, pull


def column_sums(x: Tensor) -> Tensor:
    """Sum matrices (…, rows, columns) over their rows: (…, 1, columns).

    A row of ones times the matrix: in torch a sum down columns is several times slower.
    """
    return x.new_ones((*x.shape[:-2], 1, x.shape[-2])).matmul(x)


def normalise_columns(x: Tensor, groups: int, eps: float) -> tuple[Tensor, Tensor]:
    """Give the columns of matrices, or groups of neighbours, the mean 0 and the variance 1.

    Args:
        x: (…, rows, columns).
        groups: how many groups the columns make; as many as there are columns for each by itself.
        eps: added to the variance.

    Returns:
        `z` of the shape of x, and 1 / √(σ² + eps) for each column, (…, 1, columns). With the sums
        Σ dz and Σ dz z of each group over its n numbers,
        dx = (dz − Σ dz / n − z Σ dz z / n) / √(σ² + eps).
    """
    z = x.sub(group_means(column_sums(x), groups, x.shape[-2]))
    spread = group_means(column_sums(z.square()), groups, x.shape[-2]).add(eps).rsqrt_()
    return z.mul_(spread), spread


def group_means(sums: Tensor, groups: int, rows: int) -> Tensor:
    """Make column sums (…, 1, columns) the means of their groups, one for each column."""
    columns = sums.shape[-1]
    if groups == columns:
        return sums.mul(1 / rows)
    wide = sums.reshape((*sums.shape[:-1], groups, columns // groups))
    means = wide.mean(-1, keepdim=True).mul_(1 / rows)
    return means.expand(wide.shape).reshape(sums.shape)
