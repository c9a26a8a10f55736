"""Losses: layers on a pair (output, target) that give a number to make small.

The target is data: its cotangent is None. `models` is the number of leading axes of the output
that count models; the loss then keeps them, and each model's is the loss that it would have alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcdl.arguments import show, tensor, whole
from funcdl.contract import Layer, Params, Shape, Value, Vjp
from funcdl.errors import FuncdlError, InputError, KindError, ShapeError
from funcdl.tensor import Generator, Tensor

__all__ = ["cross_entropy", "mse"]

Rule = Callable[[Tensor, Tensor], "tuple[Tensor, Callable[[Tensor], Tensor]]"]


def mse(*, models: int = 0) -> Layer:
    """Mean squared error over all numbers of the output (of each model).

        l = (1/n) Σ (y − t)²        dy = (2/n) (y − t) dl

    Args:
        models: leading axes of y that count models. The target may lack them.

    Returns:
        A loss from ((*models, …), (…)) to (*models,), dtype that of y.

    Raises:
        ShapeError: y and t differ in shape: nothing is broadcast, since (n, 1) against (n,)
            would silently compare every output with every target.

    Legendre, "Nouvelles méthodes pour la détermination des orbites des comètes" (1805).

    >>> import torch
    >>> loss, vjp = mse()((), (torch.tensor([1.0, 3.0]), torch.tensor([0.0, 0.0])))
    >>> loss, vjp(torch.ones(()))[1][0]
    (tensor(5.), tensor([1., 3.]))
    """

    def rule(y: Tensor, t: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        d = y.sub(t)
        flat = d.flatten(models)
        # A product of a row and a column: one call, where squares and their mean are two.
        value = flat.unsqueeze(-2).matmul(flat.unsqueeze(-1)).mul_(1.0 / flat.shape[-1])

        def pull(dl: Tensor) -> Tensor:
            return flat.mul(dl.mul(2.0 / flat.shape[-1]).unsqueeze(-1)).reshape(d.shape)

        return value.squeeze(-1).squeeze(-1), pull

    return _loss("mse", models, 0, rule)


def cross_entropy(*, models: int = 0) -> Layer:
    """Mean cross entropy of logits against classes (of each model).

        l = −(1/n) Σ log softmax(y)[t]        dy = (softmax(y) − onehot(t)) dl / n

    Args:
        models: leading axes of y that count models. The target may lack them.

    Returns:
        A loss from ((*models, …, classes), (…)) to (*models,), dtype that of y; targets are
        int64 in [0, classes).

    Raises:
        ShapeError: t has another shape than y without its last axis.
        KindError: t is not int64.
        InputError: a class is out of range.

    Good, "Rational decisions" (1952); on the softmax: Bridle, "Probabilistic interpretation of
    feedforward classification network outputs" (1990).

    >>> import torch
    >>> loss, vjp = cross_entropy()((), (torch.zeros(1, 2), torch.tensor([1])))
    >>> loss, vjp(torch.ones(()))[1][0]
    (tensor(0.6931), tensor([[ 0.5000, -0.5000]]))
    """

    def rule(y: Tensor, t: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        if t.is_floating_point() or t.element_size() != 8:
            raise KindError(f"cross_entropy: expected the target to be int64, got {t.dtype}")
        log_p = y.log_softmax(-1)
        index = t.expand(y.shape[:-1]).unsqueeze(-1)
        try:
            picked = log_p.gather(-1, index)
        except (RuntimeError, IndexError):
            raise InputError(
                f"cross_entropy: expected classes from 0 to {y.shape[-1] - 1}, got one of "
                f"{int(t.min())} to {int(t.max())}"
            ) from None
        flat = picked.flatten(models)

        def pull(dl: Tensor) -> Tensor:
            share = dl.mul(1.0 / flat.shape[-1]).reshape(dl.shape + (1,) * (y.ndim - dl.ndim))
            share = share.expand(index.shape)
            dy = log_p.exp().mul_(share)
            return dy.scatter_add_(-1, index, share.neg())

        return flat.mean(-1).neg(), pull

    return _loss("cross_entropy", models, 1, rule)


def _loss(name: str, models: int, class_axes: int, rule: Rule) -> Layer:
    """Make a loss of `rule(y, t) -> (value, dl -> dy)`.

    `class_axes` is the number of y's trailing axes that the target lacks.
    """
    whole(name, "models", models, 0)

    def check(y_shape: Any, t_shape: Any) -> None:
        wanted = y_shape[: len(y_shape) - class_axes]
        if len(wanted) < models or (t_shape != wanted and t_shape != wanted[models:]):
            raise ShapeError(
                f"{name}: expected a target of shape {show(wanted)} for outputs "
                f"{show(y_shape)}, got {show(t_shape)}"
            )

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        if len(in_shape) != 2 or not all(isinstance(shape, tuple) for shape in in_shape):
            raise ShapeError(f"{name}: expected a pair (output, target), got {show(in_shape)}")
        y_shape, t_shape = in_shape
        check(y_shape, t_shape)
        return (), tuple(y_shape[:models])

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        try:
            y, t = x
            if y.shape != t.shape or class_axes:
                check(y.shape, t.shape)
            value, pull = rule(y, t)
        except FuncdlError:
            raise
        except (TypeError, ValueError, AttributeError, RuntimeError) as error:
            if not isinstance(x, tuple) or len(x) != 2:
                kind = type(x).__name__
                raise KindError(f"{name}: expected a pair (output, target), got {kind}") from None
            for part in x:
                tensor(name, part)
            raise ShapeError(f"{name}: {error}") from error

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Value]:
            return params, (pull(dy), None)

        return value, vjp

    return Layer(name, init, apply, f"models={models}" if models else "")
