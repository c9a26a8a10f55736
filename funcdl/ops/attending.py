"""Attention of queries to keys and values from anywhere, of which some are not to be seen."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from funcdl.tensor import Tensor

__all__ = ["Attended", "Noise", "Pulled", "attend_to"]

Noise = Callable[[Tensor], tuple[Tensor, Callable[[Tensor], Tensor]]]
"""From weights to weights of which some are dropped, and the adjoint."""


class Pulled(NamedTuple):
    """The cotangents of queries, keys and values, and of the scores, of all heads."""

    dq: Tensor
    dk: Tensor
    dv: Tensor
    dscores: Tensor


class Attended(NamedTuple):
    """What the queries found.

    Attributes:
        y: (sequences, queries, heads e).
        weights: those of each value, (sequences, heads, queries, keys).
        pull: `(dy, dweights=None) -> Pulled`.
    """

    y: Tensor
    weights: Tensor
    pull: Callable[..., Pulled]


def attend_to(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    heads: int,
    added: Tensor | None = None,
    barred: Tensor | None = None,
    noise: Noise | None = None,
) -> Attended:
    """Let each query look at all keys, each head by itself.

        p = softmax(q kᵀ / √d + m)        r = p, some of it dropped        y = r v
        dv = rᵀ dy        dr = dy vᵀ        ds = p (dp − Σ dp p)        dq = ds k / √d
                                            dm = ds                     dk = dsᵀ q / √d

    A query that may see no key finds 0.

    Args:
        q: (sequences, queries, heads d).
        k: (sequences, keys, heads d).
        v: (sequences, keys, heads e).
        heads: how many share the features.
        added: m, which broadcasts against (sequences, heads, queries, keys); None for 0.
        barred: True for a key that is not to be seen; it broadcasts too.
        noise: applied to the weights.

    Vaswani et al., "Attention is all you need" (2017).
    """
    q, k, v = (_apart(t, heads) for t in (q, k, v))
    scale = 1 / math.sqrt(q.shape[-1])
    scores = q.mul(scale).matmul(k.mT)
    if added is not None:
        scores = scores.add_(added)
    if barred is not None:
        scores.masked_fill_(barred, -math.inf)
    p = scores.softmax(-1)
    if barred is not None:
        p = p.masked_fill_(barred, 0)
    weights, pull_noise = (p, None) if noise is None else noise(p)

    def pull(dy: Tensor, dweights: Tensor | None = None) -> Pulled:
        dz = _apart(dy, heads)
        dp = dz.matmul(v.mT)
        if dweights is not None:
            dp = dp.add_(dweights)
        if pull_noise is not None:
            dp = pull_noise(dp)
        ds = dp.sub(dp.mul(p).sum(-1, keepdim=True)).mul_(p)
        if barred is not None:
            ds.masked_fill_(barred, 0)
        dq, dk = ds.matmul(k).mul_(scale), ds.mT.matmul(q).mul_(scale)
        return Pulled(_together(dq), _together(dk), _together(weights.mT.matmul(dz)), ds)

    return Attended(_together(weights.matmul(v)), weights, pull)


def _apart(t: Tensor, heads: int) -> Tensor:
    """View (n, time, heads d) as (n, heads, time, d)."""
    return t.reshape(*t.shape[:2], heads, t.shape[-1] // heads).transpose(1, 2)


def _together(t: Tensor) -> Tensor:
    """Undo `_apart`."""
    return t.transpose(1, 2).flatten(-2)
