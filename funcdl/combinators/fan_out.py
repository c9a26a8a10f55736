"""Several layers on one input."""

from __future__ import annotations

from functools import reduce
from typing import Any

from funcdl.combinators.parts import accumulate, as_layers, entries, needing, place
from funcdl.contract import Layer, LayerLike, Params, Shape, Value, Vjp
from funcdl.errors import FuncdlError, InputError
from funcdl.tensor import Generator

__all__ = ["fan_out", "fanned"]


def fan_out(*layers: LayerLike) -> Layer:
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

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        drawn = []
        for i, part in enumerate(parts):
            with place(f"{name}[{i}]"):
                drawn.append(part.init(rng, in_shape))
        return tuple(p for p, _ in drawn), tuple(shape for _, shape in drawn)

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        params = entries(name, "params", params, count)
        pulled = []
        try:
            for part, p in zip(parts, params):
                pulled.append(part(p, x, rng))
        except FuncdlError as error:
            raise error.within(f"{name}[{len(pulled)}]") from None

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            back: list[Any] = []
            try:
                for (_, pull), d in zip(pulled, entries(name, "dy", dy, count)):
                    back.append(pull(d, need_dx))
            except FuncdlError as error:
                raise error.within(f"{name}[{len(back)}]") from None
            dx = reduce(accumulate, [dx for _, dx in back]) if need_dx else None
            return tuple(dp for dp, _ in back), dx

        return tuple(y for y, _ in pulled), vjp

    needs = needing((f"{name}[{i}]", part) for i, part in enumerate(parts))
    return Layer(name, init, apply, layers=parts, needs_rng=needs)
