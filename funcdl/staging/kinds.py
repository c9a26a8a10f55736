"""What a replay depends on beside numbers: containers, shapes, dtypes, and what is no tensor."""

from __future__ import annotations

from typing import Any

from funcdl import tree
from funcdl.tensor import Tensor
from funcdl.tree import nodes

__all__ = ["alike", "form", "plain"]


def plain(leaf: Any) -> bool:
    """Tell whether a leaf that is no tensor is a value, which its text tells from others.

    >>> plain(0.1), plain(object())
    (True, False)
    """
    known = (bool, int, float, complex, str, bytes, type(None))
    return type(leaf) in known or str(type(leaf)) in (
        "<class 'torch.dtype'>",
        "<class 'torch.device'>",
    )


def alike(a: Any, b: Any) -> bool:
    """Tell whether tensors have shape, dtype and device in common, or other leaves are equal.

    >>> import torch
    >>> alike(torch.ones(2), torch.zeros(2)), alike(1, 1.0)
    (True, False)
    """
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return a.shape == b.shape and a.dtype == b.dtype and a.device == b.device
    return type(a) is type(b) and repr(a) == repr(b)


def form(value: Any) -> Any:
    """Say what a replay depends on: containers, shapes, dtypes and devices, and other values.

    Raises:
        TypeError: an object is among them that is no such value.

    >>> import torch
    >>> form((torch.ones(2), 0.1)) == form((torch.zeros(2), 0.1)) != form((torch.ones(2), 0.2))
    True
    """
    if isinstance(value, Tensor):
        return value.shape, value.dtype, value.device
    if not tree.is_node(value):
        if not plain(value):
            raise TypeError("an object, which may change, or look the same as another")
        return type(value), repr(value)
    names = tuple(value) if isinstance(value, dict) else len(nodes.entries(value))
    return type(value), names, tuple(map(form, nodes.entries(value)))
