"""Losses with a margin: none for what is right by enough."""

from __future__ import annotations

from collections.abc import Callable

from funcdl.arguments import LARGEST, integer, number
from funcdl.contract import Layer, Value
from funcdl.losses.classes import index_of
from funcdl.losses.loss import CLASSES, loss
from funcdl.losses.worth import class_weights, fitting
from funcdl.ops.choose import ZERO, only
from funcdl.tensor import Tensor

__all__ = ["hinge", "margin_ranking", "multi_margin", "soft_margin"]

Pair = tuple[Tensor, Callable[[Tensor], Tensor]]

COMPARED = ("a: *models …", "b: *models …"), "target: *models? … ~"
"""Two numbers, and which of them is to be the larger one."""


def hinge(*, reduction: str = "mean", models: int = 0) -> Layer[tuple[()], Value, Tensor]:
    """Mean distance by which a margin of 1 is missed (of each model).

        l = (1/n) Σ max(0, 1 − t y)        dy = −t dl / n where t y < 1, 0 elsewhere

    Args:
        reduction: "mean", "sum" or "none".
        models: leading axes of y that count models. The target may lack them.

    Returns:
        A loss from ((*models, …), (…)) to (*models,), dtype that of y; targets are floats, −1
        or 1. Without reduction, to the shape of y.

    Raises:
        InputError, KindError: an argument is none of these.
        ShapeError: y and t differ in shape.

    Cortes and Vapnik, "Support-vector networks" (1995).

    >>> import torch
    >>> loss, vjp = hinge()((), (torch.tensor([0.5, -3.0]), torch.tensor([1.0, -1.0])))
    >>> loss, vjp(torch.ones(()))[1][0]
    (tensor(0.2500), tensor([-0.5000,  0.0000]))
    """

    def rule(y: Tensor, t: Tensor) -> Pair:
        missed = y.mul(t).neg_().add_(1).relu_()
        return missed, lambda d: only(t.mul(d.neg()), missed.bool())

    return loss("hinge", rule, reduction, models)


def soft_margin(*, reduction: str = "mean", models: int = 0) -> Layer[tuple[()], Value, Tensor]:
    """Mean of a margin without a kink: the logistic loss of targets −1 and 1 (of each model).

        l = (1/n) Σ log(1 + e^(−t y))        dy = −t / (1 + e^(t y)) dl / n

    Args:
        reduction: "mean", "sum" or "none".
        models: leading axes of y that count models. The target may lack them.

    Returns:
        A loss from ((*models, …), (…)) to (*models,), dtype that of y; targets are floats, −1
        or 1. Without reduction, to the shape of y.

    Raises:
        InputError, KindError: an argument is none of these.
        ShapeError: y and t differ in shape.

    Friedman, Hastie and Tibshirani, "Additive logistic regression" (2000).

    >>> import torch
    >>> loss, vjp = soft_margin()((), (torch.tensor([0.0, 100.0]), torch.tensor([1.0, -1.0])))
    >>> loss, vjp(torch.ones(()))[1][0]
    (tensor(50.3466), tensor([-0.2500,  0.5000]))
    """

    def rule(y: Tensor, t: Tensor) -> Pair:
        wrong = y.mul(t).neg_()
        return wrong.logaddexp(ZERO), lambda d: wrong.sigmoid().mul_(t).mul_(d.neg())

    return loss("soft_margin", rule, reduction, models)


def multi_margin(
    margin: float = 1.0,
    *,
    power: int = 1,
    weights: Tensor | None = None,
    reduction: str = "mean",
    models: int = 0,
) -> Layer[tuple[()], Value, Tensor]:
    """Mean of how far other classes come within a margin of the right one (of each model).

        mⱼ = max(0, margin − y[t] + yⱼ) for j ≠ t        l = (1/n) Σ w[t] (1/classes) Σⱼ mⱼ^power

        dyⱼ = w[t] power mⱼ^(power − 1) / classes dl / n, and dy[t] = −Σⱼ dyⱼ over the others

    Args:
        margin: any number.
        power: 1 or 2.
        weights: w of shape (classes,). The mean divides by n, whatever they are.
        reduction: "mean", "sum" or "none".
        models: leading axes of y that count models. The target may lack them.

    Returns:
        A loss from ((*models, …, classes), (…)) to (*models,), dtype that of y; targets are
        int64 in [0, classes). Without reduction, to (*models, …).

    Raises:
        ShapeError: t has another shape than y without its last axis, or there are not as many
            weights as classes.
        KindError: t is not int64.
        InputError: a class, or an argument, is out of range.

    Crammer and Singer, "On the algorithmic implementation of multiclass kernel-based vector
    machines" (2001).

    >>> import torch
    >>> loss, vjp = multi_margin()((), (torch.tensor([[0.5, 0.0, 2.0]]), torch.tensor([0])))
    >>> loss, vjp(torch.ones(()))[1][0]
    (tensor(1.), tensor([[-0.6667,  0.3333,  0.3333]]))
    """
    name = "multi_margin"
    number(name, "margin", margin, -LARGEST)
    integer(name, "power", power, 1, 2)
    class_weights(name, weights)

    def rule(y: Tensor, t: Tensor) -> Pair:
        index, classes = index_of(y, t), y.shape[-1]
        missed = y.sub(y.gather(-1, index)).add_(margin).relu_().scatter_(-1, index, 0.0)
        losses = (missed if power == 1 else missed.square()).sum(-1).div_(classes)
        worth = None if weights is None else fitting(name, weights, y).take(t).expand(losses.shape)

        def pull(d: Tensor) -> Tensor:
            share = (d if worth is None else worth.mul(d)).mul(power / classes).unsqueeze(-1)
            each = share.expand(y.shape) if power == 1 else missed.mul(share)
            rise = only(each, missed.gt(0))
            return rise.scatter(-1, index, rise.sum(-1, keepdim=True).neg_())

        return losses if worth is None else losses.mul_(worth), pull

    args = [f"{margin:g}"] * (margin != 1) + [f"power={power}"] * (power != 1)
    args += ["weights"] * (weights is not None)
    return loss(name, rule, reduction, models, CLASSES, ", ".join(args))


def margin_ranking(
    margin: float = 0.0, *, reduction: str = "mean", models: int = 0
) -> Layer[tuple[()], Value, Tensor]:
    """Mean of how far one number is from being above another by a margin (of each model).

        l = (1/n) Σ max(0, margin − t (a − b))
        da = −t dl / n where that is not below 0, 0 elsewhere        db = −da

    Args:
        margin: any number.
        reduction: "mean", "sum" or "none".
        models: leading axes of a and b that count models. The target may lack them.

    Returns:
        A loss from ((a, b), t) to (*models,), a and b of shape (*models, …); targets are floats
        (…): 1 where a is to be the larger one, −1 where b is. Without reduction, to (*models, …).

    Raises:
        InputError, KindError: an argument is none of these.
        ShapeError: a, b and t do not fit each other.

    Herbrich, Graepel and Obermayer, "Large margin rank boundaries for ordinal regression" (2000).

    >>> import torch
    >>> pair = torch.tensor([1.0, 1.0]), torch.tensor([3.0, 0.0])
    >>> loss, vjp = margin_ranking()((), (pair, torch.tensor([1.0, 1.0])))
    >>> loss, vjp(torch.ones(()))[1][0][0]
    (tensor(1.), tensor([-0.5000,  0.0000]))
    """
    number("margin_ranking", "margin", margin, -LARGEST)

    def rule(
        y: tuple[Tensor, Tensor], t: Tensor
    ) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor, Tensor]]]:
        missed = y[1].sub(y[0]).mul_(t).add_(margin)

        def pull(d: Tensor) -> tuple[Tensor, Tensor]:
            da = only(t.mul(d.neg()).expand(missed.shape), missed.ge(0))
            return da, da.neg()

        return missed.relu(), pull

    args = f"{margin:g}" if margin else ""
    return loss("margin_ranking", rule, reduction, models, COMPARED, args)
