"""Parameters with their gradients, in all the forms in which they are handed over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from funcdl.arguments import show
from funcdl.errors import KindError, ShapeError
from funcdl.misuse import short
from funcdl.module.parts import is_module
from funcdl.tensor import Tensor

__all__ = ["Pair", "pairs_of"]

Pair = tuple[Tensor, Tensor]


def pairs_of(where: str, params: Any) -> list[Pair]:
    """List the pairs (parameter, gradient) of a module, or of what lists them, each once.

    Args:
        where: named in errors.
        params: a module, the pairs of its `param()`, or the tensors of its `parameters()` or
            `named_parameters()`, which have their gradients as `grad`.

    Raises:
        KindError, ShapeError: something is neither, or a gradient is not as its parameter is.
    """
    if is_module(params):
        params = params.param()
    elif isinstance(params, Tensor) or not isinstance(params, Iterable):
        raise _other(where, params)
    found = {}
    for entry in params:
        p, grad = _pair(where, entry)
        if not p.is_floating_point() or grad.dtype is not p.dtype:
            raise KindError(f"{where}: expected floats and gradients of their dtype, got {p.dtype}")
        if grad.shape != p.shape:
            wanted, got = show(tuple(p.shape)), show(tuple(grad.shape))
            raise ShapeError(f"{where}: expected a gradient of shape {wanted}, got {got}")
        found[id(p)] = p, grad
    return list(found.values())


def _pair(where: str, entry: Any) -> Pair:
    if isinstance(entry, tuple) and len(entry) == 2:
        first, second = entry
        if isinstance(first, Tensor) and isinstance(second, Tensor):
            return first, second
        entry = second if isinstance(first, str) else entry
    if isinstance(entry, Tensor) and entry.grad is not None:
        return entry, entry.grad
    raise _other(where, entry)


def _other(where: str, thing: Any) -> KindError:
    got = "a tensor without its gradient" if isinstance(thing, Tensor) else short(thing)
    return KindError(
        f"{where}: expected a module, or what its param() or parameters() lists, got {got}"
    )
