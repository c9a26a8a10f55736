"""Half precision: layers that sum numbers up compute in float32 and round once, at their end."""

from __future__ import annotations

from functools import wraps
from typing import Any

from funcdl import tree
from funcdl.contract import Apply, Params, Value
from funcdl.tensor import Generator, Tensor, as_dtype_of, is_half, wide

__all__ = ["in_float32"]


def in_float32(apply: Apply) -> Apply:
    """Make a layer's `apply` compute in float32 on half-precision numbers, its vjp too.

    What it takes and gives keeps its dtype. Parameters of another dtype than the input's come
    through as they are, for the layer to refuse.
    """

    @wraps(apply)
    def rounded(params: Params, x: Any, rng: Generator | None = None) -> Any:
        first = x[0] if isinstance(x, tuple) and x else x
        if not (isinstance(first, Tensor) and is_half(first)) or not _alike((params, x), first):
            return apply(params, x, rng)
        y, vjp = apply(tree.map(wide, params), tree.map(wide, x), rng)

        def back(dy: Tensor, need_dx: bool = True) -> tuple[Params, Value]:
            dparams, dx = vjp(wide(dy), need_dx)
            if dx is not None:
                dx = tree.map(as_dtype_of, dx, x)
            return tree.map(as_dtype_of, dparams, params), dx

        return y.to(first.dtype), back

    return rounded


def _alike(values: Any, x: Tensor) -> bool:
    """Tell whether all parameters and inputs are tensors of one dtype."""
    return all(isinstance(p, Tensor) and p.dtype is x.dtype for p in tree.leaves(values))
