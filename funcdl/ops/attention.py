"""Attention: a mean of values, weighted by how well their keys fit a query."""

from __future__ import annotations

import math
from collections.abc import Callable

from funcdl.tensor import Tensor

__all__ = ["attend"]


def attend(qkv: Tensor, causal: bool) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Let every time of a sequence look at all times.

        p = softmax(q kᵀ / √d)        y = p v
        dv = pᵀ dy        ds = p (dy vᵀ − Σ dy y)        dq = ds k / √d        dk = dsᵀ q / √d

    The sum over times in the derivative of the softmax, Σ p (dy vᵀ), is one over features, Σ dy y,
    which is shorter (Dao et al., "FlashAttention", 2022).

    Args:
        qkv: queries, keys and values, (3, n, time, d), of n sequences.
        causal: whether a time sees only itself and those before it.

    Returns:
        `y` of shape (n, time, d), and `pull(dy) -> dqkv`.
    """
    q, k, v = qkv.unbind(0)
    count, time, width = q.shape
    scale = 1 / math.sqrt(width)
    scores = q.new_empty((count, time, time))
    if causal:
        scores.copy_(q.new_full((time, time), -math.inf).triu_(1))
    p = scores.baddbmm_(q, k.mT, beta=int(causal), alpha=scale).softmax(-1)
    y = p.bmm(v)

    def pull(dy: Tensor) -> Tensor:
        dqkv = qkv.new_empty(qkv.shape)
        dq, dk, dv = dqkv.unbind(0)
        dv.baddbmm_(p.mT, dy, beta=0)
        ds = dy.bmm(v.mT).sub_(dy.mul(y).sum(-1, keepdim=True)).mul_(p)
        dq.baddbmm_(ds, k, beta=0, alpha=scale)
        dk.baddbmm_(ds.mT, q, beta=0, alpha=scale)
        return dqkv

    return y, pull
