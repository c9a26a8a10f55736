"""Losses on classes with a margin, one class or several for each example, as modules."""

from __future__ import annotations

from funcdl.arguments import LARGEST, integer, number
from funcdl.contract import Layer, Params, Value, Vjp
from funcdl.errors import InputError, KindError
from funcdl.losses import (
    multi_label_margin,
    multi_label_soft_margin,
    multi_margin,
    soft_margin,
)
from funcdl.module.doors import around
from funcdl.module.losses import Loss
from funcdl.tensor import Generator, Tensor

__all__ = [
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "SoftMarginLoss",
]


class SoftMarginLoss(Loss):
    """PyTorch's `SoftMarginLoss`: log(1 + e^(−t y)) for targets of 1 and −1; it does not overflow.

    >>> import torch
    >>> SoftMarginLoss()(torch.zeros(2), torch.tensor([1.0, -1.0]))
    tensor(0.6931)
    """

    factory = staticmethod(soft_margin)

    def __init__(
        self, size_average: None = None, reduce: None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(locals(), soft_margin(reduction=reduction))


class MultiMarginLoss(Loss):
    """PyTorch's `MultiMarginLoss`: of (batch, classes), or (classes,), and a class of each.

    Args:
        p: 1, or 2 for squares.
        margin: any number.
        weight: of each class, as a tensor.
        reduction: "mean", "sum" or "none".

    >>> import torch
    >>> MultiMarginLoss()(torch.tensor([[0.5, 0.0, 2.0]]), torch.tensor([0]))
    tensor(1.)
    """

    factory = staticmethod(multi_margin)

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        integer("MultiMarginLoss", "p", p, 1, 2)
        number("MultiMarginLoss", "margin", margin, -LARGEST)
        super().__init__(
            locals(), multi_margin(margin, power=p, weights=weight, reduction=reduction)
        )


class MultiLabelSoftMarginLoss(Loss):
    """PyTorch's `MultiLabelSoftMarginLoss`: of logits (batch, classes), and 1 for each class.

    Args:
        weight: of each class, as a tensor.
        reduction: "mean", "sum" or "none".

    >>> import torch
    >>> MultiLabelSoftMarginLoss()(torch.zeros(5, 3), torch.ones(5, 3))
    tensor(0.6931)
    """

    factory = staticmethod(multi_label_soft_margin)

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(locals(), multi_label_soft_margin(weights=weight, reduction=reduction))


class MultiLabelMarginLoss(Loss):
    """PyTorch's `MultiLabelMarginLoss`: the target lists classes, up to the first −1.

    Of what the functions take, a 1 for each class, it is `multi_label_margin`.

    >>> import torch
    >>> y, t = torch.tensor([[0.1, 0.2, 0.4, 0.8]]), torch.tensor([[3, 0, -1, 1]])
    >>> MultiLabelMarginLoss()(y, t)
    tensor(0.8500)
    """

    factory = staticmethod(multi_label_margin)

    def __init__(
        self, size_average: None = None, reduce: None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(locals(), _listed(multi_label_margin(reduction=reduction)))


def _listed(inner: Layer) -> Layer:
    """Count the classes that a target lists."""
    name = "MultiLabelMarginLoss"

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        pair = isinstance(x, tuple) and len(x) == 2 and all(isinstance(v, Tensor) for v in x)
        if not pair or not x[0].ndim or x[0].shape != x[1].shape:
            return inner.at(name, params, x, rng)  # which says what is wrong
        y, t = x
        if t.is_floating_point() or str(t.dtype) == "torch.bool":
            raise KindError(f"{name}: expected target to be integers, got {t.dtype}")
        classes = y.shape[-1]
        if t.numel() and not bool(t.ge(-1).logical_and(t.lt(classes)).all()):
            raise InputError(f"{name}: expected target from -1 to {classes - 1}")
        listed = t.ge(0).long().cumprod(-1)
        counts = y.new_zeros(y.shape).scatter_add_(-1, t.long().clamp_min(0), listed.to(y.dtype))
        return inner.at(name, params, (y, counts), rng)

    return around(name, inner, None, apply)
