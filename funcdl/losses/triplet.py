"""A loss on three embeddings: an anchor, one that belongs to it, and one that does not."""

from __future__ import annotations

from typing import Any

from funcdl.arguments import positive
from funcdl.contract import Layer, LayerLike, Value
from funcdl.errors import KindError
from funcdl.function import as_layer
from funcdl.losses.loss import loss
from funcdl.misuse import short
from funcdl.ops.choose import only
from funcdl.ops.distances import minkowski
from funcdl.tensor import Tensor

__all__ = ["triplet"]

Three = tuple[Tensor, Tensor, Tensor]

TRIPLETS = (
    ("a: *models … features", "near: *models … features", "far: *models … features"),
    "target: *models? … ~",
)
"""Three rows of the same place, and what they count."""


def triplet(
    margin: float = 1.0,
    *,
    distance: LayerLike | None = None,
    swap: bool = False,
    reduction: str = "mean",
    models: int = 0,
) -> Layer[tuple[()], Value, Tensor]:
    """Draw an embedding nearer to its anchor than another one by a margin (of each model).

        l = (1/n) Σ t max(0, margin + D(a, near) − D(a, far))

    Args:
        margin: above 0.
        distance: a layer without parameters from (…, features), (…, features) to (…), or such a
            function; `pairwise_distance()` without it. Of a similarity, 1 less than it is one.
        swap: whether the other one is to be as far from the near one as from the anchor: the
            smaller of the two distances counts.
        reduction: "mean", "sum" or "none".
        models: leading axes of the embeddings that count models. The target may lack them.

    Returns:
        A loss from ((a, near, far), t) to (*models,): embeddings of shape (*models, …, features),
        as `shared` gives them, and targets (…), what each triplet counts: 1, or 0 for none.

    Raises:
        InputError, KindError: an argument is none of these.
        ShapeError: the embeddings and t do not fit each other.

    Schroff, Kalenichenko and Philbin, "FaceNet: a unified embedding for face recognition and
    clustering" (2015); swap: Balntas et al., "Learning local feature descriptors with triplets and
    shallow convolutional neural networks" (2016).

    >>> import torch
    >>> three = torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 4.5]])
    >>> loss, vjp = triplet()((), (three, torch.ones(1)))
    >>> loss, vjp(torch.ones(()))[1][0][1]
    (tensor(1.5000), tensor([[0.6000, 0.8000]]))
    """
    positive("triplet", "margin", margin)
    if not isinstance(swap, bool):
        raise KindError(f"triplet: expected swap to be True or False, got {short(swap)}")
    given = None if distance is None else as_layer(distance)

    def measure(a: Tensor, b: Tensor) -> tuple[Tensor, Any]:
        if given is None:
            return minkowski(a, b)
        y, pull = given.at("triplet distance:", (), (a, b))
        return y, lambda d: pull(d)[1]

    def far_from(y: Three) -> tuple[Tensor, Any]:
        """Measure how far the other one is, and pull that back to all three."""
        anchor, near, far = y
        apart, pull = measure(anchor, far)
        if not swap:

            def back(d: Tensor) -> Any:
                a, f = pull(d)
                return a, None, f

            return apart, back
        other, pull_other = measure(near, far)
        first = apart.le(other)

        def back_to_all(d: Tensor) -> Any:
            a, f = pull(only(d, first))
            n, g = pull_other(only(d, first.logical_not()))
            return a, n, f.add(g)

        return apart.where(first, other), back_to_all

    def rule(y: Three, t: Tensor) -> tuple[Tensor, Any]:
        near, pull_near = measure(y[0], y[1])
        far, pull_far = far_from(y)
        missed = near.sub(far).add_(margin)
        worth = t.expand(missed.shape)
        counted = worth.bool()

        def pull(d: Tensor) -> Three:
            rise = only(worth.mul(d), missed.ge(0).logical_and_(counted))
            a, n = pull_near(rise)
            b, m, f = pull_far(rise.neg())
            return a.add(b), n if m is None else n.add(m), f

        return only(missed.relu(), counted).mul_(worth), pull

    args = [f"{margin:g}"] * (margin != 1)
    args += [f"distance={given!r}"] * (distance is not None) + ["swap=True"] * swap
    return loss("triplet", rule, reduction, models, TRIPLETS, ", ".join(args))
