"""An inner value beside the main one: where auxiliary losses come from."""

from __future__ import annotations

from funcdl.combinators.fan_out import fanned
from funcdl.contract import Layer, LayerLike
from funcdl.layers.layout import identity

__all__ = ["tap"]


def tap(main: LayerLike, side: LayerLike = identity) -> Layer:
    """Go on with `main`, and give out beside it what `side` makes of the same value.

        (y, inner) = (main(x), side(x))        dx = mainᵀ(dy) + sideᵀ(dinner)

    With the default `side`, the inner value itself comes out. The parameters are those of
    `fan_out(main, side)`, the pair (main's, side's).

    Raises:
        KindError: a part is neither a layer nor a function.
        ShapeError: `x` does not fit a part; the message begins with its place.

    Szegedy et al., "Going deeper with convolutions" (2014), give inner layers a loss of their own.

    >>> import torch
    >>> from funcdl import linear, serial
    >>> net = serial(linear(8), tap(linear(2), side=linear(10)))
    >>> params, shape = net.init(torch.Generator().manual_seed(0), (4,))
    >>> shape
    ((2,), (10,))
    """
    return fanned("tap", main, side)
