"""Losses on numbers as modules, by PyTorch's names and by the assignment's.

`forward(output, target)`, then `backward()`: the gradient of the output, which that of a network
begins with. `LossMSE` and its like are the names of the assignment for `MSELoss` and its like.
"""

from __future__ import annotations

from typing import Any, ClassVar

from funcdl.arguments import LARGEST, number
from funcdl.contract import Layer, Value
from funcdl.errors import KindError
from funcdl.losses import (
    binary_cross_entropy,
    contrastive,
    cosine_distance,
    hinge,
    huber,
    kl_divergence,
    l1,
    mse,
)
from funcdl.losses.loss import loss
from funcdl.module.named import Named, flag, refuse
from funcdl.module.rules import (
    cosine_embedding,
    divergence,
    hinge_embedding,
    on_probabilities,
    smooth_l1,
    weighed,
    weight_for,
)
from funcdl.tensor import Tensor

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CosineEmbeddingLoss",
    "HingeEmbeddingLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "LossBCE",
    "LossBCEWithLogits",
    "LossContrastive",
    "LossCosine",
    "LossHinge",
    "LossHuber",
    "LossKLDiv",
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


class KLDivLoss(Loss):
    """PyTorch's `KLDivLoss`: t (log t − y) of each number, and their mean, as PyTorch has it.

    The divergence of distributions is `reduction="batchmean"`, which divides by the rows alone.

    Args:
        reduction: "mean", "batchmean", "sum" or "none".
        log_target: whether the target is given as its logarithm.

    >>> import torch
    >>> y, t = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.0, 1.0]])
    >>> KLDivLoss()(y, t), KLDivLoss(reduction="batchmean")(y, t)
    (tensor(0.3466), tensor(0.6931))
    """

    factory = staticmethod(kl_divergence)

    def __init__(
        self,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> None:
        flag("KLDivLoss", "log_target", log_target)
        super().__init__(locals(), divergence(reduction, log_target))


class BCELoss(Loss):
    """PyTorch's `BCELoss`: of probabilities; that of logits is `BCEWithLogitsLoss`.

    Args:
        weight: of each number, as a tensor that broadcasts against the output.
        reduction: "mean", "sum" or "none".

    >>> import torch
    >>> BCELoss()(torch.tensor([0.25, 0.75]), torch.tensor([0.0, 1.0]))
    tensor(0.2877)
    """

    factory = staticmethod(binary_cross_entropy)

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        layer = loss("BCELoss", on_probabilities, reduction if weight is None else "none", 0)
        if weight is not None:
            layer = weighed("BCELoss", layer, reduction, weight_for("BCELoss", weight))
        super().__init__(locals(), layer)


class BCEWithLogitsLoss(Loss):
    """PyTorch's `BCEWithLogitsLoss`: of logits; that of probabilities is `BCELoss`.

    Args:
        weight: of each number, as a tensor that broadcasts against the output.
        reduction: "mean", "sum" or "none".
        pos_weight: None, no other.

    >>> import torch
    >>> BCEWithLogitsLoss()(torch.zeros(2), torch.tensor([0.0, 1.0]))
    tensor(0.6931)
    """

    factory = staticmethod(binary_cross_entropy)

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        name = "BCEWithLogitsLoss"
        refuse(name, "pos_weight", pos_weight, None, "give each number its weight")
        layer = binary_cross_entropy(reduction=reduction if weight is None else "none")
        if weight is not None:
            layer = weighed(name, layer, reduction, weight_for(name, weight))
        super().__init__(locals(), layer)


class Pairwise(Loss):
    """A loss on two inputs, each with a gradient, and a target."""

    _inputs: ClassVar[tuple[str, ...]] = ("input1", "input2", "target")


class CosineEmbeddingLoss(Pairwise):
    """PyTorch's `CosineEmbeddingLoss`: of two inputs, and targets of 1 for similar, −1 for not.

    >>> import torch
    >>> a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    >>> CosineEmbeddingLoss()(a, b, torch.tensor([1.0]))
    tensor(1.)
    """

    factory = staticmethod(cosine_distance)

    def __init__(
        self,
        margin: float = 0.0,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        number("CosineEmbeddingLoss", "margin", margin, -1, most=1.0)
        super().__init__(locals(), cosine_embedding(margin, reduction))


class HingeEmbeddingLoss(Loss):
    """PyTorch's `HingeEmbeddingLoss`: y where the target is 1, max(0, margin − y) where it is −1.

    >>> import torch
    >>> HingeEmbeddingLoss()(torch.tensor([0.25, 0.25]), torch.tensor([1.0, -1.0]))
    tensor(0.5000)
    """

    factory = staticmethod(hinge)

    def __init__(
        self,
        margin: float = 1.0,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        number("HingeEmbeddingLoss", "margin", margin, -LARGEST)
        super().__init__(locals(), hinge_embedding(margin, reduction))


class LossMSE(MSELoss):
    """`MSELoss` by the assignment's name.

    >>> LossMSE()
    LossMSE()
    """


class LossL1(L1Loss):
    """`L1Loss` by a name as the assignment gives them."""


class LossHuber(HuberLoss):
    """`HuberLoss` by a name as the assignment gives them."""


class LossKLDiv(KLDivLoss):
    """`KLDivLoss` by a name as the assignment gives them."""


class LossBCE(BCELoss):
    """`BCELoss`, of probabilities, by a name as the assignment gives them."""


class LossBCEWithLogits(BCEWithLogitsLoss):
    """`BCEWithLogitsLoss` by a name as the assignment gives them."""


class LossHinge(Loss):
    """`hinge` as a module: targets are 1 and −1.

    >>> LossHinge(reduction="sum")
    LossHinge(reduction='sum')
    """

    factory = staticmethod(hinge)

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(locals(), hinge(reduction=reduction))


class LossCosine(Loss):
    """`cosine_distance` as a module.

    >>> LossCosine()
    LossCosine()
    """

    factory = staticmethod(cosine_distance)

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(locals(), cosine_distance(reduction=reduction))


class LossContrastive(Pairwise):
    """`contrastive` as a module: of two outputs and a target.

    >>> LossContrastive(2.0)
    LossContrastive(margin=2.0)
    """

    factory = staticmethod(contrastive)

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(locals(), contrastive(margin, reduction=reduction))
