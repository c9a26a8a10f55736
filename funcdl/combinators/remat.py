"""Memory for time: a layer that keeps nothing but its input."""

from __future__ import annotations

from dataclasses import replace

from funcdl.arguments import generator
from funcdl.combinators.parts import as_layers
from funcdl.contract import Layer, LayerLike, Params, Value, Vjp
from funcdl.generic import XT, YT, ParamsT
from funcdl.initialisers import TORCH_GENERATOR
from funcdl.tensor import Generator

__all__ = ["remat"]


def remat(layer: LayerLike[ParamsT, XT, YT]) -> Layer[ParamsT, XT, YT]:
    """Forget what a layer computed in the forward pass, and compute it again in the backward pass.

    Values and derivatives are the layer's, to the last bit, and so are the parameters. Between
    the two passes only `params`, `x` and a copy of the generator are kept: the same random
    numbers are drawn again. The backward pass costs one more forward pass. A staged step does
    not record the layer but calls it, so that no buffer keeps what is to be forgotten.

    Raises:
        KindError: the part is neither a layer nor a function.

    Griewank, "Achieving logarithmic growth of temporal and spatial complexity in reverse
    automatic differentiation" (1992); Chen, Xu, Zhang and Guestrin, "Training deep nets with
    sublinear memory cost" (2016).

    >>> import torch
    >>> from funcdl import linear, relu, repeat, serial
    >>> block = serial(linear(8), relu, linear(8), relu)
    >>> net = repeat(remat(block), 4)
    >>> params, _ = net.init(torch.Generator().manual_seed(0), (8,))
    >>> y, vjp = net(params, torch.ones(5, 8))
    >>> vjp(y)[1].shape
    torch.Size([5, 8])
    """
    (part,) = as_layers("remat", [layer])

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        if rng is TORCH_GENERATOR:
            if part.needs_rng:
                return part(params, x, rng)
            rng = None
        start = None if rng is None else generator("remat", rng).clone_state()
        y, _ = part(params, x, rng)

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            _, pull = part(params, x, None if start is None else start.clone_state())
            return pull(dy, need_dx)

        return y, vjp

    return replace(
        part, name="remat", apply=apply, args="", layers=(part,), signature=None, recorded=False
    )
