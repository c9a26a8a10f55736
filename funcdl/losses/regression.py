"""Losses on numbers: how far the output is from the target."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from funcdl.arguments import positive
from funcdl.contract import Layer, Value
from funcdl.losses.loss import Reduction, along, loss
from funcdl.tensor import Tensor

__all__ = ["huber", "l1", "mse"]

Pair = tuple[Tensor, Callable[[Tensor], Tensor]]

# One product of a row and a column is a call less than squares and their sum, but adds the squares
# up one after the other: 512 equal ones to 4e-7, a million to 3e-4, where a sum in pairs has 4e-7.
# Products of a stack, one for each model, do so with 100 already.
FEW = 512


def mse(*, reduction: str = "mean", models: int = 0) -> Layer[tuple[()], Value, Tensor]:
    """Mean squared error over all numbers of the output (of each model).

        l = (1/n) Σ (y − t)²        dy = (2/n) (y − t) dl

    Args:
        reduction: "mean", "sum" or "none".
        models: leading axes of y that count models. The target may lack them.

    Returns:
        A loss from ((*models, …), (…)) to (*models,), dtype that of y; without reduction, to
        the shape of y.

    Raises:
        InputError, KindError: an argument is none of these.
        ShapeError: y and t differ in shape: nothing is broadcast, since (n, 1) against (n,)
            would silently compare every output with every target.

    Legendre, "Nouvelles méthodes pour la détermination des orbites des comètes" (1805).

    >>> import torch
    >>> loss, vjp = mse()((), (torch.tensor([1.0, 3.0]), torch.tensor([0.0, 0.0])))
    >>> loss, vjp(torch.ones(()))[1][0]
    (tensor(5.), tensor([1., 3.]))
    """

    def rule(y: Tensor, t: Tensor) -> Pair:
        d = y.sub(t)
        return d.square(), lambda dl: d.mul(dl.mul(2.0))

    def reduced(y: Tensor, t: Tensor) -> Pair:
        d = y.sub(t)
        size = prod(d.shape[models:])
        factor = 1.0 / size if reduction == "mean" else 1.0
        if models or size > FEW:
            value = Reduction("sum", models).reduce(d.square())[0].mul_(factor)
        else:
            row = d.reshape(1, -1)
            value = row.mm(row.mT).mul_(factor).view(())
        return value, lambda dl: d.mul(along(dl.mul(2.0 * factor), d))

    return loss("mse", rule, reduction, models, reduced=None if reduction == "none" else reduced)


def l1(*, reduction: str = "mean", models: int = 0) -> Layer[tuple[()], Value, Tensor]:
    """Mean absolute error over all numbers of the output (of each model).

        l = (1/n) Σ |y − t|        dy = sign(y − t) dl / n, 0 where y = t

    Args:
        reduction: "mean", "sum" or "none".
        models: leading axes of y that count models. The target may lack them.

    Returns:
        A loss from ((*models, …), (…)) to (*models,), dtype that of y; without reduction, to
        the shape of y.

    Raises:
        InputError, KindError: an argument is none of these.
        ShapeError: y and t differ in shape.

    Laplace, "Sur quelques points du système du monde" (1793).

    >>> import torch
    >>> loss, vjp = l1()((), (torch.tensor([1.0, -3.0]), torch.tensor([0.0, 0.0])))
    >>> loss, vjp(torch.ones(()))[1][0]
    (tensor(2.), tensor([ 0.5000, -0.5000]))
    """

    def rule(y: Tensor, t: Tensor) -> Pair:
        d = y.sub(t)
        return d.abs(), lambda dl: d.sign().mul_(dl)

    return loss("l1", rule, reduction, models)


def huber(
    delta: float = 1.0, *, reduction: str = "mean", models: int = 0
) -> Layer[tuple[()], Value, Tensor]:
    """Squares near the target, and absolute values beyond `delta` (of each model).

        lᵢ = d² / 2 where |d| ≤ delta, delta (|d| − delta / 2) elsewhere, d = yᵢ − tᵢ
        dyᵢ = min(max(d, −delta), delta) dl / n

    Args:
        delta: above 0.
        reduction: "mean", "sum" or "none".
        models: leading axes of y that count models. The target may lack them.

    Returns:
        A loss from ((*models, …), (…)) to (*models,), dtype that of y; without reduction, to
        the shape of y.

    Raises:
        InputError, KindError: an argument is none of these.
        ShapeError: y and t differ in shape.

    Huber, "Robust estimation of a location parameter" (1964).

    >>> import torch
    >>> loss, vjp = huber(reduction="sum")((), (torch.tensor([1.0, -3.0]), torch.zeros(2)))
    >>> loss, vjp(torch.ones(()))[1][0]
    (tensor(3.), tensor([ 1., -1.]))
    """
    positive("huber", "delta", delta)

    def rule(y: Tensor, t: Tensor) -> Pair:
        d = y.sub(t)
        near = d.clamp(-delta, delta)
        return d.sub_(near, alpha=0.5).mul_(near), lambda dl: near.mul(dl)

    return loss("huber", rule, reduction, models, args=f"{delta:g}" if delta != 1 else "")
