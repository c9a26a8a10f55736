"""One layer over time, with one copy of its parameters."""

from __future__ import annotations

from typing import Any

from funcdl import tree
from funcdl.arguments import integer, show
from funcdl.combinators.parts import (
    add_to,
    as_layers,
    each_along,
    needing,
    piled,
    place,
    pulled,
    widen,
)
from funcdl.contract import Layer, LayerLike, Params, Shape, Value, Vjp, shape_of
from funcdl.cotangent import RAW, accumulate
from funcdl.errors import ShapeError
from funcdl.fitted import kinds_key
from funcdl.ops.layout import fill
from funcdl.signature import ANYTHING, Signature, anything
from funcdl.tensor import Generator, as_dtype_of, wide

__all__ = ["scan"]


def scan(cell: LayerLike, hidden: int | None = None) -> Layer:
    """Apply a layer to each time step of a sequence, with its output from the step before.

        hₜ = f(p, (hₜ₋₁, xₜ))        y = (h₁, …, hₙ)
        dp = Σ dpₜ        (dhₜ₋₁, dxₜ) = fᵀ(dyₜ + dhₜ)        (backpropagation through time)

    Args:
        cell: a layer from a pair (h, x) to the next h, such as `gru_cell(hidden)` or
            `serial(join(), linear(hidden), tanh)`. Its parameters are those of the scan.
        hidden: the length of h's last axis, at least 1; the first state h₀ is 0 then. Without it
            the first state is handed in, and may be a tuple of tensors: the input is a pair.

    Returns:
        A layer from (…, time, features) to the states of all steps, (…, time, hidden). Without
        `hidden`, from ((…, *own), (…, time, features)) to (…, time, *own).

    Raises:
        InputError, KindError: `hidden` is not an integer of at least 1; the cell is neither a
            layer nor a function.
        ShapeError: a time step does not fit the cell (the message begins with its place), or the
            cell does not keep the shape of h.

    Elman, "Finding structure in time" (1990); the backward pass: Werbos, "Backpropagation
    through time: what it does and how to do it" (1990).

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
    bare = part.bare
    if hidden is not None:
        integer("scan", "hidden", hidden, 1)

    def keep(where: str, h: Shape, out: Shape) -> None:
        if h != out:
            raise ShapeError(
                f"{where}{part.name}: expected h to keep its shape {show(h)}, got {show(out)}"
            )

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        h, xs = in_shape if hidden is None else (None, in_shape)
        lead = xs[:-2]
        if hidden is not None:
            h = (*lead, hidden)
        with place("scan"):
            params, out = part.init(rng, (h, (*lead, xs[-1])))
            keep("", h, out)
        return params, widen(h, len(lead), xs[-2])

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        h, xs = x if hidden is None else (None, x)
        if hidden is not None:
            h = xs.new_zeros((*xs.shape[:-2], hidden))
        at, first = xs.ndim - 2, h
        states: list[Value] = []
        vjps: list[Vjp] = []
        steps = xs.unbind(at)
        alike = False
        for t, step in enumerate(steps):
            if alike:
                try:
                    h, pull = bare(params, (h, step), rng)
                except RAW:  # said as the guards do
                    h, pull = part.at(f"scan[{t}]", params, (h, step), rng)
            else:
                h, pull = part.at(f"scan[{t}]", params, (h, step), rng)
            if t == 0:
                keep("scan[0] ", shape_of(first, "scan"), shape_of(h, "scan"))
                # What fits at a step, and gives what came in, fits at all of them.
                key = kinds_key(params, (first, step))
                alike = key is not None and key == kinds_key(params, (h, step))
            states.append(h)
            vjps.append(pull)

        def back(t: int, d: Value, need_dx: bool) -> tuple[Params, Value]:
            try:
                return pulled(vjps[t], params, d, need_dx)
            except RAW:
                before = states[t - 1] if t else first
                part.at(f"scan[{t}]", params, (before, steps[t]), rng)[1](d, need_dx)
                raise

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            totals = tree.map(lambda p: wide(p.new_zeros(p.shape)), params)
            dxs: list[Any] = []
            dh = tree.zeros_like(first)
            for t, d in reversed(list(enumerate(each_along(dy, at, len(vjps))))):
                dp, dpair = back(t, accumulate(d, dh), need_dx or t > 0)
                add_to(totals, dp)
                dh, dx = dpair or (None, None)
                dxs.append(dx)
            dparams = tree.map(as_dtype_of, totals, params)
            if not need_dx:
                return dparams, None
            given = all(dx is not None for dx in dxs)
            dx = fill(xs.new_empty(xs.shape), dxs[::-1], at) if given else None
            return dparams, dx if hidden is not None else (dh, dx)

        return piled(first, states, at), vjp

    args = "" if hidden is None else f"{hidden}"
    sequence = "… time>=0 features>=0"
    inputs = (anything("h"), f"x: {sequence}") if hidden is None else sequence
    takes = Signature(ANYTHING, inputs, anything("y"), floats=False)
    needs = needing([("scan", part)])
    return Layer("scan", init, apply, args, (part,), needs_rng=needs, signature=takes)
