"""Population statistics: they are measured, are among the parameters, and are not trained.

A NamedTuple or a dataclass says which of its fields they are, by a property `_statistics` that
lists their names, as `BatchNorm` does.
"""

from __future__ import annotations

from typing import Any

from funcdl.errors import TreeError
from funcdl.tensor import Tensor
from funcdl.tree import nodes

__all__ = ["has_statistics", "with_statistics", "without_statistics"]


def has_statistics(tree: Any) -> bool:
    """Tell whether a node says that some of its fields are statistics.

    >>> has_statistics(((), {"w": 3.0}))
    False
    """
    try:
        return _has(tree)
    except (TreeError, RecursionError):  # said by whoever takes the tree apart, with the path
        return False


def _has(tree: Any) -> bool:
    # Each plain step comes by here: a tensor costs a look at its type, an empty tuple no call.
    kind = type(tree)
    if kind is not tuple and hasattr(kind, "_statistics"):
        return True
    if not isinstance(tree, tuple):
        tree = nodes.entries(tree) if nodes.is_node(tree) else ()
    for entry in tree:  # noqa: SIM110 - half the time of any()
        if type(entry) is not Tensor and entry != () and _has(entry):
            return True
    return False


def without_statistics(tree: Any) -> Any:
    """Put `()`, which has no leaves, in the place of each statistic: all else keeps its path.

    >>> from funcdl.layers.batch_norm import BatchNorm
    >>> without_statistics((BatchNorm(1.0, 2.0, 3.0, 4.0), 5.0))
    (BatchNorm(scale=1.0, bias=2.0, mean=(), var=()), 5.0)
    """
    if not nodes.is_node(tree):
        return tree
    measured = getattr(tree, "_statistics", ())
    return nodes.rebuilt(
        tree,
        [
            () if name in measured else without_statistics(entry)
            for name, entry in zip(nodes.names(tree) or ((),) * len(tree), nodes.entries(tree))
        ],
    )


def with_statistics(tree: Any, source: Any) -> Any:
    """Put the statistics of `source` back where `without_statistics` took them out."""
    if not nodes.is_node(source):
        return tree
    measured = getattr(source, "_statistics", ())
    beside = zip(
        nodes.names(source) or ((),) * len(source), nodes.entries(tree), nodes.entries(source)
    )
    return nodes.rebuilt(
        source,
        [
            kept if name in measured else with_statistics(entry, kept)
            for name, entry, kept in beside
        ],
    )
