"""Transforms that keep moving means of the gradient, and of its square: Adam and its kin."""

from __future__ import annotations

import math
from typing import NamedTuple

from funcdl import tree
from funcdl.arguments import number
from funcdl.contract import Params
from funcdl.errors import KindError
from funcdl.optimisers.transform import Transform, count, wide_zeros
from funcdl.tensor import Tensor, as_dtype_of, wide

__all__ = ["MomentsState", "scale_by_adam", "scale_by_radam", "sign_of_momentum"]

Betas = tuple[float, float]


class MomentsState(NamedTuple):
    """`steps` taken, and the moving means of the gradient and of its square.

    `largest` is what each mean of squares has been at most, where that is asked for; else `()`.
    """

    steps: Tensor
    mean: Params
    square: Params
    largest: Params = ()


def scale_by_adam(
    *, betas: Betas = (0.9, 0.999), eps: float = 1e-8, amsgrad: bool = False
) -> Transform:
    """Divide the moving mean by the root of that of squares.

        m ← β₁ m + (1 − β₁) g        v ← β₂ v + (1 − β₂) g²
        u = m̂ / (√v̂ + eps),   m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ)

    Args:
        betas: the decay of the two means, each in [0, 1).
        eps: added to the denominator, at least 0.
        amsgrad: whether the largest v so far stands for v in the denominator.

    Raises:
        InputError, KindError: an argument is out of its range.

    Kingma and Ba, "Adam: a method for stochastic optimization" (2015); amsgrad: Reddi, Kale and
    Kumar, "On the convergence of Adam and beyond" (2018).

    >>> import torch
    >>> params = (torch.tensor([1.0]),)
    >>> scale = scale_by_adam()
    >>> (update,), _ = scale.update((torch.tensor([-4.0]),), scale.init(params), params)
    >>> update.round(decimals=4)
    tensor([-1.])
    """
    beta1, beta2 = checked("scale_by_adam", betas)
    number("scale_by_adam", "eps", eps, 0)

    def update(grads: Params, state: MomentsState, params: Params) -> tuple[Params, MomentsState]:
        moments = _moments(grads, state, beta1, beta2)
        # m̂ / (√v̂ + eps) with the roots of the corrections drawn out: one pass less.
        root = _share(beta2, moments.steps).sqrt()
        scale = root / _share(beta1, moments.steps)
        small = root * eps

        def scaled(m: Tensor, v: Tensor, g: Tensor) -> Tensor:
            # In place with the numbers of the steps: a parameter without axes keeps its dtype.
            return as_dtype_of(m.div(v.sqrt().add_(small)).mul_(scale), g)

        if not amsgrad:
            return tree.map(scaled, moments.mean, moments.square, grads), moments
        largest = tree.map(lambda most, v: most.maximum(v), state.largest, moments.square)
        moments = moments._replace(largest=largest)
        return tree.map(scaled, moments.mean, largest, grads), moments

    def init(params: Params) -> MomentsState:
        return _zeros(params)._replace(largest=wide_zeros(params) if amsgrad else ())

    return Transform(init, update)


def scale_by_radam(*, betas: Betas = (0.9, 0.999), eps: float = 1e-8) -> Transform:
    """Adam that waits with dividing until the variance of its steps is known.

        u = r m̂ / (√v̂ + eps / √(1 − β₂ᵗ)) where ρ > 5, m̂ elsewhere
        ρ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ),   ρ∞ = 2 / (1 − β₂) − 1
        r² = (ρ − 4) (ρ − 2) ρ∞ / ((ρ∞ − 4) (ρ∞ − 2) ρ)

    Args:
        betas: the decay of the two means, each in [0, 1).
        eps: added to √v, at least 0.

    Raises:
        InputError, KindError: an argument is out of its range.

    Liu et al., "On the variance of the adaptive learning rate and beyond" (2020); eps stands where
    PyTorch has it.

    >>> import torch
    >>> params = (torch.tensor([1.0]),)
    >>> scale = scale_by_radam()
    >>> scale.update((torch.tensor([-4.0]),), scale.init(params), params)[0]
    (tensor([-4.]),)
    """
    beta1, beta2 = checked("scale_by_radam", betas)
    number("scale_by_radam", "eps", eps, 0)
    most = 2 / (1 - beta2) - 1
    ratio = most / ((most - 4) * (most - 2)) if most > 5 else 0.0

    def update(grads: Params, state: MomentsState, params: Params) -> tuple[Params, MomentsState]:
        moments = _moments(grads, state, beta1, beta2)
        steps = moments.steps
        left = _share(beta2, steps)
        known = most - 2 * steps * (1 - left) / left
        unsure = known <= 5
        # Where it is unsure, r may be anything, NaN too: the choice takes nothing of it.
        squared = (known - 4) * (known - 2) / known * ratio
        factor = (squared * left).sqrt()
        scale = _share(beta1, steps).reciprocal_()

        def scaled(m: Tensor, v: Tensor, g: Tensor) -> Tensor:
            divided = v.sqrt().add_(eps).reciprocal_().mul_(factor)
            chosen = divided.masked_fill_(unsure.to(v.device), 1.0)
            return as_dtype_of(chosen.mul_(m).mul_(scale), g)

        return tree.map(scaled, moments.mean, moments.square, grads), moments

    return Transform(_zeros, update)


def sign_of_momentum(*, betas: Betas = (0.9, 0.99)) -> Transform:
    """Keep the signs of the moving mean alone (Lion); that of NaN is NaN.

        u = sign(β₁ m + (1 − β₁) g)        m ← β₂ m + (1 − β₂) g

    Args:
        betas: the decay of the mean in the update and of the mean that is kept, each in [0, 1).

    Raises:
        InputError, KindError: an argument is out of its range.

    Chen et al., "Symbolic discovery of optimization algorithms" (2023).

    >>> import torch
    >>> params = (torch.tensor([1.0]),)
    >>> lion = sign_of_momentum()
    >>> lion.update((torch.tensor([-4.0]),), lion.init(params), params)[0]
    (tensor([-1.]),)
    """
    beta1, beta2 = checked("sign_of_momentum", betas)

    def sign(m: Tensor, g: Tensor) -> Tensor:
        ahead = m.lerp(wide(g), 1 - beta1)
        # torch's sign of NaN is 0, which would keep quiet about it for ever. The smallest of all
        # numbers, twice multiplied by so large a one, is above 1.
        large = 1e38 if m.element_size() < 8 else 1e300
        return as_dtype_of(ahead.mul_(large).mul_(large).clamp_(-1, 1), g)

    def update(grads: Params, mean: Params, params: Params) -> tuple[Params, Params]:
        signs = tree.map(sign, mean, grads)
        return signs, tree.map(lambda m, g: m.lerp(wide(g), 1 - beta2), mean, grads)

    return Transform(wide_zeros, update)


def checked(where: str, betas: Betas) -> Betas:
    """Return two decays, each in [0, 1)."""
    if not isinstance(betas, tuple) or len(betas) != 2:
        raise KindError(f"{where}: expected betas to be two numbers, got {betas!r}")
    for beta in betas:
        number(where, "each of betas", beta, 0, 1)
    return betas


def _share(beta: float, steps: Tensor) -> Tensor:
    """Compute 1 − βᵗ, what a moving mean has of what it is the mean of after t steps.

    Precise where βᵗ is next to 1, and by calls that have a form in place for a staged step.
    """
    return steps.mul(math.log(beta) if beta else -math.inf).expm1_().neg_()


def _zeros(params: Params) -> MomentsState:
    return MomentsState(count(params), wide_zeros(params), wide_zeros(params))


def _moments(grads: Params, state: MomentsState, beta1: float, beta2: float) -> MomentsState:
    mean = tree.map(lambda m, g: m.lerp(wide(g), 1 - beta1), state.mean, grads)

    def squared(v: Tensor, g: Tensor) -> Tensor:
        g = wide(g)
        return v.mul(beta2).addcmul_(g, g, value=1 - beta2)

    square = tree.map(squared, state.square, grads)
    return MomentsState(state.steps + 1, mean, square)
