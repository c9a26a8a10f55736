"""Log-probabilities, precise for what is nearly certain too."""

from __future__ import annotations

import math
from collections.abc import Callable

from funcdl.tensor import Tensor

__all__ = ["log_softmax"]


def log_softmax(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Compute x − log Σ e^x over the last axis, and what pulls a cotangent back.

        y_k = −log(1 + s), s = Σ over the others of e^(x_j − x_k), where x_k is the largest
        dx = dy − p Σ dy, p = e^y;    dx_k = dy_k Σ p_j − p_k Σ dy_j over the others

    The second form is the first without a difference of nearly equal numbers: the likeliest may
    have all but nothing of the probability.
    """
    largest, k = x.max(-1, keepdim=True)
    y = x.sub(largest)
    others = y.scatter(-1, k, -math.inf).exp_().sum(-1, keepdim=True)
    y.sub_(others.log1p_())

    def pull(dy: Tensor) -> Tensor:
        p = y.exp()
        own, rest = dy.gather(-1, k), dy.scatter(-1, k, 0.0).sum(-1, keepdim=True)
        dx = dy.addcmul(p, own.add(rest), value=-1)
        top = p.gather(-1, k).mul_(rest)
        missing = p.scatter_(-1, k, 0.0).sum(-1, keepdim=True)
        return dx.scatter_(-1, k, missing.mul_(own).sub_(top))

    return y, pull
