"""Modules that measure how far two vectors are from each other."""

from __future__ import annotations

import math
from typing import ClassVar

from funcdl.arguments import number, positive
from funcdl.contract import Layer, Params, Value, Vjp
from funcdl.errors import KindError
from funcdl.layers.distances import cosine_similarity, pairwise_distance
from funcdl.module.activations import axis_of
from funcdl.module.doors import around
from funcdl.module.named import Named, flag
from funcdl.tensor import Generator, Tensor

__all__ = ["CosineSimilarity", "PairwiseDistance"]


class Pair(Named):
    """A module of two tensors of one shape."""

    _inputs: ClassVar[tuple[str, ...]] = ("x1", "x2")


class PairwiseDistance(Pair):
    """PyTorch's `PairwiseDistance`, along the last axis.

    Args:
        p: of the norm, at least 1.
        eps: added to each difference.
        keepdim: whether the axis stays, with the length 1.

    >>> import torch
    >>> PairwiseDistance(eps=0.0)(torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2))
    tensor([5.])
    """

    factory = staticmethod(pairwise_distance)

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        number("PairwiseDistance", "p", p, 1, most=math.inf)
        number("PairwiseDistance", "eps", eps, 0)
        flag("PairwiseDistance", "keepdim", keepdim)
        layer = pairwise_distance(p, eps=eps)
        super().__init__(locals(), _along("PairwiseDistance", layer, -1, keepdim))


class CosineSimilarity(Pair):
    """PyTorch's `CosineSimilarity`, along the axis `dim`.

    >>> import torch
    >>> CosineSimilarity()(torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0]]))
    tensor([0.6000])
    """

    factory = staticmethod(cosine_similarity)

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        positive("CosineSimilarity", "eps", eps)
        axis = axis_of("CosineSimilarity", dim)
        layer = cosine_similarity(eps=eps)
        super().__init__(locals(), _along("CosineSimilarity", layer, axis, False))


def _along(name: str, inner: Layer, axis: int, keep: bool) -> Layer:
    """Measure along an axis, which goes, or stays with the length 1."""

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        pair = isinstance(x, tuple) and len(x) == 2 and all(isinstance(v, Tensor) for v in x)
        if not pair or x[0].shape != x[1].shape:
            return inner.at(name, params, x, rng)  # which says what is wrong
        if not -x[0].ndim <= axis < x[0].ndim:
            raise KindError(f"{name}: expected x1 to have an axis {axis}, got {tuple(x[0].shape)}")
        y, pull = inner.at(name, params, tuple(v.movedim(axis, -1) for v in x), rng)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Value]:
            _, dx = pull(dy.squeeze(-1) if keep else dy, need_dx)
            return params, None if dx is None else tuple(d.movedim(-1, axis) for d in dx)

        return y.unsqueeze(-1) if keep else y, vjp

    return around(name, inner, None, apply)
