"""One layer over time, with one copy of its parameters."""

from __future__ import annotations

from typing import Any

from funcdl import tree
from funcdl.arguments import show, tensor, whole
from funcdl.combinators.parts import accumulate, as_layers, place
from funcdl.contract import Layer, LayerLike, Params, Shape, Value, Vjp
from funcdl.errors import FuncdlError, ShapeError
from funcdl.ops.layout import fill
from funcdl.tensor import Generator, Tensor

__all__ = ["scan"]


def scan(cell: LayerLike, features: int) -> Layer:
    """Apply a layer to each step of a sequence, with what it made of the steps before.

        hₜ = f(p, (hₜ₋₁, xₜ)), h₀ = 0        y = (h₁, …, hₙ)
        dp = Σ dpₜ,   (dhₜ₋₁, dxₜ) = fᵀ(dyₜ + dhₜ)        (backpropagation through time)

    Args:
        cell: a layer from a pair (h, x) to the next h, such as `gru_cell(features)` or
            `serial(join(), linear(features), tanh)`.
        features: the length of h's last axis, at least 1.

    Returns:
        A layer from (…, time, in) to (…, time, features), with the cell's parameters.

    Raises:
        InputError, KindError: `features` is not a whole number of at least 1.
        ShapeError: a step does not fit the cell (the message begins with its place), or the cell
            does not give `features` numbers.

    Elman, "Finding structure in time" (1990); the pass back: Werbos, "Backpropagation through time:
    what it does and how to do it" (1990).

    >>> import torch
    >>> from funcdl import join, linear, serial, tanh
    >>> layer = scan(serial(join(), linear(8), tanh), 8)
    >>> params, shape = layer.init(torch.Generator().manual_seed(0), (20, 3))
    >>> params[1].w.shape, shape
    (torch.Size([11, 8]), (20, 8))
    >>> y, vjp = layer(params, torch.ones(5, 20, 3))
    >>> y.shape, vjp(y)[1].shape
    (torch.Size([5, 20, 8]), torch.Size([5, 20, 3]))
    """
    (part,) = as_layers("scan", [cell])
    whole("scan", "features", features, 1)

    def keep(wanted: Any, got: Any) -> None:
        if tuple(wanted) != tuple(got):
            raise ShapeError(
                f"scan: expected {part.name} to give the shape {show(wanted)}, got {show(got)}"
            )

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        if len(in_shape) < 2 or not all(isinstance(length, int) for length in in_shape):
            raise ShapeError(f"scan: expected sequences (…, time, features), got {show(in_shape)}")
        lead = in_shape[:-2]
        with place("scan"):
            params, out = part.init(rng, ((*lead, features), (*lead, in_shape[-1])))
        keep((*lead, features), out)
        return params, (*in_shape[:-1], features)

    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Value, Vjp]:
        if tensor("scan", x).ndim < 2:
            raise ShapeError(f"scan: expected sequences (…, time, features), got {show(x.shape)}")
        shape = (*x.shape[:-1], features)
        h = x.new_zeros((*x.shape[:-2], features))
        states, vjps = [], []
        try:
            for step in x.unbind(-2):
                h, pull = part(params, (h, step), rng)
                states.append(h)
                vjps.append(pull)
        except FuncdlError as error:
            raise error.within(f"scan[{len(vjps)}]") from None
        if states:
            keep((*shape[:-2], features), states[0].shape)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
            dparams, dxs, dh = None, [], None
            for pull, d in zip(reversed(vjps), reversed(dy.unbind(-2))):
                dp, (dh, dx) = pull(accumulate(d, dh))
                dparams = dp if dparams is None else tree.add(dparams, dp)
                dxs.append(dx)
            if dparams is None:
                dparams = tree.zeros_like(params)
            return dparams, fill(x.new_empty(x.shape), dxs[::-1], -2) if need_dx else None

        return fill(x.new_empty(shape), states, -2), vjp

    return Layer("scan", init, apply, f"{features}", (part,))
