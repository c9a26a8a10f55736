"""Losses on classes: how little the output thinks of the right one."""

from __future__ import annotations

from collections.abc import Callable

from funcdl.arguments import number, show
from funcdl.contract import Layer
from funcdl.errors import KindError, ShapeError
from funcdl.losses.loss import CLASSES, Reduction, loss
from funcdl.ops.choose import only
from funcdl.ops.log_softmax import log_softmax
from funcdl.tensor import Tensor

__all__ = ["cross_entropy", "nll"]

SOFT = CLASSES[0], "target: *models? … classes ~"

Pair = tuple[Tensor, Callable[[Tensor], Tensor]]


def cross_entropy(
    *,
    soft: bool = False,
    label_smoothing: float = 0.0,
    weights: Tensor | None = None,
    reduction: str = "mean",
    models: int = 0,
) -> Layer:
    """Mean cross entropy of logits against classes, or against distributions (of each model).

        l = −(1/n) Σ log softmax(y)[t]        dy = (softmax(y) − onehot(t)) dl / n

    In general l = −(1/n) Σ w · q log softmax(y), where q is onehot(t), or with `soft` the target
    itself; label smoothing takes (1 − ε) q + ε / classes for q.

    Args:
        soft: the targets are distributions of the shape of y, not classes.
        label_smoothing: ε, in [0, 1).
        weights: w of shape (classes,). The mean is then that of the weights of the classes: it
            divides by Σ w[t], not by n, as in PyTorch; with `soft`, by n.
        reduction: "mean", "sum" or "none".
        models: leading axes of y that count models. The target may lack them.

    Returns:
        A loss from ((*models, …, classes), (…)) to (*models,), dtype that of y; targets are
        int64 in [0, classes), or with `soft` shares of shape (…, classes). Without reduction, to
        (*models, …).

    Raises:
        ShapeError: t has another shape than y without its last axis (with `soft`, than y), or
            there are not as many weights as classes.
        KindError: t is not int64.
        InputError: a class, or an argument, is out of range.

    Good, "Rational decisions" (1952); on the softmax: Bridle, "Probabilistic interpretation of
    feedforward classification network outputs" (1990); smoothing: Szegedy et al., "Rethinking the
    Inception architecture for computer vision" (2016).

    >>> import torch
    >>> loss, vjp = cross_entropy()((), (torch.zeros(1, 2), torch.tensor([1])))
    >>> loss, vjp(torch.ones(()))[1][0]
    (tensor(0.6931), tensor([[ 0.5000, -0.5000]]))
    """
    name = "cross_entropy"
    number(name, "label_smoothing", label_smoothing, 0, 1)
    if weights is not None and not (isinstance(weights, Tensor) and weights.ndim == 1):
        raise KindError(f"{name}: expected weights to be a tensor of shape (classes,)")

    def rule(y: Tensor, t: Tensor) -> Pair:
        log_p, back = log_softmax(y)
        if soft or label_smoothing:
            return shared(log_p, back, t)
        losses, index = _picked(log_p, t)

        def slope(d: Tensor) -> Tensor:
            # p − 1 of the right class is computed as −Σ p of the others, which does not cancel.
            p = log_p.exp().scatter_(-1, index, 0.0)
            missing = p.sum(-1, keepdim=True).neg_()
            return p.scatter_(-1, index, missing).mul_(d.unsqueeze(-1))

        if weights is None:
            return losses, slope
        worth = _worth(weights, log_p, t)
        counted = worth.bool()

        def pull(d: Tensor) -> Tensor:
            return only(slope(worth.mul(d)), counted.unsqueeze(-1))

        return only(losses, counted).mul_(worth), pull

    def shared(log_p: Tensor, back: Callable[[Tensor], Tensor], t: Tensor) -> Pair:
        share = t if soft else _one_hot(log_p, t)
        if label_smoothing:
            share = share.mul(1 - label_smoothing).add_(label_smoothing / log_p.shape[-1])
        if weights is not None:
            share = share.mul(_like(weights, log_p))

        losses = only(log_p, share.bool()).mul_(share).sum(-1).neg_()
        return losses, lambda d: back(share.mul(d.neg().unsqueeze(-1)))

    def weighted_mean(y: Tensor, t: Tensor) -> Pair:
        if not t.numel():
            raise ZeroDivisionError("the mean of nothing")
        losses, pull = rule(y, t)
        total = Reduction("sum", models)
        value, spread = total.reduce(losses)
        size, _ = total.reduce(_worth(weights, y, t))  # type: ignore[arg-type]
        return value.div(size), lambda dl: pull(spread(dl.div(size)))

    args = [
        *["soft=True"] * bool(soft),
        *[f"label_smoothing={label_smoothing:g}"] * (label_smoothing > 0),
        *["weights"] * (weights is not None),
    ]
    by_weight = weights is not None and not soft and reduction == "mean"
    return loss(
        name,
        rule,
        reduction,
        models,
        SOFT if soft else CLASSES,
        ", ".join(args),
        weighted_mean if by_weight else None,
    )


def nll(*, reduction: str = "mean", models: int = 0) -> Layer:
    """Mean negative log-likelihood: the cross entropy of log-probabilities (of each model).

        l = −(1/n) Σ y[t]        dy = −onehot(t) dl / n

    Args:
        reduction: "mean", "sum" or "none".
        models: leading axes of y that count models. The target may lack them.

    Returns:
        A loss from ((*models, …, classes), (…)) to (*models,), dtype that of y: log-probabilities
        as `log_softmax` gives them; targets are int64 in [0, classes).

    Raises:
        ShapeError: t has another shape than y without its last axis.
        KindError: t is not int64.
        InputError: a class is out of range.

    Fisher, "On the mathematical foundations of theoretical statistics" (1922).

    >>> import torch
    >>> y = torch.tensor([[0.25, 0.75]]).log()
    >>> nll()((), (y, torch.tensor([0])))[0]
    tensor(1.3863)
    """

    def rule(y: Tensor, t: Tensor) -> Pair:
        losses, index = _picked(y, t)

        def pull(d: Tensor) -> Tensor:
            own = d.neg().unsqueeze(-1).expand(index.shape)
            return y.new_zeros(y.shape).scatter_(-1, index, own)

        return losses, pull

    return loss("nll", rule, reduction, models, CLASSES)


def _picked(log_p: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Pick each row's class: −log p of it, and its index (…, 1)."""
    index = _index(log_p, t)
    return log_p.gather(-1, index).squeeze(-1).neg_(), index


def _one_hot(log_p: Tensor, t: Tensor) -> Tensor:
    """Give the class of each row all of the share."""
    return log_p.new_zeros(log_p.shape).scatter_(-1, _index(log_p, t), 1.0)


def _index(y: Tensor, t: Tensor) -> Tensor:
    index = t.unsqueeze(-1)
    return index if index.ndim == y.ndim else index.expand(*y.shape[:-1], 1)


def _worth(weights: Tensor, y: Tensor, t: Tensor) -> Tensor:
    """Look up the weight of each row's class."""
    worth = _like(weights, y).take(t)
    return worth if worth.ndim == y.ndim - 1 else worth.expand(y.shape[:-1])


def _like(weights: Tensor, y: Tensor) -> Tensor:
    if len(weights) != y.shape[-1]:
        got = show(weights.shape)
        raise ShapeError(f"cross_entropy: expected {y.shape[-1]} weights, got {got}")
    return weights.to(y.device, y.dtype)
