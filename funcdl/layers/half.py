"""Half precision: layers that sum numbers up compute in float32 and round once, at their end."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from funcdl import tree
from funcdl.contract import Apply, Params, Value
from funcdl.tensor import Generator, as_dtype_of, is_half, wide

__all__ = ["in_float32"]


def in_float32(apply: Callable[..., Any], **settings: Any) -> Apply:
    """Make a layer's `apply` compute in float32 on half-precision numbers, its vjp too.

    What it takes and gives, a tensor or a tuple of tensors, keeps its dtype. There alone it gets
    the settings.
    """

    @wraps(apply)
    def rounded(params: Params, x: Any, rng: Generator | None = None) -> Any:
        first = x
        while isinstance(first, tuple):
            first = first[0]
        if not is_half(first):
            return apply(params, x, rng)
        y, vjp = apply(tree.map(wide, params), tree.map(wide, x), rng, **settings)

        def back(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            dparams, dx = vjp(tree.map(_wide, dy), need_dx)
            if dx is not None:
                dx = tree.map(_as_dtype_of, dx, x)
            return tree.map(as_dtype_of, dparams, params), dx

        return tree.map(lambda t: t.to(first.dtype), y), back

    return rounded


def _wide(dy: Any) -> Any:
    """Give a cotangent in float32; None stands for 0."""
    return None if dy is None else wide(dy)


def _as_dtype_of(dx: Any, x: Any) -> Any:
    """Round a cotangent; None is that of what has none."""
    return None if dx is None else as_dtype_of(dx, x)
