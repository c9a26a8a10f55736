"""How far two vectors are from each other: layers on pairs, without parameters."""

from __future__ import annotations

import math
from collections.abc import Callable

from funcdl.arguments import number, positive
from funcdl.contract import Layer, Params, Vjp, declared
from funcdl.layers.half import in_float32
from funcdl.ops.distances import cosine, minkowski
from funcdl.signature import Signature
from funcdl.tensor import Generator, Tensor

__all__ = ["cosine_similarity", "pairwise_distance"]

Two = tuple[Tensor, Tensor]
Measure = Callable[[Tensor, Tensor], "tuple[Tensor, Callable[[Tensor], Two]]"]

PAIR = Signature((), ("a: … features", "b: … features"), "…")


def pairwise_distance(
    power: float = 2.0, *, eps: float = 1e-6
) -> Layer[tuple[()], tuple[Tensor, Tensor], Tensor]:
    """Measure the distance of the vectors of two tensors, row by row.

        z = a − b + eps        y = (Σ |z|^power)^(1 / power)
        da = sign(z) (|z| / y)^(power − 1) dy        db = −da

    Args:
        power: at least 1; 2 is the length, 1 the sum of sizes, infinity the largest of them.
        eps: added to each difference, at least 0, so that few are 0; as in PyTorch.

    Returns:
        A layer from ((…, features), (…, features)) to (…). Of equal largest differences each gets
        the same share of the cotangent.

    Raises:
        InputError, KindError: an argument is out of its range.
        ShapeError: a and b differ in shape.

    Minkowski, "Geometrie der Zahlen" (1896).

    >>> import torch
    >>> pairwise_distance(eps=0)((), (torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2)))[0]
    tensor([5.])
    """
    number("pairwise_distance", "power", power, 1, most=math.inf)
    number("pairwise_distance", "eps", eps, 0)

    args = [f"{power:g}"] * (power != 2) + [f"eps={eps:g}"] * (eps != 1e-6)
    return _pairwise("pairwise_distance", ", ".join(args), lambda a, b: minkowski(a, b, power, eps))


def cosine_similarity(*, eps: float = 1e-8) -> Layer[tuple[()], tuple[Tensor, Tensor], Tensor]:
    """Compute the cosine of the angle between the vectors of two tensors, row by row.

        y = a · b / (‖a‖ ‖b‖)        da = (b / ‖b‖ − y a / ‖a‖) / ‖a‖ dy, and db likewise

    Args:
        eps: what a norm counts as at least, above 0.

    Returns:
        A layer from ((…, features), (…, features)) to (…), in [−1, 1].

    Raises:
        InputError, KindError: `eps` is out of its range.
        ShapeError: a and b differ in shape.

    Salton, Wong and Yang, "A vector space model for automatic indexing" (1975).

    >>> import torch
    >>> cosine_similarity()((), (torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0]])))[0]
    tensor([0.6000])
    """
    positive("cosine_similarity", "eps", eps)

    args = f"eps={eps:g}" if eps != 1e-8 else ""
    return _pairwise("cosine_similarity", args, lambda a, b: cosine(a, b, eps))


def _pairwise(
    name: str, args: str, measure: Measure
) -> Layer[tuple[()], tuple[Tensor, Tensor], Tensor]:
    @in_float32
    def apply(params: Params, x: Two, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        y, pull = measure(*x)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Two | None]:
            return params, pull(dy) if need_dx else None

        return y, vjp

    return declared(name, PAIR, apply, args=args)
