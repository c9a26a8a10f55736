"""Giving numbers the mean 0 and the variance 1, then scaling and shifting them.

Both primitives keep the input and a few statistics, not the normalised numbers, and make one new
tensor of the input's size each way: fresh memory costs more than a pass over what is there.
Products with a column of equal weights are the fastest means; on small tensors an operation with
a Python number takes three times as long as one between tensors, and `value` and `alpha` nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcdl.tensor import Tensor

__all__ = ["Pullback", "over_features", "over_positions"]

Pullback = Callable[[Tensor, bool], "tuple[Tensor, Any, Tensor | None]"]


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
    count = x.shape[-1]
    wide, column = scale.unsqueeze(-2), scale.unsqueeze(-1)
    weights = x.new_full((count, 1), 1 / count)
    if bias is None:
        r = x.square().matmul(weights).add_(eps).rsqrt_()
        y = x.mul(r).mul_(wide)
    else:
        mean = x.matmul(weights)
        y = x.sub(mean)
        r = y.square().matmul(weights).add_(eps).rsqrt_()
        y.mul_(r).mul_(wide).add_(bias.unsqueeze(-2))

    def pull(dy: Tensor, need_dx: bool) -> tuple[Tensor, Any, Tensor | None]:
        part = x.mul(dy) if bias is None else x.sub(mean).mul_(dy)
        dscale = r.mT.matmul(part).squeeze(-2)
        dbias = None if bias is None else dy.sum(-2)
        if not need_dx:
            return dscale, dbias, None
        slope = part.matmul(column).mul_(r).mul_(r)
        dx = part.copy_(dy).mul_(wide).addcmul_(x, slope, value=-1 / count)
        if bias is not None:
            level = dy.matmul(column).addcmul_(mean, slope, value=-1)
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
    r = pooled(y.square_().sum(-2, keepdim=True)).mul(1 / count).add_(eps).rsqrt_()
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
