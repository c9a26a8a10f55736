"""Transforms that bound a gradient."""

from __future__ import annotations

from typing import Any

from funcdl import tree
from funcdl.arguments import integer, positive, show
from funcdl.contract import Params
from funcdl.errors import ShapeError
from funcdl.optimisers.transform import Transform
from funcdl.tensor import Tensor, as_dtype_of, wide

__all__ = ["clip", "clip_by_global_norm", "clip_by_norm"]


def clip(limit: float) -> Transform:
    """Bound each number: u = min(max(g, −limit), limit); NaN stays.

    Raises:
        InputError, KindError: `limit` is not a number above 0.

    Mikolov, "Statistical language models based on neural networks" (2012).

    >>> import torch
    >>> clip(1.0).update((torch.tensor([-3.0, 0.5]),), (), ())[0]
    (tensor([-1.0000,  0.5000]),)
    """
    positive("clip", "limit", limit)

    def update(grads: Params, state: Any, params: Params) -> tuple[Params, Any]:
        return tree.map(lambda g: as_dtype_of(wide(g).clamp(-limit, limit), g), grads), state

    return Transform(lambda params: (), update)


def clip_by_norm(limit: float, *, models: int = 0) -> Transform:
    """Bound the 2-norm of each tensor: u = g limit / max(‖g‖, limit).

    As PyTorch has it, an infinite gradient gives 0 for the finite numbers beside it and NaN for
    itself, and NaN gives NaN for all of them.

    Args:
        limit: above 0.
        models: leading axes that count models, each of which has a norm of its own.

    Raises:
        InputError, KindError: an argument is out of its range.

    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks" (2013).

    >>> import torch
    >>> clip_by_norm(1.0).update((torch.tensor([3.0, 4.0]), torch.tensor([0.5])), (), ())[0]
    (tensor([0.6000, 0.8000]), tensor([0.5000]))
    """
    positive("clip_by_norm", "limit", limit)
    integer("clip_by_norm", "models", models, 0)

    def update(grads: Params, state: Any, params: Params) -> tuple[Params, Any]:
        return tree.map(
            lambda g: _scaled(g, _square("clip_by_norm", g, models), limit), grads
        ), state

    return Transform(lambda params: (), update)


def clip_by_global_norm(limit: float, *, models: int = 0) -> Transform:
    """Bound the 2-norm of the whole gradient: u = g limit / max(‖grads‖, limit).

    Infinities and NaN do as in `clip_by_norm`.

    Args:
        limit: above 0.
        models: leading axes that count models, each of which has a norm of its own.

    Raises:
        InputError, KindError: an argument is out of its range.

    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks" (2013).

    >>> import torch
    >>> clip_by_global_norm(1.0).update((torch.tensor([3.0]), torch.tensor([4.0])), (), ())[0]
    (tensor([0.6000]), tensor([0.8000]))
    """
    positive("clip_by_global_norm", "limit", limit)
    integer("clip_by_global_norm", "models", models, 0)

    def update(grads: Params, state: Any, params: Params) -> tuple[Params, Any]:
        squares = [_square("clip_by_global_norm", g, models) for g in tree.leaves(grads)]
        if not squares:
            return grads, state
        total = squares[0]
        for square in squares[1:]:
            total = total.add(square)
        return tree.map(lambda g: _scaled(g, total, limit), grads), state

    return Transform(lambda params: (), update)


def _square(where: str, g: Tensor, models: int) -> Tensor:
    """Sum the squares of each model."""
    if g.ndim < models:
        raise ShapeError(
            f"{where}: expected gradients with {models} axes of models or more, "
            f"got {show(tuple(g.shape))}"
        )
    return wide(g).reshape((*g.shape[:models], -1)).square().sum(-1)


def _scaled(g: Tensor, square: Tensor, limit: float) -> Tensor:
    """Shrink to the limit what is longer; the rest has the factor 1."""
    factor = square.sqrt().clamp_min(limit).div(limit).reciprocal()
    all_of_it = wide(g)
    wide_factor = factor.reshape(factor.shape + (1,) * (g.ndim - factor.ndim)).to(all_of_it.dtype)
    return as_dtype_of(all_of_it.mul(wide_factor), g)
