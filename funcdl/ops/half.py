"""Half precision: what sums numbers up computes in float32 and rounds once, at its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcdl.tensor import Tensor

__all__ = ["single"]


def single(
    primitive: Callable[..., tuple[Tensor, Callable[[Tensor], Tensor]]], x: Tensor, *args: Any
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Apply a primitive `(x, *args) -> (y, pull)`, of one tensor, in float32 to a half one."""
    y, pull = primitive(x.float(), *args)
    return y.to(x.dtype), lambda dy: pull(dy.float()).to(x.dtype)
