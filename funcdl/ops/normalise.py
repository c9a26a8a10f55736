"""Giving numbers the mean 0 and the variance 1, then scaling and shifting them.

Both primitives keep the input and a few statistics, not the normalised numbers, and make one new
tensor of the input's size in each pass: fresh memory costs more than a pass over what is there.
Products with a column of equal weights are the fastest means; on small tensors an operation with
a Python number takes three times as long as one between tensors, and `value` and `alpha` nothing.

A mean is taken twice: once of the numbers, and once of what is left of them when the first is
subtracted, which its rounding and the sum's have spoilt. So the variance of equal numbers is 0, and
a large mean costs a small spread none of its digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcdl.tensor import Tensor

__all__ = ["Pullback", "over_features", "over_positions"]

Pullback = Callable[[Tensor, bool], "tuple[Tensor, Any, Tensor | None]"]

SHORT = 512
"""So many numbers a product sums up within a few units of the last place. It adds one to another
in a few long rows, where `sum` goes by halves: of 512 equal numbers a product is 2 · 10⁻⁷ off, of
4,096 10⁻⁶, of four millions 2 · 10⁻³, and `sum` 10⁻⁷ of them all."""


def over_features(
    x: Tensor, scale: Tensor, bias: Tensor | None, eps: float
) -> tuple[Tensor, Pullback]:
    """Normalise each row over its features, where each feature has its scale.

        y = γ z + β        z = (x − μ) r        r = 1 / √(mean((x − μ)²) + eps)

    Args:
        x: (*models, rows, features).
        scale: γ of (*models, features).
        bias: β of the same shape; None for no bias and μ = 0, which is the root mean square norm.
        eps: added to the variance.

    Returns:
        `y` of the shape of x, and `pull(dy, need_dx) -> (dγ, dβ, dx)`: with sums over the rows,
        dγ = Σ dy z and dβ = Σ dy; and dx = r (γ dy − mean(γ dy) − z mean(γ dy z)), where without
        bias the first mean is 0.
    """
    count, narrow, low = x.shape[-1], x.shape[-1] <= SHORT, x.shape[-2] <= SHORT
    wide, column = scale.unsqueeze(-2), scale.unsqueeze(-1)
    weights = x.new_full((count, 1), 1 / count) if narrow else column

    def mean_of(t: Tensor) -> Tensor:
        return t.matmul(weights) if narrow else t.mean(-1, keepdim=True)

    def along(t: Tensor) -> Tensor:
        return t.matmul(column) if narrow else t.mul(wide).sum(-1, keepdim=True)

    if bias is None:
        r = mean_of(x.square()).add_(eps).rsqrt_()
        y = x.mul(r).mul_(wide)
    else:
        mean = mean_of(x)
        y = x.sub(mean)
        left = mean_of(y)
        y.sub_(left)
        mean.add_(left)
        r = mean_of(y.square()).add_(eps).rsqrt_()
        y.mul_(r).mul_(wide).add_(bias.unsqueeze(-2))

    def pull(dy: Tensor, need_dx: bool) -> tuple[Tensor, Any, Tensor | None]:
        part = x.mul(dy) if bias is None else x.sub(mean).mul_(dy)
        dscale = r.mT.matmul(part).squeeze(-2) if low else part.mul(r).sum(-2)
        dbias = None if bias is None else dy.sum(-2)
        if not need_dx:
            return dscale, dbias, None
        slope = along(part).mul_(r).mul_(r)
        dx = part.copy_(dy).mul_(wide).addcmul_(x, slope, value=-1 / count)
        if bias is not None:
            level = along(dy).addcmul_(mean, slope, value=-1)
            dx.add_(level, alpha=-1 / count)
        return dscale, dbias, dx.mul_(r)

    return y, pull


def over_positions(
    x: Tensor, scale: Tensor, bias: Tensor, eps: float, groups: int | None = None
) -> tuple[Tensor, Pullback]:
    """Normalise each channel, or each group of neighbouring ones, over its positions.

        y = γ z + β        z = (x − μ) r        r = 1 / √(mean((x − μ)²) + eps)

    Args:
        x: (*lead, positions, channels).
        scale: γ, which broadcasts against (*lead, 1, channels).
        bias: β, likewise.
        eps: added to the variance.
        groups: the number of groups that the channels are divided into; None for each its own.

    Returns:
        `y` of the shape of x, and `pull(dy, need_dx) -> (dγ, dβ, dx)`: with sums over the
        positions, dγ = Σ dy z and dβ = Σ dy, both (*lead, 1, channels); and
        dx = r (γ dy − mean(γ dy) − z mean(γ dy z)).
    """
    channels = x.shape[-1]
    count = x.shape[-2] * (1 if groups is None else channels // groups)

    def pooled(sums: Tensor) -> Tensor:
        """Add sums of channels up within their group, and give every channel that of its group."""
        if groups is None:
            return sums
        split = sums.reshape((*sums.shape[:-1], groups, channels // groups))
        return split.sum(-1, keepdim=True).expand_as(split).reshape(sums.shape)

    mean = pooled(x.sum(-2, keepdim=True)).mul(1 / count)
    y = x.sub(mean)
    left = pooled(y.sum(-2, keepdim=True))
    mean = mean.add(left, alpha=1 / count)
    square = pooled(y.square_().sum(-2, keepdim=True))
    # Σ (x − μ)² = Σ y² − (Σ y)² / n, where Σ y is almost 0.
    r = square.addcmul(left, left, value=-1 / count).mul_(1 / count).add_(eps).rsqrt_()
    slope = r.mul(scale)
    y.copy_(bias.addcmul(mean, slope, value=-1)).addcmul_(x, slope)

    def pull(dy: Tensor, need_dx: bool) -> tuple[Tensor, Any, Tensor | None]:
        part = x.sub(mean).mul_(dy)
        dscale, dbias = part.sum(-2, keepdim=True).mul_(r), dy.sum(-2, keepdim=True)
        if not need_dx:
            return dscale, dbias, None
        share = scale.mul(-1 / count)
        along = pooled(dscale.mul(share)).mul(r).mul_(r)
        level = pooled(dbias.mul(share)).mul(r).addcmul_(mean, along, value=-1)
        return dscale, dbias, part.copy_(level).addcmul_(x, along).addcmul_(dy, slope)

    return y, pull
