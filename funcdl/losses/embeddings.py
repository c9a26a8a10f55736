"""Losses on embeddings: vectors that should be near each other, or far."""

from __future__ import annotations

import math
from collections.abc import Callable

from funcdl.arguments import positive
from funcdl.contract import Layer, Value
from funcdl.losses.loss import PAIRS, ROWS, loss
from funcdl.ops.choose import only
from funcdl.tensor import Tensor

__all__ = ["contrastive", "cosine_distance"]

SMALLEST = 1e-8  # a norm below it counts as it, as in PyTorch
TINY = 1.2e-38  # the least that float32 divides by without loss


def length(x: Tensor) -> Tensor:
    """Compute the norm of each row (…, 1) whose squares might overflow, or vanish."""
    largest = x.abs().amax(-1, keepdim=True)
    unit = largest.nan_to_num(math.nan).clamp_min_(TINY)  # finite where the largest is not
    return x.div(unit).square_().sum(-1, keepdim=True).sqrt_().mul_(largest)


def cosine_distance(*, reduction: str = "mean", models: int = 0) -> Layer[tuple[()], Value, Tensor]:
    """Mean of 1 − cos of the angle between output and target (of each model).

        l = (1/n) Σ 1 − y · t / (‖y‖ ‖t‖)        dy = (cos y / ‖y‖² − t / (‖y‖ ‖t‖)) dl / n

    With u = y / ‖y‖ and v = t / ‖t‖, l = ½ ‖u − v‖² and dy = ((u − v) − l u) dl / (n ‖y‖), which do
    not cancel where u and v are nearly one.

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
    >>> loss, vjp = cosine_distance()((), (torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]])))
    >>> loss, vjp(torch.ones(()))[1][0]
    (tensor(1.), tensor([[ 0.0000, -0.5000]]))
    """

    def rule(y: Tensor, t: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        unit, y_norm, y_short = _unit(y)
        goal, _, t_short = _unit(t)
        apart = unit.sub(goal)
        losses = apart.square().sum(-1, keepdim=True).add_(y_short).add_(t_short).mul_(0.5)

        def pull(d: Tensor) -> Tensor:
            dy = apart.addcmul(unit, losses, value=-1)
            return dy.div_(y_norm).mul_(d.unsqueeze(-1))

        return losses.squeeze(-1), pull

    return loss("cosine_distance", rule, reduction, models, ROWS)


def _half_square(x: Tensor) -> Tensor:
    """Compute ½ x² where x² itself might overflow."""
    return x.mul(0.5).mul_(x)


def _unit(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Divide rows by their norms, counted as at least SMALLEST.

    Returns them, these norms, and what the rows lack of length: 1 − ‖u‖², 0 but for small norms.
    """
    norm = length(x)
    counted = norm.clamp_min(SMALLEST)
    return x.div(counted), counted, norm.div(counted).square_().neg_().add_(1)


def contrastive(
    margin: float = 1.0, *, reduction: str = "mean", models: int = 0
) -> Layer[tuple[()], Value, Tensor]:
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
    >>> pair = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.3, 0.4]])
    >>> loss, vjp = contrastive()((), (pair, torch.tensor([0.0])))
    >>> loss, vjp(torch.ones(()))[1][0][1]
    (tensor(0.1250), tensor([[-0.3000, -0.4000]]))
    """
    positive("contrastive", "margin", margin)

    def rule(
        y: tuple[Tensor, Tensor], t: Tensor
    ) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor, Tensor]]]:
        apart = y[0].sub(y[1])
        distance = length(apart)
        short = distance.neg().add_(margin).relu_()
        similar = t.expand(distance.shape[:-1]).unsqueeze(-1)
        other = similar.neg().add_(1)
        pairs = only(_half_square(distance), similar.bool()).mul_(similar)
        losses = only(_half_square(short), other.bool()).mul_(other).add_(pairs)

        def pull(d: Tensor) -> tuple[Tensor, Tensor]:
            # Where the two are one point, apart is 0 and no direction leads away.
            away = apart.div(distance.clamp_min(TINY))
            push, draw = short.mul(other), d.unsqueeze(-1)
            da = only(apart, similar.bool()).mul_(similar)
            da = da.sub_(only(away, push.bool()).mul_(push)).mul_(draw)
            return da, da.neg()

        return losses.squeeze(-1), pull

    args = f"{margin:g}" if margin != 1 else ""
    return loss("contrastive", rule, reduction, models, PAIRS, args)
