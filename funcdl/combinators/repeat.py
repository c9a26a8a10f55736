"""Copies of one layer in a row, each with parameters of its own."""

from __future__ import annotations

from dataclasses import replace

from funcdl.arguments import integer
from funcdl.combinators.parts import as_layers
from funcdl.combinators.serial import composed
from funcdl.contract import Layer, LayerLike

__all__ = ["repeat"]

# Each has an entry of its own in the parameters.
MOST = 2**20


def repeat(layer: LayerLike, times: int) -> Layer:
    """Compose a layer with itself, with new parameters each time.

        y = f(pₙ, … f(p₂, f(p₁, x)))

    It is `serial(layer, …, layer)`; the parameters are a tuple with one entry a copy. For one copy
    of the parameters, see `shared` and `scan`.

    Args:
        layer: what is repeated.
        times: how often, at least 0 and at most 1,048,576; 0 gives `identity`.

    Raises:
        InputError, KindError: `times` is not an integer in its range.
        ShapeError: the layer does not fit its own output; the message begins with its place.

    >>> import torch
    >>> from funcdl import linear, relu, serial
    >>> net = repeat(serial(linear(25), relu), 3)
    >>> net
    repeat(serial(linear(25), relu), 3)
    >>> params, shape = net.init(torch.Generator().manual_seed(0), (2,))
    >>> [p.w.shape for p, _ in params], shape
    ([torch.Size([2, 25]), torch.Size([25, 25]), torch.Size([25, 25])], (25,))
    """
    (part,) = as_layers("repeat", [layer])
    copies = (part,) * integer("repeat", "times", times, 0, MOST)
    return replace(composed("repeat", copies), args=str(times), layers=(part,))
