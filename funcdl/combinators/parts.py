"""What every combinator does with its parts: name the part at fault, and add cotangents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Any

from funcdl import tree
from funcdl.contract import Layer, LayerLike, Params, Shape, Value, Vjp
from funcdl.errors import FuncdlError, KindError, exhausted
from funcdl.function import as_layer
from funcdl.ops.layout import fill
from funcdl.signature.kinds import is_none
from funcdl.tensor import Tensor, as_dtype_of, wide

__all__ = [
    "add_to",
    "as_layers",
    "each_along",
    "needing",
    "piled",
    "place",
    "pulled",
    "summed",
    "widen",
]


def as_layers(where: str, layers: Iterable[LayerLike]) -> tuple[Layer, ...]:
    """Return the parts of a combinator as layers."""
    parts = []
    for i, part in enumerate(layers):
        try:
            parts.append(as_layer(part))
        except KindError as error:
            raise error.within(f"{where}[{i}]") from None
    return tuple(parts)


def needing(places: Iterable[tuple[str, Layer]]) -> str:
    """Give the path to the first part that needs a generator in training; empty for none."""
    return next((f"{where} {part.needs_rng}" for where, part in places if part.needs_rng), "")


@contextmanager
def place(where: str) -> Any:
    """Put `where` in front of the path of an error that comes from inside."""
    try:
        yield
    except FuncdlError as error:
        raise error.within(where) from None
    except RecursionError as error:
        raise (exhausted(where, error) or error) from error


def pulled(pull: Vjp, params: Params, dy: Value, need_dx: bool) -> tuple[Params, Value]:
    """Pull a cotangent back through a part; where there is none, the part had no influence."""
    if type(dy) is not Tensor and is_none(dy):
        return tree.zeros_like(params), None
    return pull(dy, need_dx)


def add_to(totals: Any, each: Any) -> None:
    """Add the cotangents of parameters to what was summed up so far, in place."""
    if type(totals) is Tensor:
        totals.add_(each)
    elif isinstance(totals, tuple):
        for total, entry in zip(totals, each):
            add_to(total, entry)
    else:
        for total, leaf in zip(tree.leaves(totals), tree.leaves(each)):
            total.add_(leaf)


def summed(each: Sequence[Any]) -> Any:
    """Add the cotangents of one pytree of parameters up: halves in float32, rounded at the end."""

    def total(first: Tensor, *others: Tensor) -> Tensor:
        return as_dtype_of(reduce(lambda a, b: a + b, others, wide(first)), first)

    return tree.map(total, *each)


def widen(shape: Shape, at: int, length: int) -> Shape:
    """Insert an axis into a shape, or into each of a tuple of shapes."""
    if shape and isinstance(shape[0], tuple):
        return tuple(widen(entry, at, length) for entry in shape)
    return (*shape[:at], length, *shape[at:])


def each_along(value: Value, at: int, count: int) -> list[Value]:
    """Split a value along axis `at`, of length `count`; None stands for none."""
    if value is None:
        return [None] * count
    if isinstance(value, tuple):
        return list(zip(*(each_along(entry, at, count) for entry in value)))
    return list(value.unbind(at))


def piled(like: Value, values: Sequence[Value], at: int) -> Value:
    """Put values shaped as `like` behind each other along a new axis `at`: undo `each_along`."""

    def pile(first: Tensor | None, *each: Tensor) -> Tensor | None:
        if first is None:
            return None
        shape = (*first.shape[:at], len(each), *first.shape[at:])
        return fill(first.new_empty(shape), each, at)

    return tree.map(pile, like, *values)
