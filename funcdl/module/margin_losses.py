"""Losses on two embeddings, or with a margin, as modules."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from funcdl.arguments import LARGEST, number, positive
from funcdl.contract import Value
from funcdl.errors import KindError
from funcdl.layers.distances import pairwise_distance
from funcdl.losses import (
    contrastive,
    cosine_distance,
    cosine_embedding,
    hinge,
    hinge_embedding,
    margin_ranking,
    triplet,
)
from funcdl.module.losses import Loss
from funcdl.module.named import flag
from funcdl.tensor import Tensor

__all__ = [
    "CosineEmbeddingLoss",
    "HingeEmbeddingLoss",
    "LossContrastive",
    "LossCosine",
    "LossHinge",
    "MarginRankingLoss",
    "TripletMarginLoss",
]


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

    factory = staticmethod(cosine_embedding)

    def __init__(
        self,
        margin: float = 0.0,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        number("CosineEmbeddingLoss", "margin", margin, -1, most=1.0)
        super().__init__(locals(), cosine_embedding(margin, reduction=reduction))


class MarginRankingLoss(Pairwise):
    """PyTorch's `MarginRankingLoss`: of two inputs, and 1 where the first is to be the larger.

    >>> import torch
    >>> MarginRankingLoss()(torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([1.0]))
    tensor(2.)
    """

    factory = staticmethod(margin_ranking)

    def __init__(
        self,
        margin: float = 0.0,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        number("MarginRankingLoss", "margin", margin, -LARGEST)
        super().__init__(locals(), margin_ranking(margin, reduction=reduction))


class TripletMarginLoss(Loss):
    """PyTorch's `TripletMarginLoss`: of an anchor, what belongs to it, and what does not.

    Args:
        margin, swap: as in PyTorch.
        p: of the norm, at least 1.
        eps: added to each difference.
        reduction: "mean", "sum" or "none".

    >>> import torch
    >>> a, b, c = torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 4.5]])
    >>> TripletMarginLoss()(a, b, c)
    tensor(1.5000)
    """

    factory = staticmethod(triplet)
    _inputs: ClassVar[tuple[str, ...]] = ("anchor", "positive", "negative")

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        positive("TripletMarginLoss", "margin", margin)
        number("TripletMarginLoss", "p", p, 1, most=math.inf)
        number("TripletMarginLoss", "eps", eps, 0)
        flag("TripletMarginLoss", "swap", swap)
        apart = pairwise_distance(p, eps=eps)
        super().__init__(locals(), triplet(margin, distance=apart, swap=swap, reduction=reduction))

    def forward(self, *input: Any) -> Value:
        """Return the loss of (anchor, positive, negative)."""
        if len(input) != 3 or not isinstance(input[0], Tensor):
            raise KindError(
                f"{self._name}: expected anchor, positive and negative, got {len(input)} of them"
            )
        return super().forward(input, input[0].new_ones(input[0].shape[:-1]))


class HingeEmbeddingLoss(Loss):
    """PyTorch's `HingeEmbeddingLoss`: y where the target is 1, max(0, margin − y) where it is −1.

    >>> import torch
    >>> HingeEmbeddingLoss()(torch.tensor([0.25, 0.25]), torch.tensor([1.0, -1.0]))
    tensor(0.5000)
    """

    factory = staticmethod(hinge_embedding)

    def __init__(
        self,
        margin: float = 1.0,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        number("HingeEmbeddingLoss", "margin", margin, -LARGEST)
        super().__init__(locals(), hinge_embedding(margin, reduction=reduction))


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
