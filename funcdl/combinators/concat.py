"""Several layers on one input, their outputs joined."""

from __future__ import annotations

from funcdl.combinators.fan_out import fan_out
from funcdl.combinators.serial import serial
from funcdl.contract import Layer, LayerLike, Params, Shape, Value, Vjp
from funcdl.layers.tuples import join
from funcdl.tensor import Generator

__all__ = ["concat"]


def concat(*layers: LayerLike, axis: int = -1) -> Layer:
    """Apply every layer to the same input and join their outputs along an axis.

        y = [f₁(x), …, fₙ(x)]        dx = Σ fᵢᵀ(dyᵢ), dyᵢ the i-th part of dy

    It is `serial(fan_out(*layers), join(axis))`; its parameters are a tuple with one entry a
    layer. To join a tuple that is there already, use `join`.

    Raises:
        InputError, KindError: there is no layer, or `axis` is not a negative whole number.
        ShapeError: the outputs differ in another axis.

    >>> import torch
    >>> from funcdl import identity, linear
    >>> params, shape = concat(linear(3), identity).init(torch.Generator().manual_seed(0), (4,))
    >>> shape
    (7,)
    """
    branches = fan_out(*layers)
    joined = serial(branches, join(axis))

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        (params, _), out_shape = joined.init(rng, in_shape)
        return params, out_shape

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        y, pull = joined((params, ()), x, rng)

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            (dparams, _), dx = pull(dy, need_dx)
            return dparams, dx

        return y, vjp

    return Layer("concat", init, apply, "" if axis == -1 else f"axis={axis}", branches.layers)
