"""Tensors in nested containers, and the memory that they are views of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from funcdl import tree
from funcdl.tensor import Tensor
from funcdl.tree import nodes

__all__ = ["leaves_of", "rebuild", "storage", "tensors"]


def tensors(value: Any) -> list[Tensor]:
    """List the tensors in nested containers, from left to right.

    >>> import torch
    >>> tensors((torch.tensor(1), "text", {"b": torch.tensor(2), "a": [torch.tensor(3)]}))
    [tensor(1), tensor(3), tensor(2)]
    """
    return leaves_of(Tensor, value)


def leaves_of(kind: type[Any], value: Any) -> list[Any]:
    """List what is of a kind in nested containers, from left to right."""
    return list(_leaves(kind, value))


def _leaves(kind: type[Any], value: Any) -> Iterator[Any]:
    if isinstance(value, kind):
        yield value
    elif tree.is_node(value):
        for entry in nodes.entries(value):
            yield from _leaves(kind, entry)


def rebuild(value: Any, function: Callable[[Any], Any], kind: type[Any] = Tensor) -> Any:
    """Apply a function to the tensors in nested containers, or to another kind; the rest stays.

    >>> import torch
    >>> rebuild((torch.tensor(1), "text"), lambda t: t + 1)
    (tensor(2), 'text')
    """
    if isinstance(value, kind):
        return function(value)
    if type(value) is dict:  # in the order in which it was filled, which a step may look at
        return {key: rebuild(entry, function, kind) for key, entry in value.items()}
    if tree.is_node(value):
        entries = [rebuild(entry, function, kind) for entry in nodes.entries(value)]
        return nodes.rebuilt(value, entries)
    return value


def storage(tensor: Tensor) -> int:
    """Name the memory that a tensor is a view of.

    >>> import torch
    >>> t = torch.zeros(2, 3)
    >>> storage(t) == storage(t.mT), storage(t) == storage(t.clone())
    (True, False)
    """
    name: int = tensor.untyped_storage()._cdata
    return name
