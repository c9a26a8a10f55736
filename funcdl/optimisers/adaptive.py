"""Transforms that divide each number by the size that its gradients have had."""

from __future__ import annotations

from typing import NamedTuple

from funcdl import tree
from funcdl.arguments import number
from funcdl.contract import Params
from funcdl.optimisers.transform import Transform
from funcdl.tensor import Tensor

__all__ = ["CentredState", "scale_by_adagrad", "scale_by_rms"]


class CentredState(NamedTuple):
    """The moving means of the gradient and of its square."""

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
        return tree.map(lambda p: p.new_full(p.shape, start), params)

    def update(grads: Params, square: Params, params: Params) -> tuple[Params, Params]:
        square = tree.map(lambda v, g: v.addcmul(g, g), square, grads)
        return tree.map(lambda g, v: g.div(v.sqrt().add_(eps)), grads, square), square

    return Transform(init, update)


def scale_by_rms(rate: float = 0.99, *, eps: float = 1e-8, centred: bool = False) -> Transform:
    """Divide by the root of the moving mean of squares.

        v ← rate v + (1 − rate) g²        u = g / (√v + eps)

    Centred, the variance stands for v: v − m², where m ← rate m + (1 − rate) g.

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
        return CentredState(tree.zeros_like(params) if centred else (), tree.zeros_like(params))

    def update(grads: Params, state: CentredState, params: Params) -> tuple[Params, CentredState]:
        mean = state.mean
        square = tree.map(
            lambda v, g: v.mul(rate).addcmul_(g, g, value=1 - rate), state.square, grads
        )
        spread = square
        if centred:
            mean = tree.map(lambda m, g: m.lerp(g, 1 - rate), mean, grads)
            spread = tree.map(lambda v, m: v.addcmul(m, m, value=-1), square, mean)

        def scaled(g: Tensor, v: Tensor) -> Tensor:
            return g.div(v.sqrt().add_(eps))

        return tree.map(scaled, grads, spread), CentredState(mean, square)

    return Transform(init, update)
