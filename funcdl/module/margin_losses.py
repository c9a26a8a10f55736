"""Losses on two embeddings, or with a margin, as modules."""

from __future__ import annotations

from typing import ClassVar

from funcdl.arguments import LARGEST, number
from funcdl.losses import (
    contrastive,
    cosine_distance,
    hinge,
)
from funcdl.module.loss_rules import (
    cosine_embedding,
    hinge_embedding,
)
from funcdl.module.losses import Loss

__all__ = [
    "CosineEmbeddingLoss",
    "HingeEmbeddingLoss",
    "LossContrastive",
    "LossCosine",
    "LossHinge",
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
