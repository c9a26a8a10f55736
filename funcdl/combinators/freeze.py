"""Parameters that training leaves as they are."""

from __future__ import annotations

from dataclasses import replace

from funcdl import tree
from funcdl.combinators.parts import as_layers
from funcdl.contract import Layer, LayerLike, Params, Shape, Value, Vjp
from funcdl.errors import InputError, KindError
from funcdl.generic import XT, YT, ParamsT
from funcdl.tensor import Generator

__all__ = ["freeze"]


def freeze(layer: LayerLike[ParamsT, XT, YT], *paths: str) -> Layer[ParamsT, XT, YT]:
    """Make the cotangents of some of a layer's parameters zero.

    Values, parameters and the cotangent of the input are the layer's own. (Weight decay is not
    a gradient: an optimiser that decays needs a mask of its own.)

    Args:
        layer: what is partly frozen.
        paths: patterns as `tree.find` takes them: `"[0].w"` is a parameter, `"[0]"` all below a
            node, `"*.b"` all biases. Without any, all is frozen, and where nobody asks for the
            cotangent of the input, none is computed at all.

    Raises:
        KindError: a path is not a string, or the part neither a layer nor a function.
        InputError: the parameters have no such path.

    >>> import torch
    >>> from funcdl import linear, serial
    >>> net = freeze(serial(linear(3), linear(1)), "[0]", "[1].b")
    >>> params, _ = net.init(torch.Generator().manual_seed(0), (2,))
    >>> y, vjp = net(params, torch.ones(5, 2))
    >>> [bool(d.any()) for d in tree.leaves(vjp(y)[0])]
    [False, False, True, False]
    """
    (part,) = as_layers("freeze", [layer])
    for path in paths:
        if not isinstance(path, str):
            raise KindError(f"freeze: expected paths such as '[0].w', got {path!r}")

    def frozen(params: Params) -> list[bool]:
        """Tell of each leaf whether it is frozen."""
        here = tree.paths(params)
        if not paths:
            return [True] * len(here)
        chosen: set[str] = set()
        for path in paths:
            found = tree.find(params, path)
            if not found:
                raise InputError(
                    f"freeze: expected a path of the parameters, {', '.join(here) or 'of none'}, "
                    f"got {path!r}"
                )
            chosen.update(found)
        return [leaf in chosen for leaf in here]

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        params, out_shape = part.init(rng, in_shape)
        frozen(params)
        return params, out_shape

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        y, pull = part(params, x, rng)
        still = frozen(params)

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            if all(still) and not need_dx:
                return tree.zeros_like(params), None
            dparams, dx = pull(dy, need_dx)
            which = iter(still)
            return tree.map(lambda d: d.new_zeros(d.shape) if next(which) else d, dparams), dx

        return y, vjp

    args = ", ".join(map(repr, paths))
    return replace(
        part, name="freeze", init=init, apply=apply, args=args, layers=(part,), signature=None
    )
