"""Layers side by side, each on its own input."""

from __future__ import annotations

from typing import Any

from funcdl.combinators.parts import as_layers, entries, needing, place, shapes
from funcdl.contract import Layer, LayerLike, Params, Shape, Value, Vjp
from funcdl.errors import FuncdlError
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
    count = len(parts)

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        drawn = []
        each = shapes("parallel", "the input", in_shape, count)
        for i, (part, shape) in enumerate(zip(parts, each)):
            with place(f"parallel[{i}]"):
                drawn.append(part.init(rng, shape))
        return tuple(p for p, _ in drawn), tuple(shape for _, shape in drawn)

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        params = entries("parallel", "params", params, count)
        x = entries("parallel", "the input", x, count)
        pulled = []
        try:
            for part, p, entry in zip(parts, params, x):
                pulled.append(part(p, entry, rng))
        except FuncdlError as error:
            raise error.within(f"parallel[{len(pulled)}]") from None

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            back: list[Any] = []
            try:
                for (_, pull), d in zip(pulled, entries("parallel", "dy", dy, count)):
                    back.append(pull(d, need_dx))
            except FuncdlError as error:
                raise error.within(f"parallel[{len(back)}]") from None
            return tuple(dp for dp, _ in back), tuple(dx for _, dx in back) if need_dx else None

        return tuple(y for y, _ in pulled), vjp

    needs = needing((f"parallel[{i}]", part) for i, part in enumerate(parts))
    return Layer("parallel", init, apply, layers=parts, needs_rng=needs)
