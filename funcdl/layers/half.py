"""Half precision: layers that sum numbers up compute in float32 and round once, at their end."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from funcdl import tree
from funcdl.contract import Apply, Params, Value
from funcdl.tensor import Generator, Tensor, as_dtype_of, is_half, wide

__all__ = ["in_float32"]


def in_float32(apply: Callable[..., Any], **settings: Any) -> Apply:
    """Make a layer's `apply` compute in float32 on half-precision numbers, its vjp too.

    What it takes and gives keeps its dtype. There alone it gets the settings.
    """

    @wraps(apply)
    def rounded(params: Params, x: Any, rng: Generator | None = None) -> Any:
        first = x[0] if isinstance(x, tuple) else x
        if not is_half(first):
            return apply(params, x, rng)
        y, vjp = apply(tree.map(wide, params), tree.map(wide, x), rng, **settings)

        def back(dy: Tensor, need_dx: bool = True) -> tuple[Params, Value]:
            dparams, dx = vjp(wide(dy), need_dx)
            if dx is not None:
                dx = tree.map(as_dtype_of, dx, x)
            return tree.map(as_dtype_of, dparams, params), dx

        return y.to(first.dtype), back

    return rounded
