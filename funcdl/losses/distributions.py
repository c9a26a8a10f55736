"""Losses on probabilities: how far one distribution is from another."""

from __future__ import annotations

from collections.abc import Callable

from funcdl.arguments import each_number, show
from funcdl.contract import Layer, Value
from funcdl.errors import KindError, ShapeError
from funcdl.losses.loss import ROWS, loss
from funcdl.misuse import short
from funcdl.ops.choose import ZERO, only, passed, turned, upper
from funcdl.tensor import Tensor

__all__ = ["binary_cross_entropy", "kl_divergence", "logistic", "spread"]

Pair = tuple[Tensor, Callable[[Tensor], Tensor]]


def binary_cross_entropy(
    *,
    weights: Tensor | None = None,
    pos_weight: float | Tensor | None = None,
    reduction: str = "mean",
    models: int = 0,
) -> Layer[tuple[()], Value, Tensor]:
    """Mean cross entropy of logits against probabilities of yes and no (of each model).

        l = (1/n) Σ log(1 + e^y) − t y        dy = (1 / (1 + e^−y) − t) dl / n

    Both are computed from |y| and the share of what |y| speaks against, so that neither cancels
    where a confident output is right. In general l = (1/n) Σ w (p t log(1 + e^−y) +
    (1 − t) log(1 + e^y)).

    Args:
        weights: w, of a shape that broadcasts to that of y: one for each class, for instance.
        pos_weight: p, what a yes counts beside a no: a number, or a tensor like the weights. The
            number of noes divided by that of yeses makes up for a class that is rare.
        reduction: "mean", "sum" or "none". The mean divides by n, whatever the weights.
        models: leading axes of y that count models. The target may lack them.

    Returns:
        A loss from ((*models, …), (…)) to (*models,), dtype that of y; targets are floats in
        [0, 1]. Without reduction, to the shape of y.

    Raises:
        InputError, KindError: an argument is none of these.
        ShapeError: y and t differ in shape, or weights do not fit y.

    Cox, "The regression analysis of binary sequences" (1958).

    >>> import torch
    >>> loss, vjp = binary_cross_entropy()((), (torch.zeros(2), torch.tensor([0.0, 1.0])))
    >>> loss, vjp(torch.ones(()))[1][0]
    (tensor(0.6931), tensor([ 0.2500, -0.2500]))
    >>> binary_cross_entropy(pos_weight=3.0)((), (torch.zeros(2), torch.tensor([0.0, 1.0])))[0]
    tensor(1.3863)
    """
    name = "binary_cross_entropy"
    if weights is not None and not isinstance(weights, Tensor):
        raise KindError(f"{name}: expected weights to be a tensor, got {short(weights)}")
    if pos_weight is not None:
        each_number(name, "pos_weight", pos_weight, 0)

    def rule(y: Tensor, t: Tensor) -> Pair:
        yes = pos_weight
        if isinstance(yes, Tensor):
            yes = spread(name, "pos_weight", yes, y)
        losses, pull = logistic(y, t, yes)
        if weights is None:
            return losses, pull
        each = spread(name, "weights", weights, y)
        counted = each.bool()
        return only(losses, counted).mul_(each), lambda d: only(pull(each.mul(d)), counted)

    args = ["weights"] * (weights is not None)
    if pos_weight is not None:
        said = "tensor" if isinstance(pos_weight, Tensor) else f"{pos_weight:g}"
        args.append(f"pos_weight={said}")
    return loss(name, rule, reduction, models, args=", ".join(args))


def logistic(y: Tensor, t: Tensor, yes: float | Tensor | None = None) -> Pair:
    """Compute p t log(1 + e^−y) + (1 − t) log(1 + e^y) of each number, and its slope."""
    # log(1 + e^y) is log(1 + e^−y) + y. What |y| speaks against is p t, or 1 − t.
    surety, no = y.abs(), t.neg().add_(1)
    pro = t if yes is None else t.mul(yes)
    doubted = upper(no, pro, y)
    both = None if yes is None else no.add(pro)
    unsure = surety.neg().logaddexp(ZERO)
    if both is not None:
        unsure.mul_(both)
    losses = unsure.add_(passed(surety, doubted).mul_(doubted))

    def pull(d: Tensor) -> Tensor:
        rise = surety.neg().sigmoid_()
        rise = (rise if both is None else rise.mul_(both)).sub_(doubted)
        return turned(rise, y).mul_(d)

    return losses, pull


def spread(name: str, what: str, weights: Tensor, y: Tensor) -> Tensor:
    """Give weights the shape of y, and its dtype.

    Raises:
        ShapeError: they do not broadcast to it.
    """
    try:
        return weights.to(y.device, y.dtype).expand(y.shape)
    except RuntimeError:
        got = show(weights.shape)
        raise ShapeError(
            f"{name}: expected {what} to broadcast to {show(y.shape)}, got {got}"
        ) from None


def kl_divergence(*, reduction: str = "mean", models: int = 0) -> Layer[tuple[()], Value, Tensor]:
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
