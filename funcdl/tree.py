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
    if not rest:
        return _map_one(function, tree)
    return _map_all(function, "tree", (tree, *rest))


def _map_one(function: Callable[..., Any], tree: Tree) -> Tree:
    kind = type(tree)
    if kind is tuple or kind is list:
        return kind([_map_one(function, entry) for entry in tree])
    if isinstance(tree, dict):
        return {key: _map_one(function, tree[key]) for key in sorted(tree)}
    if is_namedtuple(tree):
        return kind(*[_map_one(function, entry) for entry in tree])
    return function(tree)


def _map_all(function: Callable[..., Any], path: Any, trees: tuple[Tree, ...]) -> Tree:
    """Apply a function to the leaves at one place of several pytrees.

    `path` is the root's name, or (path of the node, node, position in it): only an error spells it.
    """
    first = trees[0]
    kind, node = type(first), is_node(first)
    for other in trees:
        if type(other) is not kind or (node and len(other) != len(first)):
            _check(path, first, other)
    if not node:
        return function(*trees)
    if isinstance(first, dict):
        for other in trees:
            _check(path, first, other)
        return {
            key: _map_all(function, (path, first, key), tuple([tree[key] for tree in trees]))
            for key in sorted(first)
        }
    mapped = [_map_all(function, (path, first, i), row) for i, row in enumerate(zip(*trees))]
    return kind(*mapped) if is_namedtuple(first) else kind(mapped)


def _spell(path: Any) -> str:
    if isinstance(path, str):
        return path
    above, node, at = path
    return _spell(above) + (f".{at}" if isinstance(node, dict) else _labels(node)[at])


def _labels(node: Tree) -> list[str]:
    """Name the entries of a sequence as a path does."""
    if is_namedtuple(node):
        return [f".{name}" for name in node._fields]
    return [f"[{i}]" for i in range(len(node))]


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
    return _map_all(_stack, "tree", tuple(trees))


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
    if isinstance(tree, dict):
        for key in sorted(tree):
            yield from _walk(tree[key], f"{path}.{key}")
    elif is_node(tree):
        for label, entry in zip(_labels(tree), tree):
            yield from _walk(entry, path + label)
    else:
        yield path, tree


def _check(path: Any, first: Tree, other: Tree) -> None:
    """Raise a TreeError where one is a leaf, or where two nodes differ in kind, length or keys."""
    got = _article(type(other).__name__)
    if not is_node(first):
        if is_node(other):
            raise TreeError(f"{_spell(path)}: expected a leaf, got {got}")
    elif type(other) is not type(first):
        expected = _article(type(first).__name__)
        raise TreeError(f"{_spell(path)}: expected {expected}, got {got}")
    elif isinstance(first, dict):
        if first.keys() != other.keys():
            keys = f"the keys {sorted(first)}, got {sorted(other)}"
            raise TreeError(f"{_spell(path)}: expected {keys}")
    elif len(other) != len(first):
        noun = "entry" if len(first) == 1 else "entries"
        raise TreeError(f"{_spell(path)}: expected {len(first)} {noun}, got {len(other)}")


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiouAEIOU" else f"a {noun}"
