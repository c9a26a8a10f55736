"""The explicit comparison: from the digits' logits to P(first ≤ second), with its derivative."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from funcdl import Layer, Shape, ShapeError, Vjp

__all__ = ["at_most"]


def _infer(rng: Generator, in_shape: Shape) -> tuple[tuple[()], Shape]:
    if len(in_shape) < 2 or in_shape[-2] != 2:
        raise ShapeError(f"at_most: expected logits of shape (…, 2, classes), got {in_shape}")
    return (), (*in_shape[:-2], 2)


def _apply(params: tuple[()], x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
    log_p = x.log_softmax(-1)
    # joint[i, j] = log p_i + log q_j, the digits being independent given the images.
    joint = log_p.select(-2, 0).unsqueeze(-1) + log_p.select(-2, 1).unsqueeze(-2)
    later = torch.ones(joint.shape[-2:], dtype=torch.bool, device=x.device).tril(-1)
    greater = joint.masked_fill(~later, -torch.inf).flatten(-2).logsumexp(-1)
    at_most = joint.masked_fill(later, -torch.inf).flatten(-2).logsumexp(-1)

    def vjp(dy: Tensor, need_dx: bool = True) -> tuple[tuple[()], Tensor | None]:
        if not need_dx:
            return (), None
        # d logsumexp = softmax: each cell's share of its own side's probability.
        side = torch.where(later, greater[..., None, None], at_most[..., None, None])
        given = torch.where(later, dy[..., 0, None, None], dy[..., 1, None, None])
        share = (joint - side).exp() * given
        dlog_p = torch.stack([share.sum(-1), share.sum(-2)], -2)
        return (), dlog_p - log_p.exp() * dlog_p.sum(-1, keepdim=True)

    return torch.stack([greater, at_most], -1), vjp


at_most = Layer("at_most", _infer, _apply)
"""(log P(first > second), log P(first ≤ second)) from two digits' logits.

With p and q the softmaxes of x[0] and x[1]: P(first ≤ second) = Σ_{i ≤ j} p_i q_j. From
(…, 2, classes) to (…, 2): logits whose softmax is the two probabilities themselves.
"""
