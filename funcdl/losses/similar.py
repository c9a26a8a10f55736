"""Losses on what is similar, targets 1, and what is not, targets −1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcdl.arguments import LARGEST, number
from funcdl.contract import Layer, Value
from funcdl.losses.loss import PAIRS, loss
from funcdl.ops.choose import only
from funcdl.tensor import Tensor

__all__ = ["cosine_embedding", "hinge_embedding"]

EPSILON = 1e-12  # what PyTorch adds to squares of norms


def hinge_embedding(
    margin: float = 1.0, *, reduction: str = "mean", models: int = 0
) -> Layer[tuple[()], Value, Tensor]:
    """Make distances small where they are of what is similar, others large (of each model).

        lᵢ = yᵢ where tᵢ = 1, max(0, margin − yᵢ) where tᵢ = −1
        dyᵢ = dl / n where tᵢ = 1, −dl / n where tᵢ = −1 and yᵢ is within the margin

    Args:
        margin: any number.
        reduction: "mean", "sum" or "none".
        models: leading axes of y that count models. The target may lack them.

    Returns:
        A loss from ((*models, …), (…)) to (*models,), dtype that of y; targets are floats, −1
        or 1. Without reduction, to the shape of y.

    Raises:
        InputError, KindError: an argument is none of these.
        ShapeError: y and t differ in shape.

    Hadsell, Chopra and LeCun, "Dimensionality reduction by learning an invariant mapping" (2006),
    without the squares.

    >>> import torch
    >>> hinge_embedding()((), (torch.tensor([0.25, 0.25]), torch.tensor([1.0, -1.0])))[0]
    tensor(0.5000)
    """
    number("hinge_embedding", "margin", margin, -LARGEST)

    def rule(y: Tensor, t: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        near, far, missed = t.ne(-1), t.ne(1), y.neg().add_(margin)
        losses = only(y, near).add_(only(missed.relu(), far))
        pushed = far.logical_and(missed.ge(0))
        return losses, lambda d: only(d.expand(y.shape), near).sub_(only(d.expand(y.shape), pushed))

    args = f"{margin:g}" if margin != 1 else ""
    return loss("hinge_embedding", rule, reduction, models, args=args)


def cosine_embedding(
    margin: float = 0.0, *, reduction: str = "mean", models: int = 0
) -> Layer[tuple[()], Value, Tensor]:
    """Turn similar pairs towards each other, and others apart (of each model).

        lᵢ = 1 − cos(aᵢ, bᵢ) where tᵢ = 1, max(0, cos(aᵢ, bᵢ) − margin) where tᵢ = −1
        dcos/da = b / (‖a‖ ‖b‖) − cos a / ‖a‖²

    Args:
        margin: of the cosine, in [−1, 1].
        reduction: "mean", "sum" or "none".
        models: leading axes of the embeddings that count models. The target may lack them.

    Returns:
        A loss from ((a, b), t) to (*models,): embeddings a and b of shape (*models, …, features),
        as `siamese` or `shared` give them, and targets (…), floats: 1 or −1.

    Raises:
        InputError, KindError: an argument is none of these.
        ShapeError: a, b and t do not fit each other.

    Salton, Wong and Yang, "A vector space model for automatic indexing" (1975).

    >>> import torch
    >>> pair = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    >>> cosine_embedding()((), (pair, torch.tensor([1.0])))[0]
    tensor(1.)
    """
    number("cosine_embedding", "margin", margin, -1, most=1.0)

    def rule(y: tuple[Tensor, Tensor], t: Tensor) -> tuple[Tensor, Callable[[Tensor], Any]]:
        a, b = y
        squares = [x.square().sum(-1).add_(EPSILON) for x in y]
        scale = squares[0].mul(squares[1]).rsqrt_()
        cos = a.mul(b).sum(-1).mul_(scale)
        similar, other = t.eq(1), t.eq(-1)
        over = cos.sub(margin)
        losses = only(cos.neg().add_(1), similar).add_(only(over.relu(), other))

        def pull(d: Tensor) -> tuple[Tensor, Tensor]:
            wide = d.expand(cos.shape)
            rise = only(wide, other.logical_and(over.ge(0))).sub_(only(wide, similar))
            along = rise.mul(scale).unsqueeze(-1)
            back = rise.mul(cos).neg_()
            da, db = (
                along.mul(to).addcmul_(x, back.div(square).unsqueeze(-1))
                for x, to, square in ((a, b, squares[0]), (b, a, squares[1]))
            )
            return da, db

        return losses, pull

    args = f"{margin:g}" if margin else ""
    return loss("cosine_embedding", rule, reduction, models, PAIRS, args)
