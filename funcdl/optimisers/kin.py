"""More transforms of Adam's kin: AdaMax, NAdam and Adadelta."""

from __future__ import annotations

from typing import NamedTuple

from funcdl import tree
from funcdl.arguments import number
from funcdl.contract import Params
from funcdl.optimisers.moments import Betas, checked
from funcdl.optimisers.transform import Transform, count, wide_zeros
from funcdl.tensor import Tensor, as_dtype_of, wide

__all__ = ["scale_by_adadelta", "scale_by_adamax", "scale_by_nadam"]


class DeltaState(NamedTuple):
    """The moving means of the squares of the gradients, and of the updates."""

    square: Params
    moved: Params


class MaxState(NamedTuple):
    """`steps` taken, the moving mean of the gradient, and how large it has been of late."""

    steps: Tensor
    mean: Params
    largest: Params


class AheadState(NamedTuple):
    """`steps` taken, the product of the decays so far, and the two moving means."""

    steps: Tensor
    product: Tensor
    mean: Params
    square: Params


def scale_by_adadelta(rate: float = 0.9, *, eps: float = 1e-6) -> Transform:
    """Give updates the size that they have had, whatever the gradient's unit.

        v ← rate v + (1 − rate) g²        u = g √(d + eps) / √(v + eps)
        d ← rate d + (1 − rate) u²

    Args:
        rate: in [0, 1).
        eps: at least 0; with 0 nothing ever moves.

    Raises:
        InputError, KindError: an argument is out of its range.

    Zeiler, "ADADELTA: an adaptive learning rate method" (2012).

    >>> import torch
    >>> params = (torch.tensor([1.0]),)
    >>> scale = scale_by_adadelta(0.75, eps=1.0)
    >>> scale.update((torch.tensor([2.0]),), scale.init(params), params)[0]
    (tensor([1.4142]),)
    """
    number("scale_by_adadelta", "rate", rate, 0, 1)
    number("scale_by_adadelta", "eps", eps, 0)

    def squared(v: Tensor, g: Tensor) -> Tensor:
        g = wide(g)
        return v.mul(rate).addcmul_(g, g, value=1 - rate)

    def update(grads: Params, state: DeltaState, params: Params) -> tuple[Params, DeltaState]:
        square = tree.map(squared, state.square, grads)

        def scaled(v: Tensor, d: Tensor, g: Tensor) -> Tensor:
            return d.add(eps).sqrt_().div_(v.add(eps).sqrt_()).mul_(wide(g))

        updates = tree.map(scaled, square, state.moved, grads)
        moved = tree.map(squared, state.moved, updates)
        return tree.map(as_dtype_of, updates, grads), DeltaState(square, moved)

    return Transform(lambda params: DeltaState(wide_zeros(params), wide_zeros(params)), update)


def scale_by_adamax(*, betas: Betas = (0.9, 0.999), eps: float = 1e-8) -> Transform:
    """Divide the moving mean by the largest gradient of late.

        m ← β₁ m + (1 − β₁) g        s ← max(β₂ s, |g| + eps)        u = m / (s (1 − β₁ᵗ))

    Args:
        betas: the decay of the mean and of the largest, each in [0, 1).
        eps: at least 0.

    Raises:
        InputError, KindError: an argument is out of its range.

    Kingma and Ba, "Adam: a method for stochastic optimization" (2015), section 7.1.

    >>> import torch
    >>> params = (torch.tensor([1.0]),)
    >>> scale = scale_by_adamax()
    >>> scale.update((torch.tensor([-4.0]),), scale.init(params), params)[0]
    (tensor([-1.]),)
    """
    beta1, beta2 = checked("scale_by_adamax", betas)
    number("scale_by_adamax", "eps", eps, 0)

    def update(grads: Params, state: MaxState, params: Params) -> tuple[Params, MaxState]:
        steps = state.steps + 1
        mean = tree.map(lambda m, g: m.lerp(wide(g), 1 - beta1), state.mean, grads)
        largest = tree.map(
            lambda s, g: s.mul(beta2).maximum(wide(g).abs().add_(eps)), state.largest, grads
        )
        scale = 1 / (1 - beta1**steps)
        updates = tree.map(
            lambda m, s, g: as_dtype_of(m.div(s).mul_(scale), g), mean, largest, grads
        )
        return updates, MaxState(steps, mean, largest)

    def init(params: Params) -> MaxState:
        return MaxState(count(params), wide_zeros(params), wide_zeros(params))

    return Transform(init, update)


def scale_by_nadam(
    *, betas: Betas = (0.9, 0.999), eps: float = 1e-8, warming: float = 4e-3
) -> Transform:
    """Adam that looks ahead along its mean, as Nesterov's momentum does.

        μₜ = β₁ (1 − ½ 0.96^(t warming))        πₜ = μ₁ … μₜ
        u = ((1 − μₜ) g / (1 − πₜ) + μₜ₊₁ m / (1 − πₜ μₜ₊₁)) / (√v̂ + eps)

    Args:
        betas: the decay of the two means, each in [0, 1).
        eps: added to the denominator, at least 0.
        warming: how fast μ rises to β₁, at least 0; PyTorch's `momentum_decay`.

    Raises:
        InputError, KindError: an argument is out of its range.

    Dozat, "Incorporating Nesterov momentum into Adam" (2016).

    >>> import torch
    >>> params = (torch.tensor([1.0]),)
    >>> scale = scale_by_nadam(betas=(0.0, 0.999))
    >>> (update,), _ = scale.update((torch.tensor([-4.0]),), scale.init(params), params)
    >>> update.round(decimals=4)
    tensor([-1.])
    """
    beta1, beta2 = checked("scale_by_nadam", betas)
    number("scale_by_nadam", "eps", eps, 0)
    number("scale_by_nadam", "warming", warming, 0)

    def decay_at(steps: Tensor) -> Tensor:
        return (1 - 0.5 * 0.96 ** (steps * warming)) * beta1

    def update(grads: Params, state: AheadState, params: Params) -> tuple[Params, AheadState]:
        steps = state.steps + 1
        now, then = decay_at(steps), decay_at(steps + 1)
        product = state.product * now
        mean = tree.map(lambda m, g: m.lerp(wide(g), 1 - beta1), state.mean, grads)

        def squared(v: Tensor, g: Tensor) -> Tensor:
            g = wide(g)
            return v.mul(beta2).addcmul_(g, g, value=1 - beta2)

        square = tree.map(squared, state.square, grads)
        root = (1 - beta2**steps).sqrt()
        of_g, of_m = (1 - now) / (1 - product) * root, then / (1 - product * then) * root
        small = root * eps

        def scaled(m: Tensor, v: Tensor, g: Tensor) -> Tensor:
            ahead = m.mul(as_dtype_of(of_m, m)).add_(wide(g).mul(as_dtype_of(of_g, m)))
            return as_dtype_of(ahead.div_(v.sqrt().add_(as_dtype_of(small, m))), g)

        updates = tree.map(scaled, mean, square, grads)
        return updates, AheadState(steps, product, mean, square)

    def init(params: Params) -> AheadState:
        steps = count(params)
        return AheadState(steps, steps + 1, wide_zeros(params), wide_zeros(params))

    return Transform(init, update)
