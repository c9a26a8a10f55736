"""Layers that give each axis of images or sequences another length, one axis after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from funcdl.contract import Apply, Layer, Params, Vjp, declared
from funcdl.layers.half import in_float32
from funcdl.signature import Signature
from funcdl.tensor import Generator, Tensor

__all__ = ["by_axis"]

Read = Callable[[Tensor], "tuple[Tensor, Callable[[Tensor], Tensor]]"]
"""From a tensor to another one, and the pull of its cotangent."""


def by_axis(
    name: str,
    reads: Sequence[Read],
    lengths: Sequence[int | Callable[[int], int]],
    args: str,
    least: Sequence[int] = (),
) -> Layer[tuple[()], Tensor, Tensor]:
    """Make a layer without parameters, from (…, height, width, c) or (…, length, c) to the same.

    Args:
        name: of the layer.
        reads: what is done, one after the other.
        lengths: of the output, for each axis: a number, or a function of the input's length.
        args: as they would be written in a call.
        least: the smallest lengths of the input, where they are declared.
    """

    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        pulls = []
        for read in reads:
            x, pull = read(x)
            pulls.append(pull)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
            if not need_dx:
                return params, None
            for pull in reversed(pulls):
                dy = pull(dy)
            return params, dy

        return x, vjp

    axes = ("height", "width") if len(lengths) == 2 else ("length",)
    given: Any = {
        f"{axis}'": (axis, length) if callable(length) else length
        for axis, length in zip(axes, lengths)
    }
    before = [f"{axis}>={n}" for axis, n in zip(axes, least)] or axes
    takes = Signature(
        (), f"… {' '.join(before)} channels>=0", f"… {' '.join(given)} channels", **given
    )
    rounded: Apply = in_float32(apply)
    return declared(name, takes, rounded, args=args)
