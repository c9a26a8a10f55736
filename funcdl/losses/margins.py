"""Losses with a margin: none for what is right by enough."""

from __future__ import annotations

from collections.abc import Callable

from funcdl.contract import Layer
from funcdl.losses.loss import loss
from funcdl.ops.choose import only
from funcdl.tensor import Tensor

__all__ = ["hinge"]


def hinge(*, reduction: str = "mean", models: int = 0) -> Layer:
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

    def rule(y: Tensor, t: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        missed = y.mul(t).neg_().add_(1).relu_()
        return missed, lambda d: only(t.mul(d.neg()), missed.bool())

    return loss("hinge", rule, reduction, models)
