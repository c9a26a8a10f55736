"""Weight sharing: one copy of the parameters, many inputs."""

from __future__ import annotations

from typing import Any

from funcdl import tree
from funcdl.arguments import show, trailing
from funcdl.combinators.parts import (
    as_layers,
    each_along,
    needing,
    piled,
    place,
    summed,
    widen,
)
from funcdl.contract import Layer, LayerLike, Params, Shape, Value, Vjp
from funcdl.errors import ShapeError
from funcdl.generic import XT, YT, ParamsT
from funcdl.signature import ANYTHING, Signature, anything, each, numbered
from funcdl.tensor import Generator, Tensor

__all__ = ["shared"]


def shared(
    layer: LayerLike[ParamsT, XT, YT], axis: int | None = None
) -> Layer[ParamsT, Value, Value]:
    """Apply one layer, with one copy of its parameters, to several inputs.

        yᵢ = f(p, xᵢ)        dp = Σ dpᵢ        dxᵢ = fᵀ(dyᵢ)

    Args:
        layer: what is shared; the parameters are its own.
        axis: None to take a tuple of inputs and give a tuple of outputs. Otherwise the axis,
            counted from the end, along which the inputs stand in one tensor: it is folded into
            the axis before it, the layer applied once, and unfolded again, which costs no copy.
            A layer that acts otherwise in training is applied there to each input alone, so that
            batch norm norms each by its own batch, as over a tuple.

    Returns:
        A layer from (x₁, …, xₖ) to (y₁, …, yₖ), or from (…, n, k, *in) to (…, n, k, *out).

    Raises:
        InputError, KindError: `axis` is not a negative integer.
        ShapeError: the inputs do not all fit the same parameters.

    Bromley et al., "Signature verification using a 'siamese' time delay neural network" (1993).

    >>> import torch
    >>> from funcdl import linear
    >>> params, shape = shared(linear(3), axis=-2).init(torch.Generator().manual_seed(0), (2, 7))
    >>> params.w.shape, shape
    (torch.Size([7, 3]), (2, 3))
    """
    (part,) = as_layers("shared", [layer])
    return _over_tuple(part) if axis is None else _over_axis(part, axis)


def _over_tuple(part: Layer) -> Layer:
    def init(rng: Generator, in_shapes: Shape) -> tuple[Params, Shape]:
        with place("shared"):
            params, out = part.init(rng, in_shapes[0])
            outs = [out]
            for shape in in_shapes[1:]:
                # Drawn from a copy of the generator and thrown away: only the shapes matter.
                other, out = part.init(rng.clone_state(), shape)
                if _shapes(other) != _shapes(params):
                    raise ShapeError(
                        f"{part.name}: expected inputs that fit the same parameters, "
                        f"got {show(in_shapes[0])} and {show(shape)}"
                    )
                outs.append(out)
        return params, tuple(outs)

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        pulled = [part.at("shared", params, entry, rng) for entry in x]

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            back = [pull(d, need_dx) for (_, pull), d in zip(pulled, dy)]
            dparams = summed([dp for dp, _ in back])
            return dparams, tuple(dx for _, dx in back) if need_dx else None

        return tuple(y for y, _ in pulled), vjp

    takes = Signature(ANYTHING, each(anything("x")), anything("y"))
    needs = needing([("shared", part)])
    return Layer("shared", init, apply, layers=(part,), needs_rng=needs, signature=takes)


def _over_axis(part: Layer, axis: int) -> Layer:
    trailing("shared", axis)

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        at = len(in_shape) + axis
        with place("shared"):
            params, out = part.init(rng, (*in_shape[:at], *in_shape[at + 1 :]))
        return params, widen(out, at, in_shape[at])

    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Value, Vjp]:
        at = x.ndim + axis
        if rng is not None and part.needs_rng:
            return _each_alone(x, at, params, rng)
        lengths: Any = x.shape[max(at - 1, 0) : at + 1]
        y, pull = part.at("shared", params, _fold(x, at), rng)

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            dparams, dx = pull(_fold(dy, at), need_dx)
            return dparams, _unfold(dx, at, lengths)

        return _unfold(y, at, lengths), vjp

    needs = needing([("shared", part)])
    alone = _over_tuple(part)

    def _each_alone(x: Tensor, at: int, params: Params, rng: Generator) -> tuple[Value, Vjp]:
        """Let no input see another, where the layer would look across the batch, or draw for it."""
        count = x.shape[at]
        ys, pull = alone.apply(params, tuple(x.unbind(at)), rng)

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            dparams, dxs = pull(tuple(each_along(dy, at, count)), need_dx)
            return dparams, piled(dxs[0], dxs, at) if need_dx else None

        return piled(ys[0], ys, at), vjp

    own = " ".join(numbered(-axis - 1, least=">=0"))
    takes = Signature(ANYTHING, f"… inputs>=0 {own}", anything("y"), floats=False)
    return Layer("shared", init, apply, f"axis={axis}", (part,), needs_rng=needs, signature=takes)


def _fold(value: Value, at: int) -> Value:
    """Merge axis `at` of each tensor into the one before it, if there is one."""
    if isinstance(value, tuple):
        return tuple(_fold(entry, at) for entry in value)
    return value.flatten(at - 1, at) if at > 0 and value is not None else value


def _unfold(value: Value, at: int, lengths: Any) -> Value:
    if isinstance(value, tuple):
        return tuple(_unfold(entry, at, lengths) for entry in value)
    return value.unflatten(at - 1, lengths) if at > 0 and value is not None else value


def _shapes(params: Params) -> list[Any]:
    return [leaf.shape for leaf in tree.leaves(params)]
