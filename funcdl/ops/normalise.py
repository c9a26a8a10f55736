"""Giving numbers the mean 0 and the variance 1, then scaling and shifting them.

Both primitives keep the input and a few statistics, not the normalised numbers, and make one new
tensor of the input's size in each pass: fresh memory costs more than a pass over what is there.
What is more than the cache holds is taken block by block, where several calls need it.
Products with a column of equal weights are the fastest means; on small tensors an operation with
a Python number takes three times as long as one between tensors, and `value` and `alpha` nothing.

A mean is taken twice: once of the numbers, and once of what is left of them when the first is
subtracted, which its rounding and the sum's have spoilt. So the variance of equal numbers is 0, and
a large mean costs a small spread none of its digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from funcdl.ops.layout import cat
from funcdl.tensor import Tensor

__all__ = ["Pullback", "over_features", "over_positions"]

Pullback = Callable[[Tensor, bool], "tuple[Tensor, Any, Tensor | None]"]

BLOCK = 2**16
"""So many numbers at once stay in the cache from one call to the next."""

MANY = 2**19
"""Rows are taken by blocks where there are more numbers than these: a block costs its calls."""

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
    count, narrow = x.shape[-1], x.shape[-1] <= SHORT
    wide, level, column = scale, bias, scale.unsqueeze(-1)
    if scale.ndim > 1:
        wide, level = scale.unsqueeze(-2), None if bias is None else bias.unsqueeze(-2)
    weights = x.new_full((count, 1), 1 / count) if narrow else column

    def mean_of(t: Tensor) -> Tensor:
        return t.matmul(weights) if narrow else t.mean(-1, keepdim=True)

    def along(t: Tensor) -> Tensor:
        return t.matmul(column) if narrow else t.mul(wide).sum(-1, keepdim=True)

    def forward(x: Tensor, room: Tensor | None = None) -> tuple[Tensor, Any, Tensor]:
        """Compute y, in the given room if there is one, with μ and r."""
        if level is None:
            r = mean_of(x.square()).add_(eps).rsqrt_()
            y = x.mul(r) if room is None else room.copy_(x).mul_(r)
            return y.mul_(wide), None, r
        mean = mean_of(x)
        y = x.sub(mean) if room is None else room.copy_(x).sub_(mean)
        left = mean_of(y)
        y.sub_(left)
        r = mean_of(y.square()).add_(eps).rsqrt_()
        return y.mul_(r).mul_(wide).add_(level), mean.add_(left), r

    def sums(x: Tensor, mean: Any, r: Tensor, dy: Tensor) -> tuple[Tensor, Any, Tensor]:
        """Compute dγ and dβ with (x − μ) dy."""
        part = x.mul(dy) if mean is None else x.sub(mean).mul_(dy)
        low = x.shape[-2] <= SHORT
        dscale = r.mT.matmul(part).squeeze(-2) if low else part.mul(r).sum(-2)
        return dscale, None if mean is None else dy.sum(-2), part

    def rest(room: Tensor, x: Tensor, mean: Any, r: Tensor, dy: Tensor, part: Tensor) -> Tensor:
        """Compute dx in the given room, which may be that of (x − μ) dy."""
        slope = along(part).mul_(r).mul_(r)
        dx = room.copy_(dy).mul_(wide).addcmul_(x, slope, value=-1 / count)
        if mean is not None:
            dx.add_(along(dy).addcmul_(mean, slope, value=-1), alpha=-1 / count)
        return dx.mul_(r)

    if x.numel() <= MANY:
        y, mean, r = forward(x)

        def pull(dy: Tensor, need_dx: bool) -> tuple[Tensor, Any, Tensor | None]:
            dscale, dbias, part = sums(x, mean, r, dy)
            dx = rest(part, x, mean, r, dy, part) if need_dx else None
            return dscale, dbias, dx

        return y, pull

    blocks = min(x.shape[-2], -(-x.numel() // BLOCK))
    y = x.new_empty(x.shape)
    parts = x.chunk(blocks, -2)
    found = [forward(part, room)[1:] for part, room in zip(parts, y.chunk(blocks, -2))]

    def pull_each(dy: Tensor, need_dx: bool) -> tuple[Tensor, Any, Tensor | None]:
        dscale, dbias = scale.new_zeros(scale.shape), scale.new_zeros(scale.shape)
        dx = dy.new_empty(dy.shape) if need_dx else None
        rooms = [None] * len(parts) if dx is None else dx.chunk(blocks, -2)
        for own, (mean, r), d, room in zip(parts, found, dy.chunk(blocks, -2), rooms):
            more, rise, part = sums(own, mean, r, d)
            dscale.add_(more)
            if rise is not None:
                dbias.add_(rise)
            if room is not None:
                rest(room, own, mean, r, d, part)
        return dscale, None if level is None else dbias, dx

    return y, pull_each


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
    positions, channels = x.shape[-2:]
    size = 1 if groups is None else channels // groups
    count = positions * size

    def apart(t: Tensor) -> Tensor:
        """View numbers of channels group by group, (*lead, 1, groups, size)."""
        return t if groups is None else t.reshape((*t.shape[:-1], groups, size))

    def spread(t: Tensor) -> Tensor:
        """Give every channel what its group has, or its own: (*lead, 1, channels)."""
        if groups is None:
            return t
        return t.expand((*t.shape[:-1], size)).reshape((*t.shape[:-2], channels))

    mean, square = map(apart, _moments(x))
    if groups is not None:
        mean, square = _pooled(mean, square, positions)
    r = square.mul_(1 / count).add_(eps).rsqrt_()
    slope = r.mul(apart(scale))
    shift = spread(apart(bias).addcmul(mean, slope, value=-1))
    slope = spread(slope)

    def pull(dy: Tensor, need_dx: bool) -> tuple[Tensor, Any, Tensor | None]:
        along, dbias = _products(x, spread(mean), dy)
        dscale = apart(along).mul(r).reshape(along.shape)
        if not need_dx:
            return dscale, dbias, None
        share = scale.mul(-1 / count)
        along, level = apart(dscale.mul(share)), apart(dbias.mul(share))
        if groups is not None:
            along, level = along.sum(-1, keepdim=True), level.sum(-1, keepdim=True)
        along = along.mul(r).mul_(r)
        level = spread(level.mul(r).addcmul_(mean, along, value=-1))
        return dscale, dbias, level.addcmul(x, spread(along)).addcmul_(dy, slope)

    return shift.addcmul(x, slope), pull


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Compute mean and Σ (x − μ)² of each channel over its positions, both (*lead, 1, channels)."""
    axis, blocks = _blocks(x)
    if axis == -3:
        found = [_merged([part]) for part in x.chunk(blocks, axis)]
        means, squares = zip(*found)
        return cat(means, axis), cat(squares, axis)
    return _merged([x] if blocks == 1 else x.chunk(blocks, axis))


def _merged(parts: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Compute the moments of positions that come in parts, each with what came before.

        μ ← μ + Σ z / n        Σ (x − μ)² ← Σ (x − μ)² + Σ z² − (Σ z)² / n        z = x − μ

    where n counts all positions so far, and the first μ is the first part's mean, for what its
    rounding has spoilt. See Chan, Golub and LeVeque, "Algorithms for computing the sample
    variance" (1983).
    """
    count, square = 0, None
    mean = parts[0].sum(-2, keepdim=True).mul_(1 / parts[0].shape[-2])
    for part in parts:
        z = part.sub(mean)
        left, more = z.sum(-2, keepdim=True), z.square_().sum(-2, keepdim=True)
        count += part.shape[-2]
        square = more if square is None else square.add_(more)
        square.addcmul_(left, left, value=-1 / count)
        mean = mean.add(left, alpha=1 / count)
    assert square is not None
    return mean, square


def _pooled(mean: Tensor, square: Tensor, positions: int) -> tuple[Tensor, Tensor]:
    """Merge the moments of the channels of a group: (…, groups, size) to (…, groups, 1)."""
    size = mean.shape[-1]
    centre = mean.sum(-1, keepdim=True).mul_(1 / size)
    apart = mean.sub(centre)
    left = apart.sum(-1, keepdim=True)
    spread = square.addcmul(apart, apart, value=positions).sum(-1, keepdim=True)
    spread.addcmul_(left, left, value=-positions / size)
    return centre.add(left, alpha=1 / size), spread


def _products(x: Tensor, mean: Tensor, dy: Tensor) -> tuple[Tensor, Tensor]:
    """Compute Σ (x − μ) dy and Σ dy over the positions, both (*lead, 1, channels)."""
    axis, blocks = _blocks(x)
    if blocks == 1:
        return _product(x, mean, dy)
    parts = x.chunk(blocks, axis), dy.chunk(blocks, axis)
    if axis == -3:
        found = [_product(*each) for each in zip(parts[0], mean.chunk(blocks, axis), parts[1])]
        alongs, levels = zip(*found)
        return cat(alongs, axis), cat(levels, axis)
    (along, level), *others = [_product(part, mean, d) for part, d in zip(*parts)]
    for more, rise in others:
        along.add_(more)
        level.add_(rise)
    return along, level


def _product(x: Tensor, mean: Tensor, dy: Tensor) -> tuple[Tensor, Tensor]:
    """Compute both of one part."""
    return x.sub(mean).mul_(dy).sum(-2, keepdim=True), dy.sum(-2, keepdim=True)


def _blocks(x: Tensor) -> tuple[int, int]:
    """Choose an axis, and how many parts along it: each stays in the cache for the next call."""
    blocks = -(-x.numel() // BLOCK)
    if blocks <= 1:
        return -2, 1
    if x.ndim > 2 and blocks <= x.shape[-3]:
        return -3, blocks
    return -2, min(blocks, x.shape[-2])
