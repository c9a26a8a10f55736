"""A call: one operation as it was made, and what cannot be written down as calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from funcdl.contract import Layer

__all__ = ["Call", "CapturedError", "OpaqueLayerError", "UnrecordedError"]


@dataclass(frozen=True, eq=False)
class Call:
    """One call, `func(*args, **kwargs)`.

    Its operands are plain tensors in a recording; a plan puts slots in their place (see
    `funcdl.staging.program`).

    Attributes:
        name: of the function, which for a method is also that of the attribute.
        outs: what it wrote: new tensors, or those that a call in place writes into.
        fresh: whether `outs` are new.
        effect: whether it has to be repeated though nobody reads its outputs: it draws numbers.
        holds: memory that it reads beside that of its arguments, by name.
        keeps: memory that it writes beside that of its outputs: a closure that a later call holds.
        layer: whether it is a layer, forward or backward, that is called as it is.
    """

    name: str
    func: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outs: tuple[Any, ...]
    fresh: bool
    effect: bool = False
    holds: frozenset[Any] = frozenset()
    keeps: frozenset[Any] = frozenset()
    layer: bool = False


class UnrecordedError(BaseException):
    """A recorded tensor was asked for something that a replay could not repeat.

    Above all for its numbers, as by `float(x)` or `if x > 0`. It is none of the errors that a layer
    may handle: it has to reach the recorder.
    """


class CapturedError(BaseException):
    """A layer that is called as it is uses a recorded tensor that was not handed to it."""


class OpaqueLayerError(BaseException):
    """A layer cannot be recorded and has to be called as it is.

    It is known by itself, and by its place among the layers that were applied: a step may make its
    layers anew each time.
    """

    def __init__(self, layer: Layer, place: int) -> None:
        super().__init__(repr(layer))
        self.layer, self.place = layer, place
