"""What a staged step carries on: buffers of the parameters and of the optimiser's state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import is_
from typing import Any

from funcdl import tree
from funcdl.contract import Params
from funcdl.optimisers.statistics import without_statistics
from funcdl.staging.kinds import alike, plain
from funcdl.tensor import Tensor
from funcdl.tree import nodes
from funcdl.watching.nested import rebuild, tensors

__all__ = ["Carried", "Pack", "copied"]


class Pack:
    """Tensors of one dtype, one behind the other in one vector.

    Attributes:
        vector: the numbers of all of them.
        parts: views of it, of the tensors' shapes.
    """

    def __init__(self, like: Sequence[Tensor]) -> None:
        self.vector: Tensor = like[0].new_empty(sum(t.numel() for t in like))
        self.parts: list[Tensor] = []
        start = 0
        for t in like:
            self.parts.append(self.vector.narrow(0, start, t.numel()).view(t.shape))
            start += t.numel()


class Carried:
    """Buffers of the parameters and the optimiser's state, and what a caller has of them.

    Leaves of one dtype that have the parameters' shapes, the parameters themselves and what the
    optimiser keeps of each, are packs. Statistics are no such parameters: nothing is kept of them.

    Attributes:
        params, state: what a step returns: other tensors on the memory of the buffers, so that they
            can be given memory of their own when somebody else's parameters come into the buffers.
    """

    def __init__(self, like: Any) -> None:
        leaves, self.structure = tree.to_leaves(like)
        learnt = tree.leaves(without_statistics(self.structure[0])) if like else []
        self.shapes = [leaf.shape for leaf in tensors([leaves[i] for i in learnt])]
        self.packs: list[tuple[Pack, list[int]]] = []
        self.leaves: list[Any] = [rebuild(leaf, copied) for leaf in leaves]
        start = len(tree.leaves(like[0])) if like else 0
        places = learnt
        while self.shapes and len(places) == len(learnt):
            if self._is_pack([leaves[i] for i in places]):
                pack = Pack([leaves[i] for i in places])
                for i, part in zip(places, pack.parts):
                    self.leaves[i] = part
                self.packs.append((pack, places))
                start = max(start, places[-1] + 1)
            elif places is not learnt:
                start += 1
            places = list(range(start, min(start + len(learnt), len(leaves))))
        self.params: Params = None
        self.state: Any = None
        self.mutable: list[tuple[Any, list[Any]]] = []
        self.plain = all(isinstance(leaf, Tensor) or plain(leaf) for leaf in leaves)
        if like:
            self._hand_out()

    def _is_pack(self, run: list[Any]) -> bool:
        if not all(isinstance(leaf, Tensor) for leaf in run):
            return False
        kinds = {(leaf.dtype, leaf.device) for leaf in run}
        return len(kinds) == 1 and [leaf.shape for leaf in run] == self.shapes

    def _hand_out(self) -> None:
        """Make the containers and tensors that a caller gets."""
        out = [rebuild(leaf, lambda t: t.view(t.shape)) for leaf in self.leaves]
        self.params, self.state = tree.from_leaves(self.structure, out)
        self.mutable = [
            (node, list(nodes.entries(node))) for node in _mutable((self.params, self.state))
        ]

    def edited(self) -> bool:
        """Tell whether a caller put something else into a container that it was given."""
        for node, before in self.mutable:
            now = nodes.entries(node)
            if len(now) != len(before) or not all(map(is_, now, before)):
                return True
        return False

    def fits(self, value: Any) -> bool:
        """Tell whether a value has the structure, shapes and dtypes of the buffers."""
        leaves, structure = tree.to_leaves(value)
        return structure == self.structure and all(
            alike(leaf, buffer) or _stands_for(leaf, buffer)
            for leaf, buffer in zip(leaves, self.leaves)
        )

    def fill(self, value: Any) -> None:
        """Copy a value into the buffers, and so into what a caller has of them."""
        for buffer, leaf in zip(self.leaves, [rebuild(t, copied) for t in tree.leaves(value)]):
            if isinstance(buffer, Tensor):
                buffer.copy_(leaf)

    def take(self, value: Any) -> None:
        """Copy a value from elsewhere into the buffers; what a caller has keeps its numbers."""
        value = rebuild(value, copied)
        for t in tensors((self.params, self.state)):
            own: Any = t.clone()
            t.set_(own)
        self._hand_out()
        self.fill(value)

    def adapted(self, value: Any) -> Any:
        """Give a value that fits with a tensor for each number that stands for one."""
        leaves = [
            buffer.new_full((), leaf) if _stands_for(leaf, buffer) else leaf
            for leaf, buffer in zip(tree.leaves(value), self.leaves)
        ]
        return tree.from_leaves(self.structure, leaves)

    def copies(self) -> Any:
        """Copy parameters and state out of the buffers."""
        return rebuild(tree.from_leaves(self.structure, self.leaves), copied)


def copied(t: Tensor) -> Tensor:
    """Copy a tensor: contiguous as the buffers are, and without a graph."""
    return t.detach().clone().contiguous()


def _stands_for(leaf: Any, buffer: Any) -> bool:
    """Tell whether a number is given for a tensor without axes, such as a rate."""
    number = isinstance(leaf, (int, float)) and not isinstance(leaf, bool)
    return number and isinstance(buffer, Tensor) and buffer.ndim == 0


def _mutable(value: Any) -> Iterator[Any]:
    """Find the containers whose entries can be replaced."""
    if not tree.is_node(value):
        return
    settings = getattr(type(value), "__dataclass_params__", None)
    if not isinstance(value, tuple) and not (settings and settings.frozen):
        yield value
    for entry in nodes.entries(value):
        yield from _mutable(entry)
