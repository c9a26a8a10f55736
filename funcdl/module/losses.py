"""Losses on numbers as modules, by PyTorch's names and by the assignment's.

`forward(output, target)`, then `backward()`: the gradient of the output, which that of a network
begins with. `LossMSE` and its like are the names of the assignment for `MSELoss` and its like.
"""

from __future__ import annotations

from typing import Any, ClassVar

from funcdl.arguments import number
from funcdl.contract import Layer, Value
from funcdl.errors import KindError
from funcdl.losses import (
    huber,
    l1,
    mse,
)
from funcdl.losses.loss import loss
from funcdl.module.loss_rules import (
    smooth_l1,
)
from funcdl.module.named import Named, refuse
from funcdl.tensor import Tensor

__all__ = [
    "HuberLoss",
    "L1Loss",
    "LossHuber",
    "LossL1",
    "LossMSE",
    "MSELoss",
    "SmoothL1Loss",
]


class Loss(Named):
    """A loss as a module: the target comes last, and the gradient is that of the output alone."""

    _last: Tensor | None = None

    def __init__(self, given: dict[str, Any], layer: Layer) -> None:
        for old in ("size_average", "reduce"):
            refuse(self._name, old, given.get(old), None, 'write reduction="mean" or another')
        super().__init__(given, layer)

    _inputs: ClassVar[tuple[str, ...]] = ("input", "target")

    def forward(self, *input: Any) -> Value:
        """Return the loss of (output, target), or of (output, output, target)."""
        if len(input) == 1 and not isinstance(input[0], tuple):
            raise KindError(f"{self._name}: expected an output and a target, got one of them")
        if len(input) > 2:
            input = (input[:-1], input[-1])
        self._last = super().forward(*input)
        return self._last

    def backward(self, *gradwrtoutput: Any) -> Value:
        """Return the gradient with respect to the output; the target, being data, has none."""
        if not gradwrtoutput and self._last is not None:
            gradwrtoutput = (self._last.new_ones(self._last.shape),)
        dy, _ = super().backward(*gradwrtoutput)
        return dy


class MSELoss(Loss):
    """PyTorch's `MSELoss`.

    >>> import torch
    >>> MSELoss(reduction="sum")(torch.tensor([1.0, 3.0]), torch.zeros(2))
    tensor(10.)
    """

    factory = staticmethod(mse)

    def __init__(
        self, size_average: None = None, reduce: None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(locals(), mse(reduction=reduction))


class L1Loss(Loss):
    """PyTorch's `L1Loss`.

    >>> import torch
    >>> L1Loss()(torch.tensor([1.0, 3.0]), torch.zeros(2))
    tensor(2.)
    """

    factory = staticmethod(l1)

    def __init__(
        self, size_average: None = None, reduce: None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(locals(), l1(reduction=reduction))


class SmoothL1Loss(Loss):
    """PyTorch's `SmoothL1Loss`: the Huber loss divided by beta; with beta=0, `L1Loss`.

    >>> import torch
    >>> SmoothL1Loss(beta=2.0)(torch.tensor([1.0, 3.0]), torch.zeros(2))
    tensor(1.1250)
    """

    factory = staticmethod(huber)

    def __init__(
        self,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ) -> None:
        number("SmoothL1Loss", "beta", beta, 0)
        layer = (
            loss("smooth_l1", smooth_l1(beta), reduction, 0) if beta else l1(reduction=reduction)
        )
        super().__init__(locals(), layer)


class HuberLoss(Loss):
    """PyTorch's `HuberLoss`.

    >>> import torch
    >>> HuberLoss("sum")(torch.tensor([1.0, -3.0]), torch.zeros(2))
    tensor(3.)
    """

    factory = staticmethod(huber)

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(locals(), huber(delta, reduction=reduction))


class LossMSE(MSELoss):
    """`MSELoss` by the assignment's name.

    >>> LossMSE()
    LossMSE()
    """


class LossL1(L1Loss):
    """`L1Loss` by a name as the assignment gives them."""


class LossHuber(HuberLoss):
    """`HuberLoss` by a name as the assignment gives them."""
