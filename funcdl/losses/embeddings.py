"""Losses on embeddings: vectors that should be near each other, or far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcdl.arguments import positive, show
from funcdl.contract import Layer, Shape
from funcdl.errors import ShapeError
from funcdl.losses.loss import Kind, each_row, loss
from funcdl.tensor import Tensor

__all__ = ["contrastive", "cosine"]

SMALLEST = 1e-8  # a norm below it counts as it, as in PyTorch


def cosine(*, reduction: str = "mean", models: int = 0) -> Layer:
    """Mean of 1 − cos of the angle between output and target (of each model).

        l = (1/n) Σ 1 − y · t / (‖y‖ ‖t‖)        dy = (cos y / ‖y‖² − t / (‖y‖ ‖t‖)) dl / n

    Args:
        reduction: "mean", "sum" or "none".
        models: leading axes of y that count models. The target may lack them.

    Returns:
        A loss from ((*models, …, features), (…, features)) to (*models,), dtype that of y. A
        vector without length has the cosine 0. Without reduction, to (*models, …).

    Raises:
        InputError, KindError: an argument is none of these.
        ShapeError: y and t differ in shape.

    Salton, Wong and Yang, "A vector space model for automatic indexing" (1975).

    >>> import torch
    >>> loss, vjp = cosine()((), (torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]])))
    >>> loss, vjp(torch.ones(()))[1][0]
    (tensor(1.), tensor([[ 0.0000, -0.5000]]))
    """

    def rule(y: Tensor, t: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        y_norm = y.square().sum(-1, keepdim=True).sqrt_().clamp_min_(SMALLEST)
        t_norm = t.square().sum(-1, keepdim=True).sqrt_().clamp_min_(SMALLEST)
        unit, goal = y.div(y_norm), t.div(t_norm)
        cos = unit.mul(goal).sum(-1, keepdim=True)

        def pull(d: Tensor) -> Tensor:
            return unit.mul(cos).sub_(goal).div_(y_norm).mul_(d.unsqueeze(-1))

        return cos.squeeze(-1).neg().add_(1), pull

    return loss("cosine", rule, reduction, models, each_row)


def contrastive(margin: float = 1.0, *, reduction: str = "mean", models: int = 0) -> Layer:
    """Draw similar pairs together, and push others apart up to a margin (of each model).

        lᵢ = ½ t D² + ½ (1 − t) max(0, margin − D)²,   D = ‖a − b‖
        da = (t (a − b) − (1 − t) max(0, margin − D) (a − b) / D) dl / n,   db = −da

    Args:
        margin: above 0.
        reduction: "mean", "sum" or "none".
        models: leading axes of the embeddings that count models. The target may lack them.

    Returns:
        A loss from ((a, b), t) to (*models,): embeddings a and b of shape (*models, …, features),
        as `siamese` or `shared` give them, and targets (…), floats: 1 for similar, 0 for not.

    Raises:
        InputError, KindError: an argument is none of these.
        ShapeError: a, b and t do not fit each other.

    Hadsell, Chopra and LeCun, "Dimensionality reduction by learning an invariant mapping" (2006).

    >>> import torch
    >>> pair = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 0.5]])
    >>> loss, vjp = contrastive()((), (pair, torch.tensor([0.0])))
    >>> loss, vjp(torch.ones(()))[1][0][1]
    (tensor(0.1250), tensor([[ 0.0000, -0.5000]]))
    """
    positive("contrastive", "margin", margin)

    def rows(y_shape: Any) -> Shape:
        if len(y_shape) != 2 or y_shape[0] != y_shape[1] or not isinstance(y_shape[0], tuple):
            raise ShapeError(
                f"contrastive: expected two embeddings of one shape, got {show(y_shape)}"
            )
        return tuple(y_shape[0][:-1])

    def rule(
        y: tuple[Tensor, Tensor], t: Tensor
    ) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor, Tensor]]]:
        apart = y[0].sub(y[1])
        distance = apart.square().sum(-1).sqrt_()
        short = distance.neg().add_(margin).relu_()
        losses = distance.square().mul_(t).addcmul_(short.square(), t.neg().add_(1)).mul_(0.5)

        def pull(d: Tensor) -> tuple[Tensor, Tensor]:
            # Where the two are one point, apart is 0 and no way leads out.
            push = short.div(distance.clamp_min(SMALLEST)).mul_(t.neg().add_(1))
            da = apart.mul(t.sub(push).mul_(d).unsqueeze(-1))
            return da, da.neg()

        return losses, pull

    args = f"{margin:g}" if margin != 1 else ""
    return loss("contrastive", rule, reduction, models, Kind(rows, rows, outputs=2), args)
