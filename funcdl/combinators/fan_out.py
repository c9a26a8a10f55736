"""Several layers on one input."""

from __future__ import annotations

from functools import reduce

from funcdl.combinators.parts import as_layers, needing, place
from funcdl.contract import Layer, LayerLike, Params, Shape, Value, Vjp
from funcdl.cotangent import accumulate
from funcdl.errors import InputError
from funcdl.signature import ANYTHING, Signature, anything, each
from funcdl.tensor import Generator

__all__ = ["fan_out", "fanned"]


def fan_out(*layers: LayerLike) -> Layer[tuple[Params, ...], Value, tuple[Value, ...]]:
    """Apply every layer to the same input.

        (y₁, …, yₙ) = (f₁(x), …, fₙ(x))        dx = Σ fᵢᵀ(dyᵢ)

    Copying is dual to adding: the cotangents of the copies are summed. The parameters are a tuple
    with one entry a layer.

    Raises:
        InputError: there is no layer.
        KindError: a part is neither a layer nor a function.
        ShapeError: `x` does not fit a part; the message begins with its place.

    >>> import torch
    >>> from funcdl import identity
    >>> y, vjp = fan_out(identity, identity)(((), ()), torch.ones(2))
    >>> vjp((torch.tensor([1.0, 2.0]), torch.tensor([10.0, 20.0])))[1]
    tensor([11., 22.])
    """
    return fanned("fan_out", *layers)


def fanned(name: str, *layers: LayerLike) -> Layer:
    """Do it under the name of a combinator, which errors begin with."""
    parts = as_layers(name, layers)
    count = len(parts)
    if count == 0:
        raise InputError(f"{name}: expected at least one layer, got none")

    places = [f"{name}[{i}]" for i in range(count)]

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        drawn = []
        for where, part in zip(places, parts):
            with place(where):
                drawn.append(part.init(rng, in_shape))
        return tuple(p for p, _ in drawn), tuple(shape for _, shape in drawn)

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        each_part = zip(parts, places, params)
        pulled = [part.at(where, p, x, rng) for part, where, p in each_part]

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            back = [pull(d, need_dx) for (_, pull), d in zip(pulled, dy)]
            dx = reduce(accumulate, [dx for _, dx in back]) if need_dx else None
            return tuple(dp for dp, _ in back), dx

        return tuple(y for y, _ in pulled), vjp

    takes = Signature(each(ANYTHING, count), anything("x"), anything("y"))
    needs = needing(zip(places, parts))
    return Layer(name, init, apply, layers=parts, needs_rng=needs, signature=takes)
