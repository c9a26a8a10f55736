"""Layers side by side, each on its own input."""

from __future__ import annotations

from funcdl.combinators.parts import as_layers, needing, place
from funcdl.contract import Layer, LayerLike, Params, Shape, Value, Vjp
from funcdl.signature import ANYTHING, Signature, anything, each
from funcdl.tensor import Generator

__all__ = ["parallel"]


def parallel(*layers: LayerLike) -> Layer:
    """Apply the i-th layer to the i-th entry of a tuple.

        (y₁, …, yₙ) = (f₁(x₁), …, fₙ(xₙ))        dxᵢ = fᵢᵀ(dyᵢ)

    The parameters are a tuple with one entry a layer.

    Raises:
        KindError: a part is neither a layer nor a function, or `x` is not a tuple.
        ShapeError: `x` has another number of entries, or one does not fit its layer.

    >>> import torch
    >>> from funcdl import identity, linear
    >>> net = parallel(linear(3), identity)
    >>> params, shape = net.init(torch.Generator().manual_seed(0), ((2,), (4,)))
    >>> shape
    ((3,), (4,))
    """
    parts = as_layers("parallel", layers)
    places = [f"parallel[{i}]" for i in range(len(parts))]

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        drawn = []
        for where, part, shape in zip(places, parts, in_shape):
            with place(where):
                drawn.append(part.init(rng, shape))
        return tuple(p for p, _ in drawn), tuple(shape for _, shape in drawn)

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        each_part = zip(parts, places, params, x)
        pulled = [part.at(where, p, entry, rng) for part, where, p, entry in each_part]

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            back = [pull(d, need_dx) for (_, pull), d in zip(pulled, dy)]
            return tuple(dp for dp, _ in back), tuple(dx for _, dx in back) if need_dx else None

        return tuple(y for y, _ in pulled), vjp

    many = each(ANYTHING, len(parts))
    takes = Signature(many, many, anything("y"))
    needs = needing(zip(places, parts))
    return Layer("parallel", init, apply, layers=parts, needs_rng=needs, signature=takes)
