"""A layer beside its own input."""

from __future__ import annotations

from dataclasses import replace

from funcdl.arguments import show
from funcdl.combinators.fan_out import fanned
from funcdl.combinators.parts import as_layers, needing, place
from funcdl.contract import Layer, LayerLike, Params, Shape, Value, Vjp, shape_of
from funcdl.cotangent import accumulate
from funcdl.errors import ShapeError
from funcdl.tensor import Generator

__all__ = ["residual"]


def residual(layer: LayerLike, shortcut: LayerLike | None = None) -> Layer:
    """Add a layer's output to its input, or to what a shortcut makes of it.

        y = x + f(x)        dx = dy + fᵀ(dy)
        y = s(x) + f(x)     dx = sᵀ(dy) + fᵀ(dy)

    The parameters are the layer's; with a shortcut a tuple, the layer's and the shortcut's.

    Args:
        layer: f.
        shortcut: s, where the shapes of input and output differ: a linear layer, or a convolution
            of 1 × 1 with the same stride. Without it the input itself.

    Returns:
        A layer from (…) to (…), the same shape without a shortcut.

    Raises:
        KindError: a part is neither a layer nor a function.
        ShapeError: it does not keep the shape of its input, or the shortcut gives another one.

    He, Zhang, Ren and Sun, "Deep residual learning for image recognition" (2016).

    >>> import torch
    >>> from funcdl import linear, relu, serial
    >>> y, vjp = residual(relu)((), torch.tensor([-1.0, 2.0]))
    >>> y, vjp(torch.ones(2))[1]
    (tensor([-1.,  4.]), tensor([1., 2.]))
    >>> wider = residual(serial(linear(8), relu, linear(5)), linear(5))
    >>> wider.init(torch.Generator().manual_seed(0), (3,))[1]
    (5,)
    """
    if shortcut is not None:
        return _beside(*as_layers("residual", [layer, shortcut]))
    (part,) = as_layers("residual", [layer])

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        with place("residual"):
            params, out_shape = part.init(rng, in_shape)
        _expect_kept(part, in_shape, out_shape)
        return params, out_shape

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        y, pull = part.at("residual", params, x, rng)
        _expect_kept(part, shape_of(x, "residual"), shape_of(y, "residual"))

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            dparams, dx = pull(dy, need_dx)
            return dparams, accumulate(dx, dy) if need_dx else None

        return accumulate(x, y), vjp

    needs = needing([("residual", part)])
    return Layer("residual", init, apply, layers=(part,), needs_rng=needs)


def _expect_kept(part: Layer, in_shape: Shape, out_shape: Shape) -> None:
    if in_shape != out_shape:
        raise ShapeError(
            f"residual: expected {part.name} to keep the shape {show(in_shape)}, "
            f"got {show(out_shape)}"
        )


def _beside(part: Layer, shortcut: Layer) -> Layer:
    """Add what two layers make of one input."""
    branches = fanned("residual", part, shortcut)

    def expect_alike(shapes: Shape) -> None:
        if shapes[0] != shapes[1]:
            raise ShapeError(
                f"residual: expected {shortcut.name}, the shortcut, to give {show(shapes[0])} as "
                f"{part.name} does, got {show(shapes[1])}"
            )

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        params, shapes = branches.init(rng, in_shape)
        expect_alike(shapes)
        return params, shapes[0]

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        (y, s), pull = branches.apply(params, x, rng)
        expect_alike(shape_of((y, s), "residual"))

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            return pull((dy, dy), need_dx)

        return accumulate(s, y), vjp

    return replace(branches, init=init, apply=apply)
