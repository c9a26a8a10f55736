"""Losses on classes: how little the output thinks of the right one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcdl.arguments import number, show
from funcdl.contract import Layer
from funcdl.errors import InputError, KindError, ShapeError
from funcdl.losses.loss import Kind, Reduction, loss, same_shape, without_last
from funcdl.tensor import Tensor

__all__ = ["cross_entropy", "nll"]

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
        int64 in [0, classes), or with `soft` floats of shape (…, classes). Without reduction, to
        (*models, …).

    Raises:
        ShapeError: t has another shape than y without its last axis (with `soft`, than y), or
            there are not as many weights as classes.
        KindError: t is not int64, or with `soft` no floats.
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
    simple = not soft and not label_smoothing

    def rule(y: Tensor, t: Tensor) -> Pair:
        log_p = y.log_softmax(-1)
        if simple and weights is None:
            losses, scatter = _picked(name, log_p, t)
            return losses, lambda d: scatter(log_p.exp().mul_(d.unsqueeze(-1)), d)
        share = _shares(name, y, t, soft, label_smoothing)
        if weights is not None:
            share = share.mul(_fitting(name, weights, y))
        losses = log_p.mul(share).sum(-1).neg_()

        def pull(d: Tensor) -> Tensor:
            dy = log_p.exp().mul_(share.sum(-1, keepdim=True))
            return dy.sub_(share).mul_(d.unsqueeze(-1))

        return losses, pull

    def weighted_mean(y: Tensor, t: Tensor) -> Pair:
        losses, pull = rule(y, t)
        w = _fitting(name, weights, y).gather(0, t.flatten()).reshape(t.shape).expand(losses.shape)
        total = Reduction("sum", models)
        size = total.reduce(w)
        return total.reduce(losses).div(size), lambda dl: pull(total.spread(dl.div(size), losses))

    by_weight = weights is not None and not soft and reduction == "mean"
    args = [
        *["soft=True"] * soft,
        *[f"label_smoothing={label_smoothing:g}"] * (label_smoothing > 0),
        *["weights"] * (weights is not None),
    ]
    return loss(
        name,
        rule,
        reduction,
        models,
        Kind(without_last.losses, (same_shape if soft else without_last).target),
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
        losses, scatter = _picked("nll", y, t)
        return losses, lambda d: scatter(y.new_zeros(y.shape), d)

    return loss("nll", rule, reduction, models, without_last)


def _picked(name: str, log_p: Tensor, t: Tensor) -> tuple[Tensor, Callable[..., Tensor]]:
    """Pick each row's class; `scatter(dy, d)` takes the cotangent d from dy there."""
    index = _index(name, log_p, t)
    try:
        losses = log_p.gather(-1, index).squeeze(-1).neg_()
    except (RuntimeError, IndexError):
        raise _out_of_range(name, log_p, t) from None

    def scatter(dy: Tensor, d: Tensor) -> Tensor:
        return dy.scatter_add_(-1, index, d.neg().unsqueeze(-1).expand(index.shape))

    return losses, scatter


def _index(name: str, y: Tensor, t: Tensor) -> Tensor:
    if t.is_floating_point() or t.element_size() != 8:
        raise KindError(f"{name}: expected the target to be int64, got {t.dtype}")
    return t.expand(y.shape[:-1]).unsqueeze(-1)


def _out_of_range(name: str, y: Tensor, t: Tensor) -> InputError:
    return InputError(
        f"{name}: expected classes from 0 to {y.shape[-1] - 1}, got one of "
        f"{int(t.min())} to {int(t.max())}"
    )


def _shares(name: str, y: Tensor, t: Tensor, soft: bool, smoothing: float) -> Tensor:
    """Give each class's share of the target."""
    if soft:
        if not t.is_floating_point():
            raise KindError(f"{name}: expected soft targets to be floats, got {t.dtype}")
        share = t
    else:
        index = _index(name, y, t)
        try:
            share = y.new_zeros(y.shape).scatter_(-1, index, 1.0)
        except (RuntimeError, IndexError):
            raise _out_of_range(name, y, t) from None
    if smoothing:
        share = share.mul(1 - smoothing).add_(smoothing / y.shape[-1])
    return share.expand(y.shape)


def _fitting(name: str, weights: Any, y: Tensor) -> Tensor:
    if weights.shape[-1] != y.shape[-1]:
        raise ShapeError(f"{name}: expected {y.shape[-1]} weights, got {show(weights.shape)}")
    fitting: Tensor = weights.to(y.device, y.dtype)
    return fitting
