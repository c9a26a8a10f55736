"""One layer after the other."""

from __future__ import annotations

from typing import Any

from funcdl.combinators.parts import as_layers, entries, needing, place
from funcdl.contract import Apply, Init, Layer, LayerLike, Params, Shape, Value, Vjp
from funcdl.errors import FuncdlError
from funcdl.tensor import Generator
from funcdl.tree import has_leaves

__all__ = ["chained", "composed", "serial"]


def serial(*layers: LayerLike) -> Layer:
    """Compose layers: the output of each is the input of the next.

        y = fₙ(… f₂(f₁(x)))        dx = f₁ᵀ(f₂ᵀ(… fₙᵀ(dy)))        (the chain rule)

    The parameters are a tuple with one entry a layer. Without layers it is `identity`. Where the
    cotangent of `x` is not asked for, the backward pass ends at the first layer with parameters.

    Raises:
        KindError: a part is neither a layer nor a function.
        ShapeError: a part does not fit the one before it; the message begins with its place.

    >>> import torch
    >>> from funcdl import linear, relu
    >>> net = serial(linear(25), relu, linear(2))
    >>> net
    serial(linear(25), relu, linear(2))
    >>> params, shape = net.init(torch.Generator().manual_seed(0), (2,))
    >>> y, vjp = net(params, torch.ones(5, 2))
    >>> shape, y.shape, vjp(y)[1].shape
    ((2,), torch.Size([5, 2]), torch.Size([5, 2]))
    """
    parts = as_layers("serial", layers)
    return Layer(
        "serial", *composed("serial", parts), layers=parts, needs_rng=chained("serial", parts)
    )


def composed(name: str, parts: tuple[Layer, ...]) -> tuple[Init, Apply]:
    """Compose layers under the name of a combinator, which errors begin with."""
    count = len(parts)

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        params = []
        for i, part in enumerate(parts):
            with place(f"{name}[{i}]"):
                drawn, in_shape = part.init(rng, in_shape)
            params.append(drawn)
        return tuple(params), in_shape

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        if type(params) is not tuple or len(params) != count:
            params = entries(name, "params", params, count)
        vjps: list[Vjp] = []
        try:
            for part, p in zip(parts, params):
                x, pull = part(p, x, rng)
                vjps.append(pull)
        except FuncdlError as error:
            raise error.within(f"{name}[{len(vjps)}]") from None

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            dparams: list[Any] = list(params)
            first = 0 if need_dx else _first_with_leaves(params)
            i = count
            try:
                for i in range(count - 1, first - 1, -1):
                    dparams[i], dy = vjps[i](dy, need_dx or i > first)
            except FuncdlError as error:
                raise error.within(f"{name}[{i}]") from None
            return tuple(dparams), dy if need_dx else None

        return x, vjp

    return init, apply


def chained(name: str, parts: tuple[Layer, ...]) -> str:
    """Give the path to the first of composed layers that needs a generator in training."""
    return needing((f"{name}[{i}]", part) for i, part in enumerate(parts))


def _first_with_leaves(params: tuple[Params, ...]) -> int:
    return next((i for i, entry in enumerate(params) if has_leaves(entry)), len(params))
