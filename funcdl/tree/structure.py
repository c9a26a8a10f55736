"""Taking pytrees apart, putting them together, and mapping over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from funcdl.errors import TreeError
from funcdl.tensor import Tensor
from funcdl.tree.nodes import Tree, an, entries, is_node, labels, names, rebuilt
from funcdl.tree.trouble import STOPS, trouble

__all__ = ["from_leaves", "has_leaves", "leaves", "map", "to_leaves"]


def to_leaves(tree: Tree) -> tuple[list[Any], Tree]:
    """Split a pytree into its leaves and its structure.

    The structure is the same pytree with each leaf replaced by its position among the leaves.

    >>> to_leaves({"w": 7.0, "b": (8.0, ())})
    ([8.0, 7.0], {'b': (0, ()), 'w': 1})
    """
    found: list[Any] = []

    def number(leaf: Any) -> int:
        found.append(leaf)
        return len(found) - 1

    structure = map(number, tree)
    return found, structure


def from_leaves(structure: Tree, leaves: Sequence[Any]) -> Tree:
    """Put leaves back into a structure: the inverse of `to_leaves`.

    Raises:
        TreeError: the number of leaves is not that of the structure.

    >>> from_leaves({"b": (0, ()), "w": 1}, [8.0, 7.0])
    {'b': (8.0, ()), 'w': 7.0}
    """
    expected = len(_collect(structure, []))
    if len(leaves) != expected:
        raise TreeError(f"from_leaves: expected {expected} leaves, got {len(leaves)}")
    return map(lambda position: leaves[position], structure)


def leaves(tree: Tree) -> list[Any]:
    """List the leaves, from left to right.

    >>> leaves(((1.0, [2.0]), (), {"a": 3.0}))
    [1.0, 2.0, 3.0]
    """
    try:
        return _collect(tree, [])
    except STOPS as error:
        raise trouble(error, tree) from None


def _collect(tree: Tree, found: list[Any]) -> list[Any]:
    if is_node(tree):
        for entry in entries(tree):
            _collect(entry, found)
    else:
        found.append(tree)
    return found


def has_leaves(tree: Tree) -> bool:
    """Tell whether there is a leaf.

    >>> has_leaves(((), {"a": 3.0})), has_leaves(((), {}))
    (True, False)
    """
    try:
        return _has_leaves(tree)
    except STOPS as error:
        raise trouble(error, tree) from None


def _has_leaves(tree: Tree) -> bool:
    if not is_node(tree):
        return True
    for entry in entries(tree):  # noqa: SIM110 - half the time of any()
        if type(entry) is Tensor or _has_leaves(entry):
            return True
    return False


def map(function: Callable[..., Any], tree: Tree, *rest: Tree) -> Tree:
    """Apply a function to the leaves of one or more pytrees of the same structure.

    Raises:
        TreeError: a structure differs from the first one's, a container cannot be taken apart and
            put together, or contains itself; the message names the path.
        ResourceError: there is no memory for the leaves, or the nesting is too deep.

    >>> map(lambda a, b: a + b, (1, [2]), (10, [20]))
    (11, [22])
    >>> map(lambda a, b: a + b, (1, [2]), (10, [20, 30]))
    Traceback (most recent call last):
    funcdl.errors.TreeError: tree[1]: expected 1 entry, got 2
    """
    try:
        if len(rest) == 1:
            return _map_two(function, tree, rest[0])
        return _map_all(function, (tree, *rest)) if rest else _map_one(function, tree)
    except _MismatchError as error:
        raise TreeError(f"tree{error}") from None
    except STOPS as error:
        problem = trouble(error, tree)
        if problem is error:
            raise
        raise problem from None


def _map_one(function: Callable[..., Any], tree: Tree) -> Tree:
    if not is_node(tree):
        return function(tree)
    return rebuilt(tree, [_map_one(function, entry) for entry in entries(tree)])


def _map_two(function: Callable[..., Any], tree: Tree, other: Tree) -> Tree:
    """Do it for two: each plain step comes by here, for whose tuples of tensors it is short."""
    kind = type(tree)
    if not (issubclass(kind, tuple) and type(other) is kind and len(other) == len(tree)):
        return _map_all(function, (tree, other))
    mapped: list[Tree] = []
    try:
        for a, b in zip(tree, other):
            if type(a) is Tensor is type(b):
                mapped.append(function(a, b))
            else:
                mapped.append(_map_two(function, a, b))
    except _MismatchError as error:
        raise _MismatchError(f"{labels(tree)[len(mapped)]}{error}") from None
    return rebuilt(tree, mapped)


class _MismatchError(Exception):
    """A difference between pytrees; its text gets the path to it on the way out.

    So a path is spelled where there is an error and costs nothing where there is none.
    """


def _map_all(function: Callable[..., Any], trees: Sequence[Tree]) -> Tree:
    first = trees[0]
    kind, row = type(first), isinstance(first, (tuple, list))
    node = row or is_node(first)
    for other in trees:
        if type(other) is not kind or (node and (not row or len(other) != len(first))):
            _check(first, other)
    if not node:
        return function(*trees)
    mapped: list[Tree] = []
    try:
        for beside in zip(*(trees if row else _beside(trees))):
            mapped.append(_map_all(function, beside))  # noqa: PERF401 - an error asks how many
    except _MismatchError as error:
        raise _MismatchError(f"{labels(first)[len(mapped)]}{error}") from None
    return rebuilt(first, mapped)


def _beside(trees: Sequence[Tree]) -> list[Sequence[Tree]]:
    """List the entries of each container in the order of the first one's."""
    if not isinstance(trees[0], dict):
        return [entries(tree) for tree in trees]
    keys: Any = names(trees[0])
    return [[tree[key] for key in keys] for tree in trees]


def _check(first: Tree, other: Tree) -> None:
    """Refuse a node for a leaf, and nodes that are not of the same kind, length and keys."""
    got = an(type(other).__name__)
    if not is_node(first):
        if is_node(other):
            raise _MismatchError(f": expected a leaf, got {got}")
    elif type(other) is not type(first):
        raise _MismatchError(f": expected {an(type(first).__name__)}, got {got}")
    elif isinstance(first, dict):
        if first.keys() != other.keys():
            wanted, found = (list(names(node) or ()) for node in (first, other))
            raise _MismatchError(f": expected the keys {wanted}, got {found}")
    elif isinstance(first, (tuple, list)) and len(other) != len(first):
        noun = "entry" if len(first) == 1 else "entries"
        raise _MismatchError(f": expected {len(first)} {noun}, got {len(other)}")
