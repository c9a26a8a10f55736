"""Losses of several classes at once: each example has some of them."""

from __future__ import annotations

from collections.abc import Callable

from funcdl.contract import Layer, Value
from funcdl.losses.distributions import logistic
from funcdl.losses.loss import ROWS, loss
from funcdl.losses.worth import class_weights, fitting
from funcdl.ops.choose import only
from funcdl.tensor import Tensor

__all__ = ["multi_label_margin", "multi_label_soft_margin"]

Pair = tuple[Tensor, Callable[[Tensor], Tensor]]


def multi_label_margin(
    *, reduction: str = "mean", models: int = 0
) -> Layer[tuple[()], Value, Tensor]:
    """Mean of how far wrong classes come within a margin of 1 of the right ones (of each model).

        mᵢⱼ = max(0, 1 − yᵢ + yⱼ) where tᵢ > 0 and tⱼ = 0, 0 elsewhere
        l = (1/n) Σ (1/classes) Σᵢⱼ tᵢ mᵢⱼ

    Args:
        reduction: "mean", "sum" or "none".
        models: leading axes of y that count models. The target may lack them.

    Returns:
        A loss from ((*models, …, classes), (…, classes)) to (*models,), dtype that of y. A target
        is 1 for a class that there is and 0 for one that there is not; 2 counts twice. Without
        reduction, to (*models, …).

    Raises:
        InputError, KindError: an argument is none of these.
        ShapeError: y and t differ in shape.

    Elisseeff and Weston, "A kernel method for multi-labelled classification" (2001).

    >>> import torch
    >>> y, t = torch.tensor([[0.1, 0.2, 0.4, 0.8]]), torch.tensor([[1.0, 0.0, 0.0, 1.0]])
    >>> multi_label_margin()((), (y, t))[0]
    tensor(0.8500)
    """

    def rule(y: Tensor, t: Tensor) -> Pair:
        t, share = t.expand(y.shape), 1 / y.shape[-1]
        right = t.unsqueeze(-1)
        compared = right.bool().logical_and(t.eq(0).unsqueeze(-2))
        missed = only(y.unsqueeze(-2).sub(y.unsqueeze(-1)).add_(1).relu_(), compared)
        losses = missed.mul(right).sum((-2, -1)).mul_(share)

        def pull(d: Tensor) -> Tensor:
            worth = t.mul(d.mul(share).unsqueeze(-1)).unsqueeze(-1)
            each = only(worth.expand(missed.shape), missed.bool())
            return each.sum(-2).sub_(each.sum(-1))

        return losses, pull

    return loss("multi_label_margin", rule, reduction, models, ROWS)


def multi_label_soft_margin(
    *, weights: Tensor | None = None, reduction: str = "mean", models: int = 0
) -> Layer[tuple[()], Value, Tensor]:
    """Mean over the classes of the cross entropy of yes and no (of each model).

        l = (1/n) Σ (1/classes) Σⱼ wⱼ (log(1 + e^yⱼ) − tⱼ yⱼ)
        dyⱼ = wⱼ (1 / (1 + e^−yⱼ) − tⱼ) / classes dl / n

    Args:
        weights: w of shape (classes,).
        reduction: "mean", "sum" or "none".
        models: leading axes of y that count models. The target may lack them.

    Returns:
        A loss from ((*models, …, classes), (…, classes)) to (*models,), dtype that of y: logits;
        targets are floats in [0, 1]. Without reduction, to (*models, …).

    Raises:
        InputError, KindError: an argument is none of these.
        ShapeError: y and t differ in shape, or there are not as many weights as classes.

    Cox, "The regression analysis of binary sequences" (1958); see `binary_cross_entropy`.

    >>> import torch
    >>> multi_label_soft_margin()((), (torch.zeros(5, 3), torch.ones(5, 3)))[0]
    tensor(0.6931)
    """
    name = "multi_label_soft_margin"
    class_weights(name, weights)

    def rule(y: Tensor, t: Tensor) -> Pair:
        each, pull = logistic(y, t)
        share = each.new_full((y.shape[-1],), 1 / y.shape[-1])
        if weights is not None:
            share = share.mul(fitting(name, weights, y))
        counted = share.bool()
        losses = only(each, counted).mul_(share).sum(-1)
        return losses, lambda d: only(pull(d.unsqueeze(-1).mul(share)), counted)

    args = "weights" if weights is not None else ""
    return loss(name, rule, reduction, models, ROWS, args)
