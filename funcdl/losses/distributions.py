"""Losses on probabilities: how far one distribution is from another."""

from __future__ import annotations

from collections.abc import Callable

from funcdl.contract import Layer
from funcdl.losses.loss import ROWS, loss
from funcdl.ops.choose import ZERO, only
from funcdl.tensor import Tensor

__all__ = ["binary_cross_entropy", "kl_divergence"]

Pair = tuple[Tensor, Callable[[Tensor], Tensor]]


def binary_cross_entropy(*, reduction: str = "mean", models: int = 0) -> Layer:
    """Mean cross entropy of logits against probabilities of yes and no (of each model).

        l = (1/n) Σ log(1 + e^y) − t y        dy = (1 / (1 + e^−y) − t) dl / n

    Both are computed from |y| and the share of what |y| speaks against, so that neither cancels
    where a confident output is right.

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
        # log(1 + e^y) − t y is log(1 + e^−y) + (1 − t) y too.
        surety = y.abs()
        doubted = t.neg().add_(1).where(y.gt(0), t)
        losses = surety.neg().logaddexp(ZERO).add_(only(surety, doubted.bool()).mul_(doubted))

        def pull(d: Tensor) -> Tensor:
            rise = surety.neg().sigmoid_().sub_(doubted)
            return rise.neg().where(y.gt(0), rise).mul_(d)

        return losses, pull

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
        # 0 log 0 is 0, and so is 0 times an infinite y; but NaN stays NaN.
        counted = t.ne(0).logical_or(y.isnan())
        losses = only(t.log().sub(y), counted).mul_(t).sum(-1)
        return losses, lambda d: t.mul(d.neg().unsqueeze(-1)).expand(y.shape)

    return loss("kl_divergence", rule, reduction, models, ROWS)
