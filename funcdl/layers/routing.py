"""Layers that choose, order and nest entries of a tuple or a dictionary; none has parameters."""

from __future__ import annotations

from functools import reduce
from typing import Any

from funcdl.arguments import integer
from funcdl.contract import Layer, Params, Shape, Value, Vjp
from funcdl.cotangent import accumulate
from funcdl.errors import InputError, KindError, ShapeError
from funcdl.tensor import Generator, Tensor
from funcdl.tree import nodes

__all__ = ["drop", "swap", "take"]

Path = tuple[int | str, ...]


def take(which: Any) -> Layer:
    """Choose entries of the input, in any order and nesting.

        y = the entries, nested as `which` is        dx = dy, each at the place that it came from

    An entry that is taken twice has the sum of both cotangents, one that is not taken has 0.

    Args:
        which: the place of an entry in a tuple (from 0), or its key in a dictionary; a list of
            several, `[1, "a"]`, goes on inside of that entry. A tuple of these gives a tuple, and a
            dictionary a dictionary.

    Raises:
        KindError, InputError: `which` is none of these.
        ShapeError: the input has no such entry.

    >>> import torch
    >>> x = torch.zeros(2), (torch.ones(3), torch.ones(4))
    >>> y, vjp = take(([1, 0], 0))((), x)
    >>> [entry.shape for entry in y]
    [torch.Size([3]), torch.Size([2])]
    >>> vjp((torch.ones(3), torch.ones(2)))[1]
    (tensor([1., 1.]), (tensor([1., 1., 1.]), tensor([0., 0., 0., 0.])))
    >>> take({"image": 0, "label": 1})((), (x[0], x[0]))[0].keys()
    dict_keys(['image', 'label'])
    """
    _expect_pattern(which)
    paths = _paths(which)

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        return (), _nested(which, lambda path: _entry(in_shape, path, shapes=True))

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            if not need_dx:
                return params, None
            given = [(path, _entry(dy, place)) for path, place in paths]
            return params, _sent_back(x, [(path, d) for path, d in given if d is not None])

        return _nested(which, lambda path: _entry(x, path)), vjp

    return Layer("take", init, apply, repr(which))


def drop(*places: int) -> Layer:
    """Leave entries of a tuple out, and keep the others in their order, as a tuple.

    Raises:
        InputError, KindError: a place is not an integer of at least 0.
        ShapeError: the input has no such entry.

    >>> import torch
    >>> [entry.shape for entry in drop(1)((), (torch.ones(2), torch.ones(3), torch.ones(4)))[0]]
    [torch.Size([2]), torch.Size([4])]
    """
    for place in places:
        integer("drop", "a place", place, 0)

    def rest(value: Any, shapes: bool = False) -> Layer:
        for place in places:
            _entry(value, (place,), "drop", shapes=shapes)
        return take(tuple(i for i in range(len(value)) if i not in places))

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        return rest(in_shape, shapes=True).init(rng, in_shape)

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        return rest(x).apply(params, x, rng)

    return Layer("drop", init, apply, ", ".join(map(str, places)))


def _expect_pattern(which: Any) -> None:
    if isinstance(which, (tuple, dict)):
        if not which:
            raise InputError(f"take: expected at least one entry, got {which!r}")
        for entry in nodes.entries(which):
            _expect_pattern(entry)
        return
    steps = which if isinstance(which, list) and which else [which]
    for step in steps:
        if isinstance(step, bool) or not isinstance(step, (int, str)):
            raise KindError(
                "take: expected places and keys, such as 0, 'image' or [1, 0], in tuples or "
                f"dictionaries, got {step!r}"
            )
        if isinstance(step, int):
            integer("take", "a place", step, 0)


def _paths(which: Any, place: Path = ()) -> list[tuple[Path, Path]]:
    """List for each entry of the output where it comes from, and where it is."""
    if isinstance(which, (tuple, dict)):
        keys: Any = which if isinstance(which, dict) else range(len(which))
        return [found for key in keys for found in _paths(which[key], (*place, key))]
    return [(tuple(which) if isinstance(which, list) else (which,), place)]


def _nested(which: Any, entry: Any) -> Any:
    """Nest what `entry` gives for a path as `which` is nested."""
    if isinstance(which, dict):
        return {key: _nested(part, entry) for key, part in which.items()}
    if isinstance(which, tuple):
        return tuple(_nested(part, entry) for part in which)
    return entry(tuple(which) if isinstance(which, list) else (which,))


def _entry(value: Any, path: Path, where: str = "take", *, shapes: bool = False) -> Any:
    """Find an entry by its path; in nothing there is none."""
    inside = value
    for i, step in enumerate(path):
        if inside is None:
            return None
        there = isinstance(inside, dict) and step in inside
        if isinstance(step, int):
            there = isinstance(inside, tuple) and step < len(inside)
            there = there and not (shapes and isinstance(inside[step], int))
        if not there:
            spelled = "".join(f"[{s!r}]" for s in path[: i + 1])
            raise ShapeError(f"{where}: expected an entry x{spelled}, got {_told(inside)}")
        inside = inside[step]
    return inside


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return f"the keys {', '.join(map(repr, value))}"
    if isinstance(value, tuple) and not any(isinstance(entry, int) for entry in value):
        return f"{len(value)} {'entry' if len(value) == 1 else 'entries'}"
    return "a tensor" if isinstance(value, (Tensor, tuple)) else type(value).__name__


def _sent_back(x: Any, given: list[tuple[Path, Any]]) -> Any:
    """Build the cotangent of an input of cotangents of its entries, by their paths."""
    here = [d for path, d in given if not path]
    below = [(path, d) for path, d in given if path]
    found = reduce(accumulate, here, None)
    if not below and (here or isinstance(x, Tensor)):
        return found if here else _nothing(x)
    keys = list(x) if isinstance(x, dict) else range(len(x))
    parts = [_sent_back(x[key], [(p[1:], d) for p, d in below if p[0] == key]) for key in keys]
    inside = dict(zip(keys, parts)) if isinstance(x, dict) else nodes.rebuilt(x, parts)
    return accumulate(found, inside)


def _nothing(x: Tensor) -> Tensor | None:
    """Give the cotangent of what had no part: 0, and none of what has no derivative."""
    return x.new_zeros(x.shape) if x.is_floating_point() else None


swap = take((1, 0))
"""(a, b) to (b, a)."""
