"""A layer for one example, made one for many."""

from __future__ import annotations

import math
from typing import Any

from funcdl import tree
from funcdl.arguments import integer, show
from funcdl.combinators.parts import as_layers, needing, place, summed
from funcdl.contract import Layer, LayerLike, Params, Shape, Value, Vjp, shape_of
from funcdl.errors import InputError, KindError, ShapeError
from funcdl.generic import XT, YT, ParamsT
from funcdl.tensor import Generator, Tensor

__all__ = ["vmap"]


def vmap(
    layer: LayerLike[ParamsT, XT, YT], ndim: int, *, models: int = 0
) -> Layer[ParamsT, XT, YT]:
    """Map a layer over the leading axes of its input, one example after the other.

        y[i] = f(p, x[i])        dp = Σ dpᵢ        dx[i] = fᵀ(dy[i])

    The library's layers look at trailing axes alone and do not need this: it is for a layer
    whose examples must not see each other, or one that takes a single example. It is a loop.

    Args:
        layer: what is mapped.
        ndim: the number of axes of one example, at least 0; all axes before them are mapped over.
        models: the number of leading axes that the parameters have too: `f(p[i], x[i])`. So any
            layer trains an ensemble.

    Returns:
        A layer from (…, *in) to (…, *out); tuples of tensors are mapped together.

    Raises:
        InputError, KindError: an argument is not an integer of at least 0; there is no example.
        ShapeError: `x` has fewer axes, an example does not fit (the message begins with its
            place), or the parameters of the models are not as many.

    >>> import torch
    >>> def mean(params, x):
    ...     assert x.ndim == 1
    ...     return x.mean(), lambda dy: ((), dy.expand(x.shape) / len(x))
    >>> y, vjp = vmap(mean, 1)((), torch.tensor([[1.0, 3.0], [5.0, 7.0]]))
    >>> y, vjp(torch.ones(2))[1]
    (tensor([2., 6.]), tensor([[0.5000, 0.5000],
            [0.5000, 0.5000]]))
    """
    (part,) = as_layers("vmap", [layer])
    integer("vmap", "ndim", ndim, 0)
    integer("vmap", "models", models, 0)

    def split(shape: Shape) -> tuple[Shape, Shape]:
        """Split a shape, or a tuple of them, into the axes that are mapped and an example's."""
        if any(isinstance(entry, tuple) for entry in shape):
            pairs = [split(entry) for entry in shape]
            if any(lead != pairs[0][0] for lead, _ in pairs):
                raise ShapeError(f"vmap: expected the same leading axes, got {show(shape)}")
            return pairs[0][0], tuple(own for _, own in pairs)
        if len(shape) < ndim + models:
            raise ShapeError(f"vmap: expected at least {ndim + models} axes, got {show(shape)}")
        return tuple(shape[: len(shape) - ndim]), tuple(shape[len(shape) - ndim :])

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        lead, own = split(in_shape)
        with place("vmap"):
            params, out_shape = part.init(rng, own)
        return params, _behind(lead, out_shape)

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        in_shape = shape_of(x, "vmap")
        lead, _ = split(in_shape)
        count = math.prod(lead)
        if count == 0:
            raise InputError(f"vmap: expected at least one example, got {show(in_shape)}")
        for leaf in tree.leaves(params) if models else ():
            if not isinstance(leaf, Tensor):
                got = type(leaf).__name__
                raise KindError(f"vmap: expected params of tensors, got {got}")
            if leaf.shape[:models] != lead[:models]:
                raise ShapeError(
                    f"vmap: expected parameters that begin with {show(lead[:models])} as x does, "
                    f"got {show(leaf.shape)}"
                )
        ps = _rows(params, models, math.prod(lead[:models]))
        each = count // len(ps)
        pulled = [
            part.at(f"vmap[{i}]", ps[i // each], row, rng)
            for i, row in enumerate(_rows(x, len(lead), count))
        ]

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            rows = _rows(dy, len(lead), count)
            back = [pull(d, need_dx) for (_, pull), d in zip(pulled, rows)]
            sums = [summed([dp for dp, _ in back[k : k + each]]) for k in range(0, count, each)]
            dparams = _pile(sums, lead[:models]) if models else sums[0]
            return dparams, _pile([dx for _, dx in back], lead)

        return _pile([y for y, _ in pulled], lead), vjp

    args = f"{ndim}" + (f", models={models}" if models else "")
    return Layer("vmap", init, apply, args, (part,), needs_rng=needing([("vmap", part)]))


def _behind(lead: Shape, shape: Shape) -> Shape:
    """Put leading axes before a shape, or before each of a tuple of shapes."""
    if any(isinstance(entry, tuple) for entry in shape):
        return tuple(_behind(lead, entry) for entry in shape)
    return (*lead, *shape)


def _rows(value: Any, axes: int, count: int) -> list[Any]:
    """Take a pytree of tensors apart along their first axes; None stands for none."""
    if axes == 0:
        return [value]
    flat = tree.map(lambda t: t if t is None else t.reshape(count, *t.shape[axes:]), value)
    return [tree.map(lambda t, i=i: t if t is None else t.select(0, i), flat) for i in range(count)]


def _pile(values: list[Any], lead: Shape) -> Any:
    """Put pytrees of tensors behind each other along new first axes; None stands for none."""

    def pile(*tensors: Tensor | None) -> Tensor | None:
        first = tensors[0]
        if first is None:
            return None
        piled = tree.stack([(t,) for t in tensors])[0]
        return piled.reshape((*lead, *first.shape))  # type: ignore[no-any-return]

    return tree.map(pile, *values)
