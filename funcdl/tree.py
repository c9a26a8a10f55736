"""Pytrees: nested tuples, lists, dicts and NamedTuples whose leaves are anything else.

Dict entries are visited in the order of their sorted keys, so that two equal dicts have equal
leaves. Every function returns new containers and never writes to a leaf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from funcdl.errors import TreeError
from funcdl.tensor import Tensor

__all__ = [
    "add",
    "flatten",
    "has_leaves",
    "leaves",
    "map",
    "paths",
    "scale",
    "size",
    "stack",
    "unflatten",
    "unstack",
    "zeros_like",
]

Tree = Any


def flatten(tree: Tree) -> tuple[list[Any], Tree]:
    """Split a pytree into its leaves and its structure.

    The structure is the same pytree with each leaf replaced by its position among the leaves.

    >>> flatten({"w": 7.0, "b": (8.0, ())})
    ([8.0, 7.0], {'b': (0, ()), 'w': 1})
    """
    found: list[Any] = []

    def number(leaf: Any) -> int:
        found.append(leaf)
        return len(found) - 1

    structure = map(number, tree)
    return found, structure


def unflatten(structure: Tree, leaves: Sequence[Any]) -> Tree:
    """Put leaves back into a structure: the inverse of `flatten`.

    Raises:
        TreeError: the number of leaves is not that of the structure.

    >>> unflatten({"b": (0, ()), "w": 1}, [8.0, 7.0])
    {'b': (8.0, ()), 'w': 7.0}
    """
    expected = sum(1 for _ in _walk(structure, ""))
    if len(leaves) != expected:
        raise TreeError(f"unflatten: expected {expected} leaves, got {len(leaves)}")
    return map(lambda position: leaves[position], structure)


def leaves(tree: Tree) -> list[Any]:
    """List the leaves, from left to right.

    >>> leaves(((1.0, [2.0]), (), {"a": 3.0}))
    [1.0, 2.0, 3.0]
    """
    return [leaf for _, leaf in _walk(tree, "")]


def has_leaves(tree: Tree) -> bool:
    """Tell whether there is a leaf.

    >>> has_leaves(((), {"a": 3.0})), has_leaves(((), {}))
    (True, False)
    """
    return not is_node(tree) or any(has_leaves(entry) for entry in _entries(tree))


def paths(tree: Tree) -> list[str]:
    """List the path of each leaf: `[i]` enters a sequence, `.name` a dict or a NamedTuple.

    >>> paths(((1.0, [2.0]), (), {"a": 3.0}))
    ['[0][0]', '[0][1][0]', '[2].a']
    """
    return [path for path, _ in _walk(tree, "")]


def map(function: Callable[..., Any], tree: Tree, *rest: Tree) -> Tree:
    """Apply a function to the leaves of one or more pytrees of the same structure.

    Raises:
        TreeError: a structure differs from the first one's; the message names the path.

    >>> map(lambda a, b: a + b, (1, [2]), (10, [20]))
    (11, [22])
    >>> map(lambda a, b: a + b, (1, [2]), (10, [20, 30]))
    Traceback (most recent call last):
    funcdl.errors.TreeError: tree[1]: expected 1 entry, got 2
    """
    return _map_together(function, (tree, *rest)) if rest else _map_one(function, tree)


def _map_together(function: Callable[..., Any], trees: Sequence[Tree]) -> Tree:
    try:
        return _map_all(function, trees)
    except _MismatchError as error:
        raise TreeError(f"tree{error}") from None


def _map_one(function: Callable[..., Any], tree: Tree) -> Tree:
    if not is_node(tree):
        return function(tree)
    return _rebuild(tree, [_map_one(function, entry) for entry in _entries(tree)])


class _MismatchError(Exception):
    """A difference between pytrees; its text gets the path to it on the way out.

    So a path is spelled where there is an error and costs nothing where there is none.
    """


def _map_all(function: Callable[..., Any], trees: Sequence[Tree]) -> Tree:
    first = trees[0]
    kind, node, keyed = type(first), is_node(first), isinstance(first, dict)
    for other in trees:
        if type(other) is not kind or (node and len(other) != len(first)) or keyed:
            _check(first, other)
    if not node:
        return function(*trees)
    mapped: list[Tree] = []
    try:
        for row in zip(*([_entries(tree) for tree in trees] if keyed else trees)):
            mapped.append(_map_all(function, row))  # noqa: PERF401 - an error asks how many
    except _MismatchError as error:
        raise _MismatchError(f"{_labels(first)[len(mapped)]}{error}") from None
    return _rebuild(first, mapped)


def _entries(node: Tree) -> Sequence[Tree]:
    """List the entries of a container, in the order of their labels."""
    return [node[key] for key in sorted(node)] if isinstance(node, dict) else node


def _labels(node: Tree) -> list[str]:
    """Name the entries of a container as a path does."""
    if isinstance(node, dict):
        return [f".{key}" for key in sorted(node)]
    if is_namedtuple(node):
        return [f".{name}" for name in node._fields]
    return [f"[{i}]" for i in range(len(node))]


def _rebuild(node: Tree, entries: list[Tree]) -> Tree:
    """Make a container like another one of other entries, in the order of their labels."""
    kind = type(node)
    if kind is tuple:
        return tuple(entries)
    if isinstance(node, dict):
        return dict(zip(sorted(node), entries))
    return kind(*entries) if is_namedtuple(node) else kind(entries)


def is_namedtuple(tree: Tree) -> bool:
    """Tell whether a value is an instance of a NamedTuple class."""
    return isinstance(tree, tuple) and hasattr(tree, "_fields")


def is_node(tree: Tree) -> bool:
    """Tell whether a value is a container rather than a leaf."""
    return isinstance(tree, (tuple, list, dict))


def zeros_like(tree: Tree) -> Tree:
    """Replace each tensor by zeros of its shape, dtype and device."""
    return map(lambda leaf: leaf.new_zeros(leaf.shape), tree)


def add(a: Tree, b: Tree) -> Tree:
    """Add two pytrees leaf by leaf; the sum of cotangents.

    >>> add((1, {"w": 2}), (10, {"w": 20}))
    (11, {'w': 22})
    """
    return map(lambda p, q: p + q, a, b)


def scale(factor: Any, tree: Tree) -> Tree:
    """Multiply each leaf by one factor.

    >>> scale(2, (1, [3]))
    (2, [6])
    """
    return map(lambda leaf: leaf * factor, tree)


def size(tree: Tree) -> int:
    """Count the numbers in all the tensors of a pytree."""
    return sum(leaf.numel() for leaf in leaves(tree))


def stack(trees: Sequence[Tree]) -> Tree:
    """Stack pytrees of equal structure along a new leading axis: R inits make an ensemble.

    Raises:
        TreeError: there is none, or two differ in structure or in a leaf's shape.
    """
    if not trees:
        raise TreeError("stack: expected one pytree or more, got none")
    return map(_stack, *trees)


def unstack(tree: Tree) -> list[Tree]:
    """Split a pytree along the leading axis of its leaves: the inverse of `stack`.

    Raises:
        TreeError: there is no leaf, or the leaves' leading axes differ in length.
    """
    found = leaves(tree)
    lengths = sorted({leaf.shape[0] if leaf.ndim else 0 for leaf in found})
    if len(lengths) != 1 or lengths[0] == 0:
        raise TreeError(f"unstack: expected one common leading axis, got lengths {lengths}")
    return [map(lambda leaf, i=i: leaf.select(0, i), tree) for i in range(lengths[0])]


def _stack(*tensors: Tensor) -> Tensor:
    first = tensors[0]
    for tensor in tensors:
        if tensor.shape != first.shape:
            raise TreeError(
                f"stack: expected every tensor to be of shape {tuple(first.shape)} as the first "
                f"one's, got {tuple(tensor.shape)}"
            )
    stacked = first.new_empty((len(tensors), *first.shape))
    for i, tensor in enumerate(tensors):
        stacked.select(0, i).copy_(tensor)
    return stacked


def _walk(tree: Tree, path: str) -> Iterator[tuple[str, Any]]:
    if is_node(tree):
        for label, entry in zip(_labels(tree), _entries(tree)):
            yield from _walk(entry, path + label)
    else:
        yield path, tree


def _check(first: Tree, other: Tree) -> None:
    """Refuse a node for a leaf, and nodes that are not of the same kind, length and keys."""
    got = _article(type(other).__name__)
    if not is_node(first):
        if is_node(other):
            raise _MismatchError(f": expected a leaf, got {got}")
    elif type(other) is not type(first):
        raise _MismatchError(f": expected {_article(type(first).__name__)}, got {got}")
    elif isinstance(first, dict):
        if first.keys() != other.keys():
            raise _MismatchError(f": expected the keys {sorted(first)}, got {sorted(other)}")
    elif len(other) != len(first):
        noun = "entry" if len(first) == 1 else "entries"
        raise _MismatchError(f": expected {len(first)} {noun}, got {len(other)}")


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiouAEIOU" else f"a {noun}"
