"""The losses that only PyTorch's modules have: rules for each number, and other means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcdl.contract import Layer, Params, Value, Vjp
from funcdl.errors import InputError, KindError, ShapeError
from funcdl.losses.loss import Rule, loss
from funcdl.module.doors import around
from funcdl.ops.choose import only
from funcdl.tensor import Generator, Tensor

__all__ = [
    "divergence",
    "on_probabilities",
    "smooth_l1",
    "weighed",
    "weight_for",
]

Pair = tuple[Tensor, Callable[[Tensor], Any]]
Worth = Callable[[Any, Tensor], "tuple[Tensor | None, Any]"]
"""From (output, target) to the weights of the losses, None for 1, and what the mean divides by."""


def weighed(name: str, each: Layer, reduction: str, worth: Worth) -> Layer:
    """Weigh the losses of `each`, which keeps them, and reduce them.

        l = Σ wᵢ lᵢ / s        dlᵢ = wᵢ dl / s        with "sum", s = 1

    A loss whose weight is 0 is left out: it may be infinite.
    """
    if reduction not in ("mean", "sum", "none"):
        raise InputError(f'{name}: expected reduction "mean", "sum" or "none", got {reduction!r}')

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        losses, pull = each.at("", params, x, rng)
        weights, divisor = worth(*x)
        if reduction != "mean":
            divisor = 1
        if weights is not None:
            weights = weights.expand(losses.shape)
            losses = only(losses, weights.bool()).mul_(weights)
        value = losses if reduction == "none" else losses.sum().div(divisor)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Value]:
            if not need_dx:
                return params, None
            d = dy if reduction == "none" else dy.div(divisor).expand(losses.shape)
            if weights is not None:
                d = only(d.mul(weights), weights.bool())
            return pull(d)

        return value, vjp

    return around(name, each, None, apply)


def weight_for(name: str, weight: Any) -> Worth:
    """Give each loss a weight of its own, where there is one; the mean is over all of them."""
    if weight is not None and not isinstance(weight, Tensor):
        raise KindError(f"{name}: expected weight to be a tensor, got {type(weight).__name__}")

    def worth(y: Tensor, t: Tensor) -> tuple[Tensor | None, int]:
        if weight is None:
            return None, y.numel()
        try:
            return weight.to(y.device, y.dtype).expand(y.shape), y.numel()
        except RuntimeError:
            raise ShapeError(
                f"{name}: expected a weight that broadcasts to {tuple(y.shape)}, got "
                f"{tuple(weight.shape)}"
            ) from None

    return worth


def divergence(reduction: str, log_target: bool) -> Layer:
    """Make the loss t (log t − y) of each number; 0 log 0 is 0."""

    def rule(y: Tensor, t: Tensor) -> Pair:
        share, log_t = (t.exp(), t) if log_target else (t, t.log())
        counted = share.ne(0).logical_or(y.isnan())
        return only(log_t.sub(y), counted).mul_(share), lambda d: share.mul(d).neg_()

    if reduction != "batchmean":
        return loss("KLDivLoss", rule, reduction, 0)

    def rows(y: Tensor, t: Tensor) -> tuple[None, int]:
        return None, y.shape[0] if y.ndim else 1

    return weighed("KLDivLoss", loss("KLDivLoss", rule, "none", 0), "mean", rows)


LEAST_LOG = -100.0  # PyTorch's, of a probability of 0
LEAST_PRODUCT = 1e-12  # and the least that it divides by


def on_probabilities(y: Tensor, t: Tensor) -> Pair:
    """Compute −t log y − (1 − t) log(1 − y), whose logarithms are bounded as PyTorch's are."""
    if y.numel() and not bool(y.ge(0).logical_and_(y.le(1)).all()):
        raise InputError(
            "BCELoss: expected probabilities from 0 to 1: of logits it is BCEWithLogitsLoss"
        )
    other = y.neg().add_(1)
    rest = y.neg().log1p_().clamp_min_(LEAST_LOG)
    losses = t.sub(1).mul_(rest).sub_(t.mul(y.log().clamp_min_(LEAST_LOG)))

    def pull(d: Tensor) -> Tensor:
        return y.sub(t).div_(other.mul(y).clamp_min_(LEAST_PRODUCT)).mul_(d)

    return losses, pull


def smooth_l1(beta: float) -> Rule:
    """Compute d² / (2 beta) where |d| < beta, |d| − beta / 2 elsewhere, d = y − t."""

    def rule(y: Tensor, t: Tensor) -> Pair:
        d = y.sub(t)
        near = d.clamp(-beta, beta).div_(beta)
        return d.sub_(near, alpha=0.5 * beta).mul_(near), lambda dl: near.mul(dl)

    return rule
