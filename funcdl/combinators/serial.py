"""One layer after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from funcdl.combinators.parts import as_layers, needing, place, pulled
from funcdl.contract import Apply, Layer, Params, Shape, Value, Vjp
from funcdl.fitted import Composition
from funcdl.generic import XT
from funcdl.signature import ANYTHING, Signature, anything, each
from funcdl.tensor import Generator, Tensor
from funcdl.tree import has_leaves

__all__ = ["composed", "serial"]

Part = Callable[[Any, XT], tuple[XT, Any]] | Callable[[Any, XT, Any], tuple[XT, Any]]
"""A layer, or a function, from values of some type to values of the same: of tensors, the whole is
one from tensors to tensors too."""


def serial(*layers: Part[XT]) -> Layer[tuple[Any, ...], XT, XT]:
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
    return composed("serial", as_layers("serial", layers))


def composed(name: str, parts: tuple[Layer, ...]) -> Layer:
    """Compose layers under the name of a combinator, which errors begin with."""
    count = len(parts)
    places = [f"{name}[{i}]" for i in range(count)]

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        params = []
        for where, part in zip(places, parts):
            with place(where):
                drawn, in_shape = part.init(rng, in_shape)
            params.append(drawn)
        return tuple(params), in_shape

    apply = Composition(_one_after_the_other, parts, places)
    takes = Signature(each(ANYTHING, count), anything("x"), anything("y"))
    needs = needing(zip(places, parts))
    return Layer(name, init, apply, layers=parts, needs_rng=needs, signature=takes)


def _one_after_the_other(calls: Sequence[Apply]) -> Apply:
    """Compose the functions that the layers are called by."""

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        vjps: list[Vjp] = []
        for call, p in zip(calls, params):
            x, pull = call(p, x, rng)
            vjps.append(pull)

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            dparams: list[Any] = list(params)
            first = 0 if need_dx else _first_with_leaves(params)
            for i in range(len(calls) - 1, first - 1, -1):
                if type(dy) is Tensor:
                    dparams[i], dy = vjps[i](dy, need_dx or i > first)
                else:
                    dparams[i], dy = pulled(vjps[i], params[i], dy, need_dx or i > first)
            return tuple(dparams), dy if need_dx else None

        return x, vjp

    return apply


def _first_with_leaves(params: tuple[Params, ...]) -> int:
    for i, entry in enumerate(params):
        if entry != () and has_leaves(entry):
            return i
    return len(params)
