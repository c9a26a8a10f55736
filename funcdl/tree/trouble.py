"""What stops a walk through a pytree, put in words afterwards: walks themselves stay plain."""

from __future__ import annotations

from collections.abc import Iterator

from funcdl.errors import FuncdlError, TreeError, exhausted
from funcdl.tensor import Tensor
from funcdl.tree.nodes import NodeError, Tree, an, entries, is_node, labels

__all__ = ["STOPS", "odd", "trouble"]

STOPS = (NodeError, RuntimeError, MemoryError)
"""What may stop a walk, RecursionError among it."""

# Whoever nests less is not to blame where Python's recursion limit is reached.
DEEP = 50


def trouble(error: BaseException, tree: Tree) -> BaseException:
    """Say what stopped a walk, and where: the error itself where the pytree is not to blame.

    >>> loop = []
    >>> loop.append((1.0, loop))
    >>> trouble(RecursionError(), loop)
    TreeError('tree[0][1]: expected nesting that ends, got a list that contains itself')
    """
    if isinstance(error, FuncdlError) and not isinstance(error, NodeError):
        return error
    if not isinstance(error, (NodeError, RecursionError)):
        return exhausted("tree", error) or error
    culprit, deepest = getattr(error, "node", None), 0
    trail: list[tuple[str, Tree, Iterator[tuple[str, Tree]]]] = []
    above: set[int] = set()
    label, node = "", tree
    while True:
        if id(node) in above or node is culprit:
            path = "".join(step for step, _, _ in trail) + label
            said = (
                f" expected nesting that ends, got {an(type(node).__name__)} that contains itself"
            )
            text = str(error).removeprefix("tree:") if node is culprit else said
            return TreeError(f"tree{path}:{text}")
        trail.append((label, node, iter(zip(labels(node), entries(node)))))
        above.add(id(node))
        deepest = max(deepest, len(trail))
        below = None
        while trail and below is None:
            below = next((pair for pair in trail[-1][2] if is_node(pair[1])), None)
            if below is None:
                above.remove(id(trail.pop()[1]))
        if below is None:
            return (exhausted("tree", error) if deepest > DEEP else None) or error
        label, node = below


def odd(tensor: Tensor) -> str | None:
    """Name the way in which a tensor keeps its numbers, where it is not the plain one."""
    if tensor.is_nested:
        return "nested"
    if tensor.is_quantized:
        return "quantised"
    layout = str(tensor.layout).removeprefix("torch.").removeprefix("_")
    return None if layout == "strided" else layout.replace("_", " ")
