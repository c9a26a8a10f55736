"""Values beside the patterns that they are to be like: taken apart together, leaf by leaf."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from funcdl.errors import FuncdlError, KindError, ShapeError
from funcdl.misuse import short
from funcdl.signature.lengths import Lengths
from funcdl.signature.pattern import Anything, Axes, Each, Pattern
from funcdl.tensor import Tensor
from funcdl.tree import nodes

__all__ = ["Leaf", "Values", "name_of", "texts", "within"]


class Leaf(NamedTuple):
    """A tensor, or the shape of one, with its name and its pattern; and if it is a parameter."""

    name: str
    pattern: Pattern
    value: Any
    is_param: bool


class Values:
    """The leaves of values that have the structure of their patterns.

    Attributes:
        where: what errors begin with.
        shapes: whether the values are shapes instead of tensors.
        leaves: those found so far, in order.
        count: of the entries of the last tuple of `each`.
    """

    def __init__(self, where: str, shapes: bool = False) -> None:
        self.where, self.shapes = where, shapes
        self.leaves: list[Leaf] = []
        self.count = 0

    def visit(self, pattern: Any, value: Any, path: str) -> None:
        """Find the leaves of one value.

        Raises:
            KindError, ShapeError: it has another structure.
        """
        if isinstance(pattern, Pattern):
            self._leaf(pattern, value, path)
        elif isinstance(pattern, Each):
            self._each(pattern, value, path)
        elif not isinstance(pattern, Anything):
            self._node(pattern, value, path)

    def _leaf(self, pattern: Pattern, value: Any, path: str) -> None:
        name = name_of(pattern, path)
        if self.shapes:
            if not isinstance(value, tuple) or any(isinstance(part, tuple) for part in value):
                raise self._other(f"{name} to be the shape of one tensor", value)
        elif not isinstance(value, Tensor):
            if pattern.optional and isinstance(value, tuple) and not value:
                return
            what = "a tensor or ()" if pattern.optional else "a tensor"
            raise self._other(f"{name} to be {what}", value)
        self.leaves.append(Leaf(name, pattern, value, path.startswith("params")))

    def _each(self, pattern: Each, value: Any, path: str) -> None:
        name = pattern.name or name_of(pattern.pattern, path)
        what = "inputs" if path == "x" else "entries"
        what = "tensors" if isinstance(pattern.pattern, Pattern) else what
        if not isinstance(value, tuple if what == "tensors" else (tuple, list)):
            raise self._other(f"{name} to be a tuple of {what}", value)
        if self.shapes and not all(isinstance(entry, tuple) for entry in value):
            raise self._other(f"{name} to be a tuple of shapes", value)
        self.count = len(value)
        if self.count != pattern.number if pattern.number is not None else not value:
            wanted = "at least 1 entry"
            if pattern.number is not None:
                wanted = f"{pattern.number} {'entry' if pattern.number == 1 else 'entries'}"
            raise ShapeError(
                f"{self.where}: expected {name} to have {wanted}, got {self.count or 'none'}"
            )
        for i, entry in enumerate(value):
            self.visit(pattern.pattern, entry, f"{path}[{i}]")

    def _node(self, pattern: Any, value: Any, path: str) -> None:
        if not pattern and isinstance(value, (tuple, list, dict)) and not value:
            return  # () for no parameters, and as JSON and its like give them
        alike = isinstance(value, (tuple, list) if isinstance(pattern, (tuple, list)) else dict)
        if not alike or nodes.labels(_plain(value)) != nodes.labels(_plain(pattern)):
            raise self._other(self._node_words(pattern, path), value)
        for label, part, entry in zip(
            nodes.labels(pattern), nodes.entries(pattern), nodes.entries(value)
        ):
            if self.shapes and not isinstance(entry, tuple):
                raise self._other(self._node_words(pattern, path), value)
            self.visit(part, entry, path + label)

    def _node_words(self, pattern: Any, path: str) -> str:
        """Say what a node is to be, by the names of what is inside."""
        pair = "a pair " if path.startswith("x") and len(pattern) == 2 else ""
        named = {"x": "", "params": "params "}.get(path, f"{path} to be ")
        return f"{named}{pair}{_words(pattern)}{' of shapes' * self.shapes}"

    def _other(self, wanted: str, value: Any) -> FuncdlError:
        if self.shapes:
            return ShapeError(f"{self.where}: expected {wanted}, got {value}")
        got = type(value).__name__
        if type(value) in (tuple, list):
            got = f"a {got} of {len(value)}" if value else repr(value)
        return KindError(f"{self.where}: expected {wanted}, got {got}")


def _plain(value: Any) -> Any:
    """Forget the names of fields: a tuple may stand for a NamedTuple."""
    return tuple(value) if isinstance(value, tuple) else value


def name_of(pattern: Any, path: str) -> str:
    """Name an argument: as its pattern does, by its path, or by its field of the parameters."""
    own, field = getattr(pattern, "name", ""), path.removeprefix("params.")
    return own or (field if field.isidentifier() else path)


def _words(pattern: Any) -> str:
    """Write the structure of a node.

    >>> _words((Pattern("", "h", ()), Pattern("", "x", ())))
    '(h, x)'
    """
    if not _is_inner(pattern):
        return getattr(pattern, "name", "") or "…"
    parts = [
        label[1:] if label.startswith(".") else _words(entry)
        for label, entry in zip(nodes.labels(pattern), nodes.entries(pattern))
    ]
    kind = type(pattern).__name__ if hasattr(pattern, "_fields") else ""
    return f"{kind}({', '.join(parts)}{',' if len(parts) == 1 and not kind else ''})"


def _is_inner(pattern: Any) -> bool:
    return nodes.is_node(pattern) and not isinstance(pattern, (Pattern, Anything, Each))


def within(pattern: Any, known: Lengths, make: Callable[[Axes], Any]) -> Any:
    """Make something of each pattern in a pytree of them; None where there may be anything."""
    if isinstance(pattern, Pattern):
        return make(pattern.axes)
    if isinstance(pattern, Anything):
        return None
    if isinstance(pattern, Each):
        count = known.known["count"] if pattern.number is None else pattern.number
        each = within(pattern.pattern, known, make)
        return None if each is None else (each,) * count
    made = [within(entry, known, make) for entry in nodes.entries(pattern)]
    return None if None in made else nodes.rebuilt(pattern, made)


def drawn(where: str, pattern: Any, shape: Any, how: Any, rng: Any, path: str) -> Any:
    """Draw a tensor of its shape for each pattern of a pytree, by the initialisers beside them."""
    if isinstance(pattern, Pattern):
        if how is None and pattern.optional:
            return ()
        if not callable(how):
            name = name_of(pattern, path).rpartition(".")[2]
            raise KindError(
                f"{where}: expected {name}_init to be a function (rng, shape) -> tensor, "
                f"got {short(how)}"
            )
        return how(rng, shape)
    each = zip(nodes.labels(pattern), *map(nodes.entries, (pattern, shape, how)))
    return nodes.rebuilt(
        pattern, [drawn(where, p, s, h, rng, path + label) for label, p, s, h in each]
    )


def texts(pattern: Any, path: str) -> list[tuple[str, str]]:
    """List the names and the patterns of the leaves."""
    if isinstance(pattern, Pattern):
        return [(name_of(pattern, path), pattern.text + " | ()" * pattern.optional)]
    if isinstance(pattern, Anything):
        return [(name_of(pattern, path), "any")]
    if isinstance(pattern, Each):
        name = pattern.name or name_of(pattern.pattern, path)
        return [(f"each {name}", text) for _, text in texts(pattern.pattern, path)]
    pairs = zip(nodes.labels(pattern), nodes.entries(pattern))
    return [found for label, entry in pairs for found in texts(entry, path + label)]
