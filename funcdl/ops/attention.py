"""Attention: means of values, weighted by how well their keys fit a query."""

from __future__ import annotations

import math
from collections.abc import Callable

from funcdl.ops.half import single
from funcdl.tensor import Tensor, is_half

__all__ = ["attend"]

# About so many scores at once: they stay in the cache from one step to the next.
MOST_SCORES = 2**17


def attend(qkv: Tensor, heads: int, causal: bool) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Let every time step of a sequence look at all others, each head by itself.

        p = softmax(q kᵀ / √d)        y = p v
        dv = pᵀ dy        ds = p (dy vᵀ − Σ dy y)        dq = ds k / √d        dk = dsᵀ q / √d

    The derivative of the softmax has a sum over the time steps, Σ p (dy vᵀ); it is Σ dy y, a
    shorter one over the features (Dao, Fu, Ermon, Rudra and Ré, "FlashAttention", 2022).

    What a time step does not see is left out, not multiplied by 0: an infinity there would become
    NaN.

    Args:
        qkv: queries, keys and values side by side, (sequences, time, 3 heads d).
        heads: how many share each of the three.
        causal: whether a time step sees only itself and those before it.

    Returns:
        `y` of shape (sequences, time, heads d), and `pull(dy) -> dqkv`.
    """
    if is_half(qkv):
        return single(attend, qkv, heads, causal)
    count, time, width = qkv.shape
    scale = 1 / math.sqrt(width // (3 * heads))
    y = qkv.new_empty((count, time, width // 3))
    later = qkv.new_full((time, time), -math.inf).triu_(1) if causal else None
    chunks = 1 + count * heads * time * time // MOST_SCORES
    kept = []
    for rows, found in zip(qkv.chunk(chunks), y.chunk(chunks)):
        q, k, v = _apart(rows, 3, heads).unbind(0)
        scores = q.new_empty((q.shape[0], time, time)).baddbmm_(q, k.mT, beta=0, alpha=scale)
        if later is None:
            p = scores.softmax(-1)
            seen = p.bmm(v)
        else:
            p = scores.tril_().add_(later).softmax(-1)
            (k, _), (v, endless) = _finite(k), _finite(v)
            seen = p.bmm(v).add_(endless.cumsum(-2))
        _together(seen.unsqueeze(0), heads, found)
        kept.append((q, k, v, p))

    def pull(dy: Tensor) -> Tensor:
        dqkv = qkv.new_empty(qkv.shape)
        for (q, k, v, p), *parts in zip(kept, *(t.chunk(chunks) for t in (dy, y, dqkv))):
            d, found, out = parts
            along = d.mul(found).reshape(len(d), time, heads, q.shape[-1]).sum(-1).mT
            d = _apart(d, 1, heads).squeeze(0)
            ds = d.bmm(v.mT).sub_(along.reshape(len(q), time, 1)).mul_(p)
            if causal:
                ds.tril_()
                d, endless = _finite(d)
            back = q.new_empty((3, *q.shape))
            dq, dk, dv = back.unbind(0)
            dq.baddbmm_(ds, k, beta=0, alpha=scale)
            dk.baddbmm_(ds.mT, q, beta=0, alpha=scale)
            dv.baddbmm_(p.mT, d, beta=0)
            if causal:
                dv.add_(endless.flip(-2).cumsum(-2).flip(-2))
            _together(back, heads, out)
        return dqkv

    return y, pull


def _apart(rows: Tensor, parts: int, heads: int) -> Tensor:
    """Copy (n, time, parts heads d) to (parts, n heads, time, d): each head is contiguous."""
    n, time, width = rows.shape
    split = rows.reshape(n, time, parts, heads, width // (parts * heads))
    return split.permute(2, 0, 3, 1, 4).reshape(parts, n * heads, time, split.shape[-1])


def _finite(t: Tensor) -> tuple[Tensor, Tensor]:
    """Split numbers into those that are finite and those that are not; the others are 0 in each."""
    finite = t.nan_to_num(0.0, 0.0, 0.0)
    return finite, t.sub(finite)


def _together(each: Tensor, heads: int, rows: Tensor) -> None:
    """Copy (parts, n heads, time, d) back to (n, time, parts heads d): the adjoint of `_apart`."""
    parts, _, time, size = each.shape
    split = each.reshape(parts, len(rows), heads, time, size).permute(1, 3, 0, 2, 4)
    rows.view(split.shape).copy_(split)
