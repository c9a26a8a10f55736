"""A layer beside its own input."""

from __future__ import annotations

from funcdl.arguments import show
from funcdl.combinators.parts import accumulate, as_layers, needing, place
from funcdl.contract import Layer, LayerLike, Params, Shape, Value, Vjp, shape_of
from funcdl.errors import ShapeError
from funcdl.tensor import Generator

__all__ = ["residual"]


def residual(layer: LayerLike) -> Layer:
    """Add a layer's output to its input.

        y = x + f(x)        dx = dy + fᵀ(dy)

    The parameters are the layer's. For a shortcut with parameters of its own, write
    `serial(fan_out(layer, shortcut), fan_in("sum"))`.

    Returns:
        A layer from (…) to (…), the same shape.

    Raises:
        KindError: the part is neither a layer nor a function.
        ShapeError: it does not keep the shape of its input.

    He, Zhang, Ren and Sun, "Deep residual learning for image recognition" (2016).

    >>> import torch
    >>> from funcdl import relu
    >>> y, vjp = residual(relu)((), torch.tensor([-1.0, 2.0]))
    >>> y, vjp(torch.ones(2))[1]
    (tensor([-1.,  4.]), tensor([1., 2.]))
    """
    (part,) = as_layers("residual", [layer])

    def keep(in_shape: Shape, out_shape: Shape) -> None:
        if in_shape != out_shape:
            raise ShapeError(
                f"residual: expected {part.name} to keep the shape {show(in_shape)}, "
                f"got {show(out_shape)}"
            )

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        with place("residual"):
            params, out_shape = part.init(rng, in_shape)
        keep(in_shape, out_shape)
        return params, out_shape

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        y, pull = part.at("residual", params, x, rng)
        keep(shape_of(x, "residual"), shape_of(y, "residual"))

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            dparams, dx = pull(dy, need_dx)
            return dparams, accumulate(dx, dy) if need_dx else None

        return accumulate(x, y), vjp

    needs = needing([("residual", part)])
    return Layer("residual", init, apply, layers=(part,), needs_rng=needs)
