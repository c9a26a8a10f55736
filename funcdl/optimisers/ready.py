"""The optimisers that have a name, each a chain of transforms."""

from __future__ import annotations

from collections.abc import Callable

from funcdl.arguments import each_number, number
from funcdl.errors import InputError
from funcdl.optimisers.adaptive import scale_by_adagrad, scale_by_rms
from funcdl.optimisers.moments import (
    Betas,
    checked,
    scale_by_adam,
    scale_by_radam,
    sign_of_momentum,
)
from funcdl.optimisers.optimiser import Optimiser, Rate, checked_rate, optimiser
from funcdl.optimisers.rates import Each
from funcdl.optimisers.simple import decay
from funcdl.optimisers.simple import momentum as heavy
from funcdl.optimisers.transform import Transform
from funcdl.tensor import Tensor

__all__ = [
    "Where",
    "adagrad",
    "adam",
    "adamw",
    "decayed",
    "lion",
    "radam",
    "rmsprop",
    "sgd",
    "some",
]

Where = Callable[[str], bool] | None


def sgd(
    lr: Rate,
    *,
    momentum: Each = 0.0,
    nesterov: bool = False,
    weight_decay: Each = 0.0,
    dampening: float = 0.0,
) -> Optimiser:
    """Stochastic gradient descent, as in `torch.optim.SGD`.

        g ← g + weight_decay p        v ← momentum v + g        p ← p − lr v

    With `nesterov`, p ← p − lr (g + momentum v); with `dampening`, after the first step,
    v ← momentum v + (1 − dampening) g.

    Args:
        lr: the learning rate, at least 0, or a schedule; one, or (*models,).
        momentum: in [0, 1); one, or (*models,).
        nesterov: look ahead along the velocity; needs momentum.
        weight_decay: at least 0, one or (*models,); adds the gradient of (weight_decay / 2) ‖p‖².
        dampening: at least 0; needs momentum, and is 0 with `nesterov`.

    Raises:
        InputError, KindError: an argument is out of its range.
        TreeError: `grads` has another structure than `params`.

    Robbins and Monro, "A stochastic approximation method" (1951); see `momentum`.

    >>> import torch
    >>> descend = sgd(0.1)
    >>> params = (torch.tensor([1.0]),)
    >>> descend.update(params, (torch.tensor([5.0]),), descend.init(params))[0]
    (tensor([0.5000]),)
    """
    checked_rate("sgd", lr)
    each_number("sgd", "momentum", momentum, 0, 1)
    if nesterov and not some(momentum):
        raise InputError("sgd: expected momentum above 0 with nesterov, got 0")
    if number("sgd", "dampening", dampening, 0) and (nesterov or not some(momentum)):
        raise InputError(
            f"sgd: expected no dampening without momentum, or with nesterov, got {dampening}"
        )
    how = {"nesterov": nesterov, "dampening": dampening}
    along = [heavy(momentum, **how)] if some(momentum) else []  # type: ignore[arg-type]
    return optimiser(*decayed("sgd", weight_decay), *along, lr=lr)


def adagrad(lr: Rate = 1e-2, *, eps: float = 1e-10, weight_decay: Each = 0.0) -> Optimiser:
    """Adagrad, as in `torch.optim.Adagrad`: see `scale_by_adagrad`.

        g ← g + weight_decay p        v ← v + g²        p ← p − lr g / (√v + eps)

    Args:
        lr: the learning rate, at least 0, or a schedule; one, or (*models,).
        eps: at least 0.
        weight_decay: at least 0; one, or (*models,).

    Raises:
        InputError, KindError: an argument is out of its range.
        TreeError: `grads` has another structure than `params`.

    Duchi, Hazan and Singer (2011).

    >>> import torch
    >>> params = (torch.tensor([1.0]),)
    >>> descend = adagrad(0.1)
    >>> descend.update(params, (torch.tensor([5.0]),), descend.init(params))[0]
    (tensor([0.9000]),)
    """
    checked_rate("adagrad", lr)
    number("adagrad", "eps", eps, 0)
    return optimiser(*decayed("adagrad", weight_decay), scale_by_adagrad(eps=eps), lr=lr)


def rmsprop(
    lr: Rate = 1e-2,
    *,
    rate: float = 0.99,
    eps: float = 1e-8,
    centred: bool = False,
    momentum: Each = 0.0,
    weight_decay: Each = 0.0,
) -> Optimiser:
    """RMSProp, as in `torch.optim.RMSprop`: see `scale_by_rms`.

        g ← g + weight_decay p        s ← rate s + (1 − rate) g²
        v ← momentum v + g / (√s + eps)        p ← p − lr v

    Args:
        lr: the learning rate, at least 0, or a schedule; one, or (*models,).
        rate: of the moving mean, in [0, 1).
        eps: at least 0.
        centred: divide by the standard deviation.
        momentum: in [0, 1); one, or (*models,).
        weight_decay: at least 0; one, or (*models,).

    Raises:
        InputError, KindError: an argument is out of its range.
        TreeError: `grads` has another structure than `params`.

    Tieleman and Hinton, "Lecture 6.5: RMSProp" (2012).

    >>> import torch
    >>> params = (torch.tensor([1.0]),)
    >>> descend = rmsprop(0.1, rate=0.75)
    >>> descend.update(params, (torch.tensor([5.0]),), descend.init(params))[0]
    (tensor([0.8000]),)
    """
    checked_rate("rmsprop", lr)
    number("rmsprop", "rate", rate, 0, 1)
    number("rmsprop", "eps", eps, 0)
    each_number("rmsprop", "momentum", momentum, 0, 1)
    scaled = scale_by_rms(rate, eps=eps, centred=centred)
    along = [heavy(momentum)] if some(momentum) else []
    return optimiser(*decayed("rmsprop", weight_decay), scaled, *along, lr=lr)


def adam(
    lr: Rate = 1e-3,
    *,
    betas: Betas = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: Each = 0.0,
    where: Where = None,
    amsgrad: bool = False,
) -> Optimiser:
    """Adam, as in `torch.optim.Adam`; with weight decay, as in `torch.optim.AdamW`.

        p ← p − lr weight_decay p − lr m̂ / (√v̂ + eps): see `scale_by_adam`

    Args:
        lr: the learning rate, at least 0, or a schedule; one, or (*models,).
        betas: the decay of the two means, each in [0, 1).
        eps: added to the denominator, at least 0.
        weight_decay: at least 0, one or (*models,); decoupled: it shrinks the parameters, not
            through the gradient.
        where: which parameters decay, by their paths: see `decay`.
        amsgrad: whether the largest v so far stands for v in the denominator.

    Raises:
        InputError, KindError: an argument is out of its range.
        TreeError: `grads` has another structure than `params`.

    Kingma and Ba, "Adam: a method for stochastic optimization" (2015); decoupled decay:
    Loshchilov and Hutter, "Decoupled weight decay regularization" (2019).

    >>> import torch
    >>> descend = adam(0.1)
    >>> params = (torch.tensor([1.0]),)
    >>> descend.update(params, (torch.tensor([5.0]),), descend.init(params))[0]
    (tensor([0.9000]),)
    """
    checked_rate("adam", lr)
    checked("adam", betas)
    number("adam", "eps", eps, 0)
    scaled = scale_by_adam(betas=betas, eps=eps, amsgrad=amsgrad)
    return optimiser(scaled, *decayed("adam", weight_decay, where), lr=lr)


def adamw(
    lr: Rate = 1e-3,
    *,
    betas: Betas = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: Each = 1e-2,
    where: Where = None,
    amsgrad: bool = False,
) -> Optimiser:
    """Adam with decoupled weight decay, as in `torch.optim.AdamW`: `adam` with another default.

    Args:
        lr: the learning rate, at least 0, or a schedule; one, or (*models,).
        betas: the decay of the two means, each in [0, 1).
        eps: added to the denominator, at least 0.
        weight_decay: at least 0; one, or (*models,).
        where: which parameters decay, by their paths: see `decay`.
        amsgrad: as in `adam`.

    Raises:
        InputError, KindError: an argument is out of its range.
        TreeError: `grads` has another structure than `params`.

    Loshchilov and Hutter, "Decoupled weight decay regularization" (2019).

    >>> import torch
    >>> descend = adamw(0.1, weight_decay=0.5)
    >>> params = (torch.tensor([1.0]),)
    >>> descend.update(params, (torch.tensor([5.0]),), descend.init(params))[0]
    (tensor([0.8500]),)
    """
    how = {"weight_decay": weight_decay, "where": where, "amsgrad": amsgrad}
    return adam(lr, betas=betas, eps=eps, **how)  # type: ignore[arg-type]


def radam(
    lr: Rate = 1e-3,
    *,
    betas: Betas = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: Each = 0.0,
    where: Where = None,
) -> Optimiser:
    """Rectified Adam, as in `torch.optim.RAdam` with decoupled decay: see `scale_by_radam`.

    Args:
        lr: the learning rate, at least 0, or a schedule; one, or (*models,).
        betas: the decay of the two means, each in [0, 1).
        eps: at least 0.
        weight_decay: at least 0, decoupled; one, or (*models,).
        where: which parameters decay, by their paths: see `decay`.

    Raises:
        InputError, KindError: an argument is out of its range.
        TreeError: `grads` has another structure than `params`.

    Liu et al., "On the variance of the adaptive learning rate and beyond" (2020).

    >>> import torch
    >>> descend = radam(0.1)
    >>> params = (torch.tensor([1.0]),)
    >>> descend.update(params, (torch.tensor([5.0]),), descend.init(params))[0]
    (tensor([0.5000]),)
    """
    checked_rate("radam", lr)
    checked("radam", betas)
    number("radam", "eps", eps, 0)
    scaled = scale_by_radam(betas=betas, eps=eps)
    return optimiser(scaled, *decayed("radam", weight_decay, where), lr=lr)


def lion(
    lr: Rate = 1e-4,
    *,
    betas: Betas = (0.9, 0.99),
    weight_decay: Each = 0.0,
    where: Where = None,
) -> Optimiser:
    """Take steps of one size, by the sign of the momentum: see `sign_of_momentum`.

        p ← p − lr (sign(β₁ m + (1 − β₁) g) + weight_decay p)

    Args:
        lr: the learning rate, at least 0, or a schedule; one, or (*models,).
        betas: each in [0, 1).
        weight_decay: at least 0, decoupled; one, or (*models,).
        where: which parameters decay, by their paths: see `decay`.

    Raises:
        InputError, KindError: an argument is out of its range.
        TreeError: `grads` has another structure than `params`.

    Chen et al., "Symbolic discovery of optimization algorithms" (2023).

    >>> import torch
    >>> descend = lion(0.1)
    >>> params = (torch.tensor([1.0]),)
    >>> descend.update(params, (torch.tensor([5.0]),), descend.init(params))[0]
    (tensor([0.9000]),)
    """
    checked_rate("lion", lr)
    checked("lion", betas)
    signs = sign_of_momentum(betas=betas)
    return optimiser(signs, *decayed("lion", weight_decay, where), lr=lr)


def decayed(where: str, rate: Each, chosen: Where = None) -> list[Transform]:
    """List the transform that decays, where there is something to decay by."""
    each_number(where, "weight_decay", rate, 0)
    return [decay(rate, where=chosen)] if some(rate) else []


def some(rate: Each) -> bool:
    """Tell whether there is anything of it: one for each model is, be they all 0."""
    return isinstance(rate, Tensor) or bool(rate)
