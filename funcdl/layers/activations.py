"""Activations, each with its derivative; shapes and dtypes are kept."""

from __future__ import annotations

from collections.abc import Callable

from funcdl.arguments import tensor
from funcdl.contract import Layer, Params, Shape, Vjp
from funcdl.tensor import Generator, Tensor

__all__ = ["activation", "relu", "sigmoid", "softmax", "tanh"]


def activation(
    name: str, rule: Callable[[Tensor], tuple[Tensor, Callable[[Tensor], Tensor]]]
) -> Layer:
    """Make a layer without parameters of a rule that keeps shapes, `x -> (y, dy -> dx)`."""

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        return (), in_shape

    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        try:
            y, pull = rule(x)
        except (TypeError, AttributeError):
            tensor(name, x)
            raise

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
            return params, pull(dy) if need_dx else None

        return y, vjp

    return Layer(name, init, apply)


def _relu(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    y = x.relu()
    return y, lambda dy: dy.mul(y.sign())


def _tanh(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    y = x.tanh()
    return y, lambda dy: dy.addcmul(dy.mul(y), y, value=-1)


def _sigmoid(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    y = x.sigmoid()
    return y, lambda dy: dy.mul(y.addcmul(y, y, value=-1))


def _softmax(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    y = x.softmax(-1)
    return y, lambda dy: dy.sub(dy.mul(y).sum(-1, keepdim=True)).mul_(y)


relu = activation("relu", _relu)
"""y = max(x, 0), dx = dy where x > 0 and 0 elsewhere, at x = 0 too.

Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines" (2010).
"""

tanh = activation("tanh", _tanh)
"""y = tanh x in (−1, 1), dx = dy (1 − y²)."""

sigmoid = activation("sigmoid", _sigmoid)
"""y = 1 / (1 + e^−x) in (0, 1), dx = dy y (1 − y)."""

softmax = activation("softmax", _softmax)
"""y = e^x / Σ e^x over the last axis, dx = y (dy − Σ dy y).

Bridle, "Probabilistic interpretation of feedforward classification network outputs" (1990).
"""
