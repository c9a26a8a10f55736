"""What is a container, what is in it, and how to make another one like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from funcdl.tensor import Tensor

__all__ = ["Tree", "entries", "is_namedtuple", "is_node", "labels", "names", "rebuilt"]

Tree = Any
"""A pytree."""


def is_node(tree: Tree) -> bool:
    """Tell whether a value is a container rather than a leaf.

    >>> is_node(()), is_node({"a": 3.0}), is_node(3.0)
    (True, True, False)
    """
    if type(tree) is Tensor:
        return False
    return isinstance(tree, (tuple, list, dict)) or _is_dataclass(tree)


def is_namedtuple(tree: Tree) -> bool:
    """Tell whether a value is an instance of a NamedTuple class.

    >>> is_namedtuple((1, 2))
    False
    """
    return isinstance(tree, tuple) and hasattr(tree, "_fields")


def _is_dataclass(tree: Tree) -> bool:
    """Tell whether a value is an instance of a dataclass, and data: not a function."""
    return hasattr(type(tree), "__dataclass_fields__") and not callable(tree)


def names(node: Tree) -> Sequence[Any] | None:
    """List the keys or fields of a container in their order; None for those that have places."""
    if isinstance(node, dict):
        return sorted(node)
    if isinstance(node, (tuple, list)):
        return getattr(node, "_fields", None)
    return [field.name for field in fields(node)]


def labels(node: Tree) -> list[str]:
    """Name the entries of a container as a path does."""
    keys = names(node)
    return [f"[{i}]" for i in range(len(node))] if keys is None else [f".{key}" for key in keys]


def entries(node: Tree) -> Sequence[Tree]:
    """List the entries of a container, in the order of their labels."""
    if isinstance(node, (tuple, list)):
        return node
    if isinstance(node, dict):
        return [node[key] for key in sorted(node)]
    return [getattr(node, field.name) for field in fields(node)]


def rebuilt(node: Tree, entries: list[Tree]) -> Tree:
    """Make a container like another one of other entries, in the order of their labels."""
    kind = type(node)
    if kind is tuple:
        return tuple(entries)
    if isinstance(node, dict):
        return dict(zip(sorted(node), entries))
    if isinstance(node, (tuple, list)):
        return kind(*entries) if is_namedtuple(node) else kind(entries)
    # Not by the class itself, which may check or convert what only stands for its values here.
    other = object.__new__(kind)
    for field, entry in zip(fields(node), entries):
        object.__setattr__(other, field.name, entry)
    return other
