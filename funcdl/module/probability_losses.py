"""Losses on probabilities as modules, by PyTorch's names and by names like the assignment's."""

from __future__ import annotations

from funcdl.errors import KindError
from funcdl.losses import (
    binary_cross_entropy,
    kl_divergence,
)
from funcdl.losses.loss import loss
from funcdl.misuse import short
from funcdl.module.loss_rules import (
    divergence,
    on_probabilities,
    weighed,
    weight_for,
)
from funcdl.module.losses import Loss
from funcdl.module.named import flag
from funcdl.tensor import Tensor

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "KLDivLoss",
    "LossBCE",
    "LossBCEWithLogits",
    "LossKLDiv",
]


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
        pos_weight: what a yes counts beside a no, as a tensor that broadcasts likewise.

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
        if pos_weight is not None and not isinstance(pos_weight, Tensor):
            raise KindError(
                f"BCEWithLogitsLoss: expected pos_weight to be a tensor, got {short(pos_weight)}"
            )
        layer = binary_cross_entropy(weights=weight, pos_weight=pos_weight, reduction=reduction)
        super().__init__(locals(), layer)


class LossKLDiv(KLDivLoss):
    """`KLDivLoss` by a name as the assignment gives them."""


class LossBCE(BCELoss):
    """`BCELoss`, of probabilities, by a name as the assignment gives them."""


class LossBCEWithLogits(BCEWithLogitsLoss):
    """`BCEWithLogitsLoss` by a name as the assignment gives them."""
