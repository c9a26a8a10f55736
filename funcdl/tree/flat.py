"""Leaves by their paths: mapping with them, choosing among them, and dictionaries of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from funcdl.errors import KindError, ShapeError, TreeError, exhausted
from funcdl.tensor import Tensor
from funcdl.tree.nodes import Tree, entries, is_node, labels, names
from funcdl.tree.structure import leaves, map
from funcdl.tree.trouble import STOPS, odd, trouble

__all__ = ["find", "from_dict", "map_with_path", "paths", "to_dict"]


def paths(tree: Tree) -> list[str]:
    """List the path of each leaf: `[i]` enters a sequence, `.name` a node whose entries have names.

    >>> paths(((1.0, [2.0]), (), {"a": 3.0}))
    ['[0][0]', '[0][1][0]', '[2].a']
    """
    try:
        return list(_walk(tree, ""))
    except STOPS as error:
        raise trouble(error, tree) from None


def _walk(tree: Tree, path: str) -> Iterator[str]:
    if is_node(tree):
        for label, entry in zip(labels(tree), entries(tree)):
            yield from _walk(entry, path + label)
    else:
        yield path


def map_with_path(function: Callable[[str, Any], Any], tree: Tree) -> Tree:
    """Apply a function to each path and its leaf.

    >>> map_with_path(lambda path, p: p if path.endswith(".w") else 0.0, [{"w": 2.0, "b": 3.0}])
    [{'b': 0.0, 'w': 2.0}]
    """
    path = iter(paths(tree))
    return map(lambda leaf: function(next(path), leaf), tree)


def find(tree: Tree, which: str | Callable[[str], bool]) -> dict[str, Any]:
    """Choose leaves by their paths.

    Args:
        tree: any pytree.
        which: a pattern, in which `*` stands for any text, and which chooses all that is below a
            node that it fits; or a function that tells from a path whether its leaf is chosen.

    Returns:
        The chosen leaves by path, in their order; empty where nothing fits.

    >>> params = ({"w": 1.0, "b": 2.0}, (), {"w": 3.0, "b": 4.0})
    >>> find(params, "*.w")
    {'[0].w': 1.0, '[2].w': 3.0}
    >>> find(params, "[2]")
    {'[2].b': 4.0, '[2].w': 3.0}
    """
    if isinstance(which, str):
        pattern = re.compile(".*".join(re.escape(part) for part in which.split("*")) + r"([.[].*)?")
        return {p: leaf for p, leaf in zip(paths(tree), leaves(tree)) if pattern.fullmatch(p)}
    if not callable(which):
        raise KindError(f"find: expected a pattern or a function of a path, got {which!r}")
    return {p: leaf for p, leaf in zip(paths(tree), leaves(tree)) if which(p)}


def to_dict(tree: Tree) -> dict[str, Tensor]:
    """Copy a pytree of tensors into a flat dictionary, as libraries of files take it.

    The keys are those of a `state_dict`, places and names joined by dots: "0.w" for `[0].w`. No
    two tensors share memory, and each is contiguous, which safetensors asks for.

    Raises:
        KindError: a leaf is not a tensor.
        TreeError: a dictionary in the pytree has a key that is empty or has a dot in it.

    >>> import torch
    >>> to_dict([{"w": torch.ones(2)}, (), torch.zeros(1)])
    {'0.w': tensor([1., 1.]), '2': tensor([0.])}
    """
    found = {}
    for key, leaf in _keyed("to_dict", tree):
        if not isinstance(leaf, Tensor):
            raise KindError(f"to_dict: expected a tensor at {key}, got {type(leaf).__name__}")
        if (kind := odd(leaf)) is not None:
            raise KindError(f"to_dict: expected plain tensors, got a {kind} one at {key}")
        try:
            found[key] = leaf.new_empty(leaf.shape).copy_(leaf.detach())
        except (RuntimeError, MemoryError) as error:
            raise exhausted("to_dict", error) or error from None
    return found


def from_dict(flat: Mapping[str, Tensor], like: Tree) -> Tree:
    """Put the tensors of a flat dictionary into a pytree: the inverse of `to_dict`.

    Args:
        flat: a tensor for each leaf of `like`, by the keys of `to_dict`.
        like: a pytree with the structure, shapes and dtypes that are wanted, such as a new init.

    Returns:
        A pytree of the tensors in `flat`, not copied.

    Raises:
        TreeError: an entry is missing, or there is one too many.
        ShapeError, KindError: an entry has another shape or dtype than the leaf in `like`.

    >>> import torch
    >>> from_dict({"0.w": torch.ones(2)}, [{"w": torch.zeros(2)}, ()])
    [{'w': tensor([1., 1.])}, ()]
    """
    wanted = dict(_keyed("from_dict", like))
    missing = [key for key in wanted if key not in flat]
    if missing:
        raise TreeError(f"from_dict: expected an entry {', '.join(missing)}, got none")
    extra = [key for key in flat if key not in wanted]
    if extra:
        raise TreeError(f"from_dict: expected no entry but the leaves', got {', '.join(extra)}")
    for key, leaf in wanted.items():
        entry = flat[key]
        if not isinstance(entry, Tensor):
            raise KindError(f"from_dict: expected a tensor at {key}, got {type(entry).__name__}")
        if not isinstance(leaf, Tensor):
            raise KindError(
                f"from_dict: expected like to have a tensor at {key}, got {type(leaf).__name__}"
            )
        if entry.shape != leaf.shape:
            raise ShapeError(
                f"from_dict: expected {key} to be of shape {tuple(leaf.shape)}, "
                f"got {tuple(entry.shape)}"
            )
        if entry.dtype != leaf.dtype:
            raise KindError(f"from_dict: expected {key} to be {leaf.dtype}, got {entry.dtype}")
    keys = iter(wanted)
    return map(lambda _: flat[next(keys)], like)


def _keyed(where: str, tree: Tree) -> list[tuple[str, Any]]:
    """List each leaf with its key."""
    try:
        return list(_keys(where, tree, ()))
    except STOPS as error:
        raise trouble(error, tree) from None


def _keys(where: str, tree: Tree, above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if not is_node(tree):
        yield ".".join(above), tree
        return
    inside = entries(tree)
    for key, entry in zip(names(tree) or range(len(inside)), inside):
        step = str(key)
        if not step or "." in step:
            place = f" below {'.'.join(above)}" if above else ""
            raise TreeError(f"{where}: expected keys without dots{place}, got {key!r}")
        yield from _keys(where, entry, (*above, step))
