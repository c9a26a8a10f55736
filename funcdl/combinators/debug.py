"""A window on what flows through a layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from funcdl import tree
from funcdl.arguments import show
from funcdl.combinators.parts import as_layers
from funcdl.contract import Layer, LayerLike, Params, Value, Vjp
from funcdl.errors import KindError
from funcdl.generic import XT, YT, ParamsT
from funcdl.shown import named_defaults
from funcdl.tensor import Generator, Tensor

__all__ = ["debug"]


@named_defaults
def debug(
    layer: LayerLike[ParamsT, XT, YT], tell: Callable[[str], Any] = print
) -> Layer[ParamsT, XT, YT]:
    """Tell the shapes and norms of what goes through a layer, forward and backward.

    The layer computes what it did. The line of the forward pass has the input and the output, that
    of the backward pass the cotangents of the output, of each parameter and of the input: each
    with its shape and its 2-norm ‖·‖.

    Args:
        layer: what is looked at.
        tell: gets each line.

    Raises:
        KindError: `tell` cannot be called, or the part is neither a layer nor a function.

    >>> import torch
    >>> from funcdl import relu
    >>> y, vjp = debug(relu)((), torch.tensor([-3.0, 4.0]))
    relu: x (2,) ‖5‖ → y (2,) ‖4‖
    >>> _ = vjp(torch.ones(2))
    relu: dy (2,) ‖1.41‖ → dx (2,) ‖1‖
    """
    (part,) = as_layers("debug", [layer])
    if not callable(tell):
        raise KindError(f"debug: expected tell to be a function, got {type(tell).__name__}")

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        y, pull = part(params, x, rng)
        tell(f"{part!r}: {_words('x', x)} → {_words('y', y)}")

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            dparams, dx = pull(dy, need_dx)
            back = [_words("dparams", dparams), _words("dx", dx)]
            tell(f"{part!r}: {_words('dy', dy)} → {', '.join(filter(None, back))}")
            return dparams, dx

        return y, vjp

    return replace(
        part, name="debug", apply=apply, args="", layers=(part,), signature=None, recorded=False
    )


def _words(name: str, value: Any) -> str:
    """Say the path, shape and norm of each tensor of a value."""
    return ", ".join(
        f"{name}{path} {show(leaf.shape)} ‖{float(leaf.detach().double().norm()):.3g}‖"
        for path, leaf in zip(tree.paths(value), tree.leaves(value))
        if isinstance(leaf, Tensor)
    )
