"""A layer that is made when the shape of its input is known."""

from __future__ import annotations

from collections.abc import Callable

from funcdl.combinators.parts import place
from funcdl.contract import Layer, LayerLike, Params, Shape, Value, Vjp, shape_of
from funcdl.errors import KindError
from funcdl.function import as_layer
from funcdl.misuse import kind_of
from funcdl.tensor import Generator

__all__ = ["lazy"]


def lazy(make: Callable[[Shape], LayerLike], name: str = "lazy") -> Layer:
    """Make a layer of the shape of its input: a bottleneck of half the features, say.

    Args:
        make: a pure function from a shape, or a tuple of shapes, to a layer. It is asked by `init`
            and at each call; leading axes may be there or not, so that it looks at the last ones
            alone, and gives layers that take the same parameters.
        name: for errors and summaries.

    Returns:
        The layer that `make` gives, with its parameters.

    Raises:
        KindError: `make` is no function, or gives no layer.

    >>> import torch
    >>> from funcdl import linear, relu, residual, serial
    >>> half = lazy(lambda shape: serial(linear(shape[-1] // 2), relu, linear(shape[-1])))
    >>> params, shape = residual(half).init(torch.Generator().manual_seed(0), (8,))
    >>> params[0].w.shape, shape
    (torch.Size([8, 4]), (8,))
    """
    if not callable(make) or isinstance(make, Layer):
        raise KindError(f"{name}: expected a function from a shape to a layer, got {kind_of(make)}")
    where = f"{name}:"

    def made(shape: Shape) -> Layer:
        with place(where):
            return as_layer(make(shape))

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        part = made(in_shape)
        with place(where):
            return part.init(rng, in_shape)

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        return made(shape_of(x, name)).at(where, params, x, rng)

    return Layer(name, init, apply)
