"""Losses that look at what is hard: an example that is nearly right counts little."""

from __future__ import annotations

from collections.abc import Callable

from funcdl.arguments import number
from funcdl.contract import Layer, Value
from funcdl.errors import InputError
from funcdl.losses.classes import index_of
from funcdl.losses.loss import CLASSES, loss
from funcdl.losses.worth import worth
from funcdl.ops.choose import ZERO
from funcdl.ops.log_softmax import log_softmax
from funcdl.tensor import Tensor

__all__ = ["binary_focal", "focal"]

Pair = tuple[Tensor, Callable[[Tensor], Tensor]]

# Beyond it e^−|x| is 0 in any dtype. What is multiplied by it is bounded, lest 0 times infinity
# come out.
FAR = 1000.0
TINY = 1e-38


def focal(
    gamma: float = 2.0,
    *,
    weights: Tensor | None = None,
    ignore: int | None = None,
    reduction: str = "mean",
    models: int = 0,
) -> Layer[tuple[()], Value, Tensor]:
    """Mean cross entropy of logits, less of what is likely already (of each model).

        l = −(1/n) Σ w[t] q^gamma log p,   p = softmax(y)[t], q = 1 − p
        dy = w[t] (q^gamma − gamma q^(gamma − 1) p log p) (softmax(y) − onehot(t)) dl / n

    With `gamma` 0 it is `cross_entropy`, whose mean it has too: it divides by Σ w[t].

    Args:
        gamma: at least 0.
        weights: w of shape (classes,).
        ignore: the target whose rows do not count, as in `cross_entropy`.
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

    Lin, Goyal, Girshick, He and Dollár, "Focal loss for dense object detection" (2017).

    >>> import torch
    >>> focal()((), (torch.zeros(1, 2), torch.tensor([1])))[0]
    tensor(0.1733)
    """
    number("focal", "gamma", gamma, 0)
    counts = worth("focal", weights, ignore)

    def hard(y: Tensor, t: Tensor) -> Pair:
        log_p, _ = log_softmax(y)
        index = index_of(log_p, t)
        own = log_p.gather(-1, index)
        # 1 − p is the sum of the others, which does not cancel.
        others = log_p.exp().scatter_(-1, index, 0.0)
        q = others.sum(-1, keepdim=True)
        factor = q.pow(gamma)

        def slope(d: Tensor) -> Tensor:
            known = own.clamp_min(-FAR)
            # The factor of p − onehot, divided by q^gamma, and of the right class times q.
            bent = known.exp().mul_(known).mul_(-gamma)
            each = others.mul(bent.div(q.clamp_min(TINY)).add_(1))
            mine = q.add(bent).neg_()
            return each.scatter_(-1, index, mine).mul_(factor).mul_(d.unsqueeze(-1))

        return factor.mul(own).squeeze(-1).neg_(), slope

    rule = counts.weighed(hard) if counts else hard
    mean = counts.mean(rule, models) if counts and reduction == "mean" else None
    args = [f"{gamma:g}"] * (gamma != 2) + counts.args
    return loss("focal", rule, reduction, models, CLASSES, ", ".join(args), mean)


def binary_focal(
    gamma: float = 2.0,
    *,
    share: float | None = None,
    reduction: str = "mean",
    models: int = 0,
) -> Layer[tuple[()], Value, Tensor]:
    """Mean cross entropy of logits against yes and no, less of what is sure (of each model).

        l = (1/n) Σ w q^gamma log(1 + e^−s),   s = y where t = 1, −y where t = 0
        q = 1 / (1 + e^s)        ds = −w q^gamma (q + gamma (1 − q) log(1 + e^−s)) dl / n

    Args:
        gamma: at least 0.
        share: what a yes counts, in [0, 1], and 1 − share what a no counts; None for 1 of both. The
            paper has 0.25, with many noes.
        reduction: "mean", "sum" or "none".
        models: leading axes of y that count models. The target may lack them.

    Returns:
        A loss from ((*models, …), (…)) to (*models,), dtype that of y; targets are 0 and 1.
        Without reduction, to the shape of y.

    Raises:
        InputError, KindError: an argument is none of these.
        ShapeError: y and t differ in shape.

    Lin, Goyal, Girshick, He and Dollár, "Focal loss for dense object detection" (2017).

    >>> import torch
    >>> binary_focal(share=0.25)((), (torch.zeros(2), torch.tensor([0.0, 1.0])))[0]
    tensor(0.0866)
    """
    number("binary_focal", "gamma", gamma, 0)
    if share is not None and number("binary_focal", "share", share, 0) > 1:
        raise InputError(f"binary_focal: expected share to be at most 1, got {share}")

    def rule(y: Tensor, t: Tensor) -> Pair:
        sign = t.mul(2).sub_(1)
        s = y.mul(sign)
        entropy, q = s.neg().logaddexp(ZERO), s.neg().sigmoid_()
        factor = q.pow(gamma)
        if share is not None:
            factor.mul_(t.mul(2 * share - 1).add_(1 - share))

        def pull(d: Tensor) -> Tensor:
            rise = entropy.clamp_max(FAR).mul_(s.sigmoid()).mul_(gamma).add_(q)
            return rise.mul_(factor).mul_(sign).mul_(d.neg())

        return factor.mul(entropy), pull

    args = [f"{gamma:g}"] * (gamma != 2) + [f"share={share}"] * (share is not None)
    return loss("binary_focal", rule, reduction, models, args=", ".join(args))
