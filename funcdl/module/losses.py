"""The losses as modules, a row each: `forward(output, target)`, then `backward()`."""

from __future__ import annotations

from typing import Any

from funcdl.contract import Value
from funcdl.losses import (
    binary_cross_entropy,
    contrastive,
    cosine_distance,
    cross_entropy,
    hinge,
    huber,
    kl_divergence,
    l1,
    mse,
    nll,
)
from funcdl.module.named import Named
from funcdl.tensor import Tensor

__all__ = [
    "LossBCE",
    "LossContrastive",
    "LossCosine",
    "LossCrossEntropy",
    "LossHinge",
    "LossHuber",
    "LossKLDiv",
    "LossL1",
    "LossMSE",
    "LossNLL",
]


class Loss(Named):
    """A loss as a module: the target comes last, and the gradient is that of the output alone."""

    _last: Tensor | None = None

    def forward(self, *input: Any) -> Value:
        """Return the loss of (output, target), or of (output, output, target)."""
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


class LossBCE(Loss, of=binary_cross_entropy): ...


class LossContrastive(Loss, of=contrastive): ...


class LossCosine(Loss, of=cosine_distance): ...


class LossCrossEntropy(Loss, of=cross_entropy): ...


class LossHinge(Loss, of=hinge): ...


class LossHuber(Loss, of=huber): ...


class LossKLDiv(Loss, of=kl_divergence): ...


class LossL1(Loss, of=l1): ...


class LossMSE(Loss, of=mse): ...


class LossNLL(Loss, of=nll): ...
