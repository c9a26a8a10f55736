"""What is a container, what is in it, and how to make another one like it."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from funcdl.errors import TreeError
from funcdl.tensor import Tensor

__all__ = [
    "NodeError",
    "Tree",
    "an",
    "entries",
    "is_namedtuple",
    "is_node",
    "labels",
    "names",
    "rebuilt",
]

Tree = Any
"""A pytree."""


class NodeError(TreeError):
    """A container that cannot be taken apart, or not be made anew of other entries."""

    node: Tree = None


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
    """List the keys or fields of a container in their order; None for those that have places.

    Raises:
        NodeError: the keys of a dict have no order.
    """
    if isinstance(node, dict):
        if isinstance(node, OrderedDict):
            return list(node)
        try:
            return sorted(node)
        except TypeError:
            raise _bad(node, f"keys that can be sorted, got {_listed(node)}") from None
    if isinstance(node, (tuple, list)):
        return getattr(node, "_fields", None)
    return [field.name for field in fields(node)]


def labels(node: Tree) -> list[str]:
    """Name the entries of a container as a path does."""
    keys = names(node)
    return [f"[{i}]" for i in range(len(node))] if keys is None else [f".{key}" for key in keys]


def entries(node: Tree) -> Sequence[Tree]:
    """List the entries of a container, in the order of their labels.

    Raises:
        NodeError: the keys of a dict have no order, or a field of a dataclass is not set.
    """
    if isinstance(node, (tuple, list)):
        return node
    keys: Any = names(node)
    if isinstance(node, dict):
        return [node[key] for key in keys]
    try:
        return [getattr(node, key) for key in keys]
    except AttributeError:
        missing = ", ".join(key for key in keys if not hasattr(node, key))
        kind = type(node).__name__
        raise _bad(node, f"all fields of {kind} to be set, got none for {missing}") from None


def rebuilt(node: Tree, entries: list[Tree]) -> Tree:
    """Make a container like another one of other entries, in the order of their labels.

    Raises:
        NodeError: its class, made by a user, does not take them.
    """
    kind = type(node)
    if kind is tuple:
        return tuple(entries)
    if kind is list:
        return entries
    if isinstance(node, dict):
        made = dict(zip(names(node), entries))  # type: ignore[arg-type]
        return made if kind is dict else _subclassed(node, made)
    if isinstance(node, (tuple, list)):
        return kind._make(entries) if hasattr(kind, "_make") else _subclassed(node, entries)
    # Not by the class itself, which may check or convert what only stands for its values here.
    other = object.__new__(kind)
    for field, entry in zip(fields(node), entries):
        object.__setattr__(other, field.name, entry)
    return other


def _subclassed(node: Tree, made: Any) -> Tree:
    """Make a container of the class of another one, if that class takes the entries as they are."""
    kind = type(node)
    try:
        other = kind(node.default_factory, made) if kind is defaultdict else kind(made)
        given: Any = made.items() if isinstance(node, dict) else enumerate(made)
        faithful = len(other) == len(made) and all(other[key] is entry for key, entry in given)
    except Exception:
        faithful = False
    if not faithful or type(other) is not kind:
        raise _bad(node, f"a container that its entries can be put into, got {an(kind.__name__)}")
    kept = getattr(node, "__dict__", None)
    if kept and kept is not node:
        # As the metadata of a state_dict.
        other.__dict__.update(kept)
    return other


def _bad(node: Tree, text: str) -> NodeError:
    error = NodeError(f"tree: expected {text}")
    error.node = node
    return error


def _listed(keys: Any) -> str:
    return ", ".join(f"{key!r} ({type(key).__name__})" for key in keys)


def an(noun: str) -> str:
    """Put the article in front of a class's name."""
    return f"an {noun}" if noun[0] in "aeiouAEIOU" else f"a {noun}"
