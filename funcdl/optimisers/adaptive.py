"""Transforms that divide each number by the size that its gradients have had."""

from __future__ import annotations

from typing import NamedTuple

from funcdl import tree
from funcdl.arguments import number
from funcdl.contract import Params
from funcdl.optimisers.transform import Transform, wide_zeros
from funcdl.tensor import Tensor, as_dtype_of, wide

__all__ = ["CentredState", "scale_by_adagrad", "scale_by_rms"]


class CentredState(NamedTuple):
    """The moving means of the gradient, and of its square or, centred, its squared deviation."""

    mean: Params
    square: Params


def scale_by_adagrad(*, eps: float = 1e-10, start: float = 0.0) -> Transform:
    """Divide by the root of the sum of all squares.

        v ← v + g²        u = g / (√v + eps)

    Args:
        eps: at least 0.
        start: what v begins with, at least 0.

    Raises:
        InputError, KindError: an argument is out of its range.

    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization" (2011).

    >>> import torch
    >>> params = (torch.tensor([1.0]),)
    >>> scale = scale_by_adagrad()
    >>> scale.update((torch.tensor([-4.0]),), scale.init(params), params)[0]
    (tensor([-1.]),)
    """
    number("scale_by_adagrad", "eps", eps, 0)
    number("scale_by_adagrad", "start", start, 0)

    def init(params: Params) -> Params:
        return tree.map(lambda p: wide(p.new_empty(0)).new_full(p.shape, start), params)

    def update(grads: Params, square: Params, params: Params) -> tuple[Params, Params]:
        square = tree.map(_add_square, square, grads)
        return tree.map(lambda g, v: _divided(g, v, eps), grads, square), square

    return Transform(init, update)


def scale_by_rms(rate: float = 0.99, *, eps: float = 1e-8, centred: bool = False) -> Transform:
    """Divide by the root of the moving mean of squares.

        v ← rate v + (1 − rate) g²        u = g / (√v + eps)

    Centred, the variance v − m² stands for v, with m ← rate m + (1 − rate) g. It is kept itself, as

        v ← rate (v + (1 − rate) (g − m)²), with the m before the step

    which is the same, and where v − m² would be rounded to less than 0 it is not.

    Args:
        rate: in [0, 1).
        eps: at least 0.
        centred: whether to subtract the square of the mean.

    Raises:
        InputError, KindError: an argument is out of its range.

    Tieleman and Hinton, "Lecture 6.5: RMSProp" (2012); centred: Graves, "Generating sequences with
    recurrent neural networks" (2013).

    >>> import torch
    >>> params = (torch.tensor([1.0]),)
    >>> scale = scale_by_rms(0.75)
    >>> scale.update((torch.tensor([-4.0]),), scale.init(params), params)[0]
    (tensor([-2.]),)
    """
    number("scale_by_rms", "rate", rate, 0, 1)
    number("scale_by_rms", "eps", eps, 0)

    def init(params: Params) -> CentredState:
        return CentredState(wide_zeros(params) if centred else (), wide_zeros(params))

    def update(grads: Params, state: CentredState, params: Params) -> tuple[Params, CentredState]:
        mean, away, share = state.mean, grads, 1 - rate
        if centred:
            away = tree.map(lambda g, m: wide(g).sub(m), grads, mean)
            mean = tree.map(lambda m, g: m.lerp(wide(g), 1 - rate), mean, grads)
            share *= rate
        square = tree.map(lambda v, d: _add_square(v.mul(rate), d, share), state.square, away)
        updates = tree.map(lambda g, v: _divided(g, v, eps), grads, square)
        return updates, CentredState(mean, square)

    return Transform(init, update)


def _add_square(v: Tensor, g: Tensor, share: float = 1.0) -> Tensor:
    """Compute v + share g²."""
    g = wide(g)
    return v.addcmul(g, g, value=share)


def _divided(g: Tensor, v: Tensor, eps: float) -> Tensor:
    """Compute g / (√v + eps)."""
    return as_dtype_of(wide(g).div(v.sqrt().add_(eps)), g)
