"""The check of a cotangent: a vjp refuses what is not as its output is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from funcdl.errors import FuncdlError, KindError, ShapeError, exhausted, recorded
from funcdl.signature.kinds import (
    Kind,
    is_none,
    is_of,
    is_shaped,
    kinds_of,
    shapes,
)
from funcdl.tensor import Tensor
from funcdl.tree import leaves, zeros_like

__all__ = ["RAW", "accumulate", "guarded", "placed"]

RAW = (
    *(RuntimeError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError),
    *(MemoryError, RecursionError),
)
"""What torch and Python raise where arguments do not fit, or are too large."""


class Named(Protocol):
    """What is looked at of a layer."""

    @property
    def name(self) -> str:
        """Return the factory's name."""


def guarded(
    layer: Named, place: str, params: Any, y: Any, kinds: Any, pull: Callable[..., Any]
) -> Callable[..., Any]:
    """Have a vjp refuse cotangents that are not as `y` is: torch would broadcast them, or guess.

    Where there is none, the vjp is not called: the parameters had no part in it, nor had x.

    Args:
        layer: it is named in errors.
        place: where it is a part of another, which errors begin with; empty where it is none.
        params: of the layer.
        y: its output.
        kinds: those that it declares; None for what `y` is.
        pull: its vjp.

    Raises:
        KindError: y is neither a tensor nor a tuple of tensors.
    """
    if type(y) is not Tensor or type(kinds) in (tuple, dict):
        return _guarded(layer, place, params, kinds or _kinds_of(layer, y), pull)
    shape, dtype, meta = kinds or (y.shape, y.dtype, y.is_meta)

    # As `_guarded`, without its calls: each layer of a plain step comes by here.
    def vjp(dy: Any, need_dx: bool = True) -> Any:
        if dy is None:
            return zeros_like(params), None
        try:
            if dy.shape == shape and dy.dtype is dtype and dy.is_meta is meta:
                return pull(dy, need_dx)
        except RAW as error:
            raise _worded(layer, place, Kind(shape, dtype, meta), dy, error) from error.__cause__
        raise _worded(layer, place, Kind(shape, dtype, meta), dy, None)

    return vjp


def _kinds_of(layer: Named, y: Any) -> Any:
    try:
        return kinds_of(y)
    except TypeError as error:
        raise KindError(f"{layer.name}: {error}") from None


def _guarded(
    layer: Named, place: str, params: Any, kinds: Any, pull: Callable[..., Any]
) -> Callable[..., Any]:
    """Do it for any kinds."""

    def vjp(dy: Any, need_dx: bool = True) -> Any:
        if is_none(dy):
            return zeros_like(params), None
        try:
            if is_of(kinds, dy):
                return pull(dy, need_dx)
        except RAW as error:
            raise _worded(layer, place, kinds, dy, error) from error.__cause__
        raise _worded(layer, place, kinds, dy, None)

    return vjp


def placed(place: str, applied: tuple[Any, Callable[..., Any]]) -> tuple[Any, Callable[..., Any]]:
    """Have the errors of a vjp that is not guarded begin with its place."""
    y, pull = applied

    def vjp(dy: Any, need_dx: bool = True) -> Any:
        try:
            return pull(dy, need_dx)
        except FuncdlError as error:
            raise error.within(place) from error.__cause__

    return (y, vjp) if place else applied


def _worded(layer: Named, place: str, kinds: Any, dy: Any, error: Exception | None) -> Exception:
    """Say what an error of the backward pass means: the cotangent's, or a user's own."""
    if not isinstance(error, FuncdlError):
        if error is None or not _fits(kinds, dy):
            error = _unfit(layer.name, kinds, dy)
        else:
            ours = not getattr(layer, "watched", False) and recorded(layer.name, error)
            error = exhausted(layer.name, error) or ours or error
    return error.within(place) if place and isinstance(error, FuncdlError) else error


def _fits(kinds: Any, dy: Any) -> bool:
    try:
        return is_of(kinds, dy)
    except RuntimeError:  # a nested tensor has no shape
        return False


def _unfit(name: str, kinds: Any, dy: Any) -> FuncdlError:
    """Say in one sentence why a cotangent cannot be that of an output of these kinds."""
    alone = isinstance(kinds, Kind)
    for leaf in [dy] if alone else leaves(dy):
        if leaf is not None and not isinstance(leaf, Tensor):
            got = type(leaf).__name__
            return KindError(f"{name}: expected dy to be tensors as y is, got {got}")
    if not is_shaped(kinds, dy):
        return ShapeError(f"{name}: expected dy of shape {shapes(kinds)} as y is, got {shapes(dy)}")
    for kind, leaf in _pairs(kinds, dy):
        if leaf.dtype != kind.dtype:
            return KindError(f"{name}: expected dy to be {kind.dtype} as y is, got {leaf.dtype}")
        if leaf.is_meta is not kind.meta:
            return KindError(f"{name}: expected dy on the device of y, got one on {leaf.device}")
    return KindError(f"{name}: expected dy to be as y is, got another")


def _pairs(kinds: Any, dy: Any) -> list[tuple[Kind, Tensor]]:
    """List the kinds of a cotangent's tensors beside them."""
    if dy is None or isinstance(kinds, Kind):
        return [] if dy is None else [(kinds, dy)]
    if isinstance(kinds, dict):
        return [pair for key, kind in kinds.items() for pair in _pairs(kind, dy[key])]
    return [pair for kind, d in zip(kinds, dy) for pair in _pairs(kind, d)]


def accumulate(a: Any, b: Any) -> Any:
    """Add two cotangents of the same value; None stands for none."""
    if a is None or b is None:
        return b if a is None else a
    if isinstance(a, tuple):
        return tuple(accumulate(p, q) for p, q in zip(a, b))
    if isinstance(a, dict):
        return {key: accumulate(a[key], b[key]) for key in a}
    return a + b
