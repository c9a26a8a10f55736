"""Losses on classes: how little the output thinks of the right one."""

from __future__ import annotations

from collections.abc import Callable

from funcdl.arguments import number
from funcdl.contract import Layer, Value
from funcdl.errors import InputError
from funcdl.losses.loss import CLASSES, loss
from funcdl.losses.worth import fitting, worth
from funcdl.ops.choose import only
from funcdl.ops.log_softmax import log_softmax
from funcdl.tensor import Tensor

__all__ = ["cross_entropy", "index_of", "nll"]

SOFT = CLASSES[0], "target: *models? … classes ~"

Pair = tuple[Tensor, Callable[[Tensor], Tensor]]


def cross_entropy(
    *,
    soft: bool = False,
    label_smoothing: float = 0.0,
    weights: Tensor | None = None,
    ignore: int | None = None,
    reduction: str = "mean",
    models: int = 0,
) -> Layer[tuple[()], Value, Tensor]:
    """Mean cross entropy of logits against classes, or against distributions (of each model).

        l = −(1/n) Σ log softmax(y)[t]        dy = (softmax(y) − onehot(t)) dl / n

    In general l = −(1/n) Σ w · q log softmax(y), where q is onehot(t), or with `soft` the target
    itself; label smoothing takes (1 − ε) q + ε / classes for q.

    Args:
        soft: the targets are distributions of the shape of y, not classes.
        label_smoothing: ε, in [0, 1).
        weights: w of shape (classes,). The mean is then that of the weights of the classes: it
            divides by Σ w[t], not by n, as in PyTorch; with `soft`, by n.
        ignore: the target whose rows do not count, neither in the sum nor in what divides it:
            a class, or any other integer, such as −100.
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
    >>> cross_entropy(ignore=-1)((), (torch.zeros(3, 2), torch.tensor([1, -1, -1])))[0]
    tensor(0.6931)
    """
    name = "cross_entropy"
    number(name, "label_smoothing", label_smoothing, 0, 1)
    counts = worth(name, weights, ignore)
    if soft and ignore is not None:
        raise InputError(f"{name}: expected no class to ignore with soft targets, got {ignore}")

    def picked(y: Tensor, t: Tensor) -> Pair:
        log_p, _ = log_softmax(y)
        losses, index = _picked(log_p, t)

        def slope(d: Tensor) -> Tensor:
            # p − 1 of the right class is computed as −Σ p of the others, which does not cancel.
            p = log_p.exp().scatter_(-1, index, 0.0)
            missing = p.sum(-1, keepdim=True).neg_()
            return p.scatter_(-1, index, missing).mul_(d.unsqueeze(-1))

        return losses, slope

    def shared(y: Tensor, t: Tensor) -> Pair:
        log_p, back = log_softmax(y)
        share = t if soft else _one_hot(log_p, t)
        if label_smoothing:
            share = share.mul(1 - label_smoothing).add_(label_smoothing / log_p.shape[-1])
        if weights is not None:
            share = share.mul(fitting(name, weights, log_p))

        losses = only(log_p, share.bool()).mul_(share).sum(-1).neg_()
        return losses, lambda d: back(share.mul(d.neg().unsqueeze(-1)))

    if soft or label_smoothing:
        rule = counts.masked(shared)
    else:
        rule = counts.weighed(picked) if counts else picked
    args = [
        *["soft=True"] * bool(soft),
        *[f"label_smoothing={label_smoothing:g}"] * (label_smoothing > 0),
        *counts.args,
    ]
    by_weight = counts and not soft and reduction == "mean"
    return loss(
        name,
        rule,
        reduction,
        models,
        SOFT if soft else CLASSES,
        ", ".join(args),
        counts.mean(rule, models) if by_weight else None,
    )


def nll(
    *,
    weights: Tensor | None = None,
    ignore: int | None = None,
    reduction: str = "mean",
    models: int = 0,
) -> Layer[tuple[()], Value, Tensor]:
    """Mean negative log-likelihood: the cross entropy of log-probabilities (of each model).

        l = −(1/n) Σ y[t]        dy = −onehot(t) dl / n

    With weights l = −Σ w[t] y[t] / Σ w[t].

    Args:
        weights: w of shape (classes,).
        ignore: the target whose rows do not count, as in `cross_entropy`.
        reduction: "mean", "sum" or "none".
        models: leading axes of y that count models. The target may lack them.

    Returns:
        A loss from ((*models, …, classes), (…)) to (*models,), dtype that of y: log-probabilities
        as `log_softmax` gives them; targets are int64 in [0, classes).

    Raises:
        ShapeError: t has another shape than y without its last axis, or there are not as many
            weights as classes.
        KindError: t is not int64.
        InputError: a class is out of range.

    Fisher, "On the mathematical foundations of theoretical statistics" (1922).

    >>> import torch
    >>> y = torch.tensor([[0.25, 0.75]]).log()
    >>> nll()((), (y, torch.tensor([0])))[0]
    tensor(1.3863)
    """
    counts = worth("nll", weights, ignore)

    def picked(y: Tensor, t: Tensor) -> Pair:
        losses, index = _picked(y, t)

        def pull(d: Tensor) -> Tensor:
            own = d.neg().unsqueeze(-1).expand(index.shape)
            return y.new_zeros(y.shape).scatter_(-1, index, own)

        return losses, pull

    rule = counts.weighed(picked) if counts else picked
    mean = counts.mean(rule, models) if counts and reduction == "mean" else None
    return loss("nll", rule, reduction, models, CLASSES, ", ".join(counts.args), mean)


def _picked(log_p: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Pick each row's class: −log p of it, and its index (…, 1)."""
    index = index_of(log_p, t)
    return log_p.gather(-1, index).squeeze(-1).neg_(), index


def _one_hot(log_p: Tensor, t: Tensor) -> Tensor:
    """Give the class of each row all of the share."""
    return log_p.new_zeros(log_p.shape).scatter_(-1, index_of(log_p, t), 1.0)


def index_of(y: Tensor, t: Tensor) -> Tensor:
    """View the classes as an index (*rows of y, 1)."""
    index = t.unsqueeze(-1)
    return index if index.ndim == y.ndim else index.expand(*y.shape[:-1], 1)
