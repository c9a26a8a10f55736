"""A layer that acts as in inference, in training too."""

from __future__ import annotations

from dataclasses import replace

from funcdl.combinators.parts import as_layers
from funcdl.contract import Layer, LayerLike, Params, Value, Vjp
from funcdl.generic import XT, YT, ParamsT
from funcdl.tensor import Generator

__all__ = ["inference"]


def inference(layer: LayerLike[ParamsT, XT, YT]) -> Layer[ParamsT, XT, YT]:
    """Apply a layer without a generator, also where one is handed in: say so on purpose.

        y = f(p, x)        without drawing, and by the population's statistics

    So a network is tuned further with its dropout off, or with the statistics of its norms as they
    were measured: scale and bias still learn, and `calibrate` does not measure them anew. A
    training step of what is left needs no generator. See `freeze` for parameters that stay.

    Raises:
        KindError: the part is neither a layer nor a function.

    >>> import torch
    >>> from funcdl import dropout, linear, serial
    >>> net = serial(linear(3), inference(dropout(0.5)))
    >>> net
    serial(linear(3), inference(dropout(0.5)))
    >>> params, _ = net.init(torch.Generator().manual_seed(0), (2,))
    >>> x = torch.ones(5, 2)
    >>> y, _ = net(params, x, torch.Generator())
    >>> torch.equal(y, net(params, x)[0])
    True
    """
    (part,) = as_layers("inference", [layer])

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        return part(params, x)

    return replace(
        part, name="inference", apply=apply, args="", layers=(part,), signature=None, needs_rng=""
    )
