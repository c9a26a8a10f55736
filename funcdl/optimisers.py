"""Optimisers: pure functions from (params, grads, state) to (params, state).

The state is a pytree of tensors, so that it stacks, saves and compares as parameters do. A rate is
a number or a schedule: a function from the count of steps taken, a float64 tensor without axes, to
such a tensor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from funcdl import tree
from funcdl.arguments import number
from funcdl.contract import Params
from funcdl.errors import InputError
from funcdl.tensor import Tensor, empty

__all__ = ["AdamState", "Optimiser", "Rate", "SgdState", "adam", "sgd"]

Rate = float | Callable[[Tensor], Tensor]


class Optimiser(NamedTuple):
    """`init(params) -> state` and `update(params, grads, state) -> (params, state)`."""

    init: Callable[[Params], Any]
    update: Callable[[Params, Params, Any], tuple[Params, Any]]


class SgdState(NamedTuple):
    """`steps` taken where the rate is a schedule, `velocity` where there is momentum; else `()`."""

    steps: Any
    velocity: Params


class AdamState(NamedTuple):
    """`steps` taken, and the moving means of the gradient and of its square."""

    steps: Tensor
    mean: Params
    square: Params


def sgd(
    lr: Rate, *, momentum: float = 0.0, nesterov: bool = False, weight_decay: float = 0.0
) -> Optimiser:
    """Stochastic gradient descent, as in `torch.optim.SGD`.

        g ← g + weight_decay p        v ← momentum v + g        p ← p − lr v

    With `nesterov`, p ← p − lr (g + momentum v).

    Args:
        lr: the learning rate, at least 0, or a schedule.
        momentum: in [0, 1).
        nesterov: look ahead along the velocity; needs momentum.
        weight_decay: at least 0; adds the gradient of (weight_decay / 2) ‖p‖².

    Raises:
        InputError, KindError: an argument is out of its range.
        TreeError: `grads` has another structure than `params`.

    Robbins and Monro, "A stochastic approximation method" (1951); momentum: Polyak (1964);
    Nesterov's: Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and
    momentum in deep learning" (2013).

    >>> import torch
    >>> descend = sgd(0.1)
    >>> params = (torch.tensor([1.0]),)
    >>> descend.update(params, (torch.tensor([5.0]),), descend.init(params))[0]
    (tensor([0.5000]),)
    """
    rate = _rate("sgd", lr)
    number("sgd", "momentum", momentum, 0, 1)
    number("sgd", "weight_decay", weight_decay, 0)
    if nesterov and not momentum:
        raise InputError("sgd: expected momentum above 0 with nesterov, got 0")

    def init(params: Params) -> SgdState:
        return SgdState(
            _count() if callable(rate) else (), tree.zeros_like(params) if momentum else ()
        )

    def update(params: Params, grads: Params, state: SgdState) -> tuple[Params, SgdState]:
        steps, velocity = state
        if weight_decay:
            grads = tree.map(lambda p, g: g.add(p, alpha=weight_decay), params, grads)
        if momentum:
            velocity = tree.map(lambda v, g: v.mul(momentum).add_(g), velocity, grads)
            grads = (
                tree.map(lambda v, g: g.add(v, alpha=momentum), velocity, grads)
                if nesterov
                else velocity
            )
        if not callable(rate):
            return tree.map(lambda p, g: p.add(g, alpha=-rate), params, grads), SgdState(
                steps, velocity
            )
        step = rate(steps)
        return tree.map(lambda p, g: p.sub(g.mul(step)), params, grads), SgdState(
            steps + 1, velocity
        )

    return Optimiser(init, update)


def adam(
    lr: Rate = 1e-3,
    *,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> Optimiser:
    """Adam, as in `torch.optim.Adam`; with weight decay, as in `torch.optim.AdamW`.

        m ← β₁ m + (1 − β₁) g        v ← β₂ v + (1 − β₂) g²
        p ← p − lr weight_decay p − lr m̂ / (√v̂ + ε),   m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ)

    Args:
        lr: the learning rate, at least 0, or a schedule.
        betas: the decay of the two means, each in [0, 1).
        eps: added to the denominator, at least 0.
        weight_decay: at least 0; decoupled: it shrinks the parameters, not through the gradient.

    Raises:
        InputError, KindError: an argument is out of its range.
        TreeError: `grads` has another structure than `params`.

    Kingma and Ba, "Adam: a method for stochastic optimization" (2015); decoupled decay:
    Loshchilov and Hutter, "Decoupled weight decay regularization" (2019).

    >>> import torch
    >>> optimiser = adam(0.1)
    >>> params = (torch.tensor([1.0]),)
    >>> optimiser.update(params, (torch.tensor([5.0]),), optimiser.init(params))[0]
    (tensor([0.9000]),)
    """
    rate = _rate("adam", lr)
    for beta in betas:
        number("adam", "each of betas", beta, 0, 1)
    number("adam", "eps", eps, 0)
    number("adam", "weight_decay", weight_decay, 0)
    beta1, beta2 = betas

    def init(params: Params) -> AdamState:
        return AdamState(_count(), tree.zeros_like(params), tree.zeros_like(params))

    def update(params: Params, grads: Params, state: AdamState) -> tuple[Params, AdamState]:
        steps = state.steps + 1
        mean = tree.map(lambda m, g: m.lerp(g, 1 - beta1), state.mean, grads)
        square = tree.map(
            lambda v, g: v.mul(beta2).addcmul_(g, g, value=1 - beta2), state.square, grads
        )
        step = rate(state.steps) if callable(rate) else rate
        # m̂ / (√v̂ + ε) with the roots of the corrections drawn out: one pass less over the tensors.
        root = (1 - beta2**steps).sqrt()
        scale = step * root / (1 - beta1**steps)
        small = root * eps
        keep = 1 - step * weight_decay

        def descend(p: Tensor, m: Tensor, v: Tensor) -> Tensor:
            kept = p.mul(keep) if weight_decay else p
            return kept.sub(m.mul(scale).div_(v.sqrt().add_(small)))

        return tree.map(descend, params, mean, square), AdamState(steps, mean, square)

    return Optimiser(init, update)


def _rate(where: str, lr: Rate) -> Rate:
    return lr if callable(lr) else number(where, "lr", lr, 0)


def _count() -> Tensor:
    zero = empty(())
    return zero.double().zero_()
