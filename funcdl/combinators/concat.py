"""Several layers on one input, their outputs joined."""

from __future__ import annotations

from dataclasses import replace

from funcdl.combinators.fan_out import fanned
from funcdl.combinators.parts import place
from funcdl.contract import Layer, LayerLike, Params, Shape, Value, Vjp
from funcdl.layers.tuples import join
from funcdl.tensor import Generator, Tensor

__all__ = ["concat"]


def concat(*layers: LayerLike, axis: int = -1) -> Layer[tuple[Params, ...], Value, Tensor]:
    """Apply every layer to the same input and join their outputs along an axis.

        y = [f₁(x), …, fₙ(x)]        dx = Σ fᵢᵀ(dyᵢ), dyᵢ the i-th part of dy

    It is `serial(fan_out(*layers), join(axis))`; its parameters are a tuple with one entry a
    layer. To join a tuple that is there already, use `join`.

    Raises:
        InputError, KindError: there is no layer, or `axis` is not a negative integer.
        ShapeError: the outputs differ in another axis.

    >>> import torch
    >>> from funcdl import identity, linear
    >>> params, shape = concat(linear(3), identity).init(torch.Generator().manual_seed(0), (4,))
    >>> shape
    (7,)
    """
    branches, joined = fanned("concat", *layers), join(axis)

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        params, shapes = branches.init(rng, in_shape)
        with place("concat"):
            return params, joined.init(rng, shapes)[1]

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        ys, pull = branches.apply(params, x, rng)
        y, split = joined.at("concat", (), ys)

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            return pull(split(dy)[1], need_dx)

        return y, vjp

    args = "" if axis == -1 else f"axis={axis}"
    return replace(branches, init=init, apply=apply, args=args)
