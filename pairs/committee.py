"""Several networks of one kind, and their joint answer."""

from __future__ import annotations

from typing import Any

from torch import Generator, Tensor

from funcdl import Layer, Shape, Vjp, log_softmax, tree

__all__ = ["committee"]


def committee(member: Layer, members: int) -> Layer:
    """Ask every member, and give the mean of their log-probabilities.

        y = (1/M) Σ log softmax(f(pₘ, x))        dpₘ, dxₘ = fᵀ(log softmaxᵀ(dy / M)), dx = Σ dxₘ

    Args:
        member: a network from x to logits (…, classes).
        members: how many, M.

    Returns:
        A layer from the member's input to (…, classes), whose parameters are the members' with a
        leading axis of M: all are asked in one pass.
    """

    def init(rng: Generator, in_shape: Shape) -> tuple[Any, Shape]:
        drawn = [member.init(rng, in_shape) for _ in range(members)]
        return tree.stack([params for params, _ in drawn]), drawn[0][1]

    def apply(params: Any, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        logits, pull = member(params, x.expand(members, *x.shape), rng)
        log_p, pull_log = log_softmax((), logits)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Any, Tensor | None]:
            _, dlogits = pull_log((dy / members).expand(log_p.shape))
            dparams, dx = pull(dlogits, need_dx)
            return dparams, dx.sum(0) if need_dx else None

        return log_p.mean(0), vjp

    return Layer("committee", init, apply, f"{members}", (member,))
