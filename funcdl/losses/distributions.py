"""Losses on probabilities: how far one distribution is from another."""

from __future__ import annotations

from collections.abc import Callable

from funcdl.contract import Layer
from funcdl.losses.loss import each_row, loss
from funcdl.tensor import Tensor

__all__ = ["binary_cross_entropy", "kl_divergence"]

Pair = tuple[Tensor, Callable[[Tensor], Tensor]]


def binary_cross_entropy(*, reduction: str = "mean", models: int = 0) -> Layer:
    """Mean cross entropy of logits against probabilities of yes and no (of each model).

        l = (1/n) Σ log(1 + e^y) − t y        dy = (1 / (1 + e^−y) − t) dl / n

    Args:
        reduction: "mean", "sum" or "none".
        models: leading axes of y that count models. The target may lack them.

    Returns:
        A loss from ((*models, …), (…)) to (*models,), dtype that of y; targets are floats in
        [0, 1]. Without reduction, to the shape of y.

    Raises:
        InputError, KindError: an argument is none of these.
        ShapeError: y and t differ in shape.

    Cox, "The regression analysis of binary sequences" (1958).

    >>> import torch
    >>> loss, vjp = binary_cross_entropy()((), (torch.zeros(2), torch.tensor([0.0, 1.0])))
    >>> loss, vjp(torch.ones(()))[1][0]
    (tensor(0.6931), tensor([ 0.2500, -0.2500]))
    """

    def rule(y: Tensor, t: Tensor) -> Pair:
        losses = y.logaddexp(y.new_zeros(())).addcmul_(y, t, value=-1)
        return losses, lambda d: y.sigmoid().sub_(t).mul_(d)

    return loss("binary_cross_entropy", rule, reduction, models)


def kl_divergence(*, reduction: str = "mean", models: int = 0) -> Layer:
    """Mean divergence of log-probabilities from target probabilities (of each model).

        l = (1/n) Σ t (log t − y)        dy = −t dl / n

    The sum is over the last axis, the mean over rows ("batchmean" in PyTorch); 0 log 0 is 0.

    Args:
        reduction: "mean", "sum" or "none".
        models: leading axes of y that count models. The target may lack them.

    Returns:
        A loss from ((*models, …, classes), (…, classes)) to (*models,), dtype that of y:
        log-probabilities as `log_softmax` gives them; targets are probabilities. Without
        reduction, to (*models, …).

    Raises:
        InputError, KindError: an argument is none of these.
        ShapeError: y and t differ in shape.

    Kullback and Leibler, "On information and sufficiency" (1951).

    >>> import torch
    >>> y = torch.tensor([[0.5, 0.5]]).log()
    >>> kl_divergence()((), (y, torch.tensor([[0.0, 1.0]])))[0]
    tensor(0.6931)
    """

    def rule(y: Tensor, t: Tensor) -> Pair:
        losses = t.xlogy(t).sub(t.mul(y)).sum(-1)
        return losses, lambda d: t.mul(d.neg().unsqueeze(-1)).expand(y.shape)

    return loss("kl_divergence", rule, reduction, models, each_row)
