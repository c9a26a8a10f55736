"""Modules that are made of other modules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from inspect import signature
from typing import Any

from funcdl.arguments import generator
from funcdl.contract import Value
from funcdl.errors import KindError, ShapeError
from funcdl.initialisers import TORCH_GENERATOR
from funcdl.module import memory
from funcdl.module.base import Module
from funcdl.module.foreign import passed
from funcdl.module.memory import Pull
from funcdl.module.named import Named, shown
from funcdl.module.parts import is_module, within
from funcdl.tensor import Tensor

__all__ = ["Assembled", "Line", "beside", "copies", "in_turn"]

Line = Callable[[Any], tuple[Any, Callable[[Any], tuple[Any, ...]]]]
"""From x to y and its backward pass, which gives the gradients of x and of what else went in."""


class Written(str):
    """What is shown as it is."""

    def __repr__(self) -> str:
        return str(self)


class Assembled(Named):
    """A module without a layer of its own: its attributes are the modules that it is made of.

    A subclass calls `super().__init__(locals())`, makes its parts, and ends its `forward` with
    `_remembered`.
    """

    def __init__(self, given: dict[str, Any]) -> None:
        rng = given.get("rng")
        self._rng = TORCH_GENERATOR if rng is None else generator(self._name, rng)
        self._note(given)

    def _note(self, given: dict[str, Any]) -> None:
        """Keep the arguments; of a module, whose parts are its own, how it is written."""
        super()._note(given)
        for name, value in self.arguments.items():
            if is_module(value):
                self.arguments[name] = Written(repr(value))

    def __call__(self, *input: Any, **named: Any) -> Value:
        """Do a forward pass, see `forward`."""
        try:
            signature(self.forward).bind(*input, **named)
        except TypeError as error:
            taken = shown(self.forward)
            raise KindError(f"{self._name}: forward{taken}: {error}") from None
        return self.forward(*input, **named)

    def _remembered(self, x: Value, y: Value, pull: Pull) -> Value:
        """Keep the backward pass of an input and an output; return the output for the caller."""

        def back(dy: Value) -> Value:
            if dy is None:
                return tuple(None for _ in x) if isinstance(x, tuple) else None
            return pull(dy)

        self._passes, out = memory.remembered(self._passes, memory.Pass(back, x, y, self), y)
        return out

    def _sequence(self, what: str, x: Any, width: int) -> None:
        """Refuse what is no sequence, or batch of sequences, of so many features."""
        if not isinstance(x, Tensor):
            raise KindError(f"{self._name}: expected {what} to be a tensor, got {x!r:.40}")
        if x.ndim not in (2, 3) or x.shape[-1] != width:
            raise ShapeError(
                f"{self._name}: expected {what} of shape (…, {width}) with 2 or 3 axes, "
                f"got {tuple(x.shape)}"
            )


def in_turn(modules: Sequence[Any], x: Any) -> tuple[Any, Pull]:
    """Go through modules, one after the other."""
    pulls = []
    for module in modules:
        x, pull = passed(module, x)
        pulls.append(pull)

    def back(dy: Any) -> Any:
        for pull in reversed(pulls):
            dy = pull(dy)
        return dy

    return x, back


def beside(x: Any, line: Line, norm: Any, norm_first: bool) -> tuple[Any, Callable[[Any], Any]]:
    """Add what a line finds to x, and norm one or the other.

        y = norm(x + line(x)), or with the norm first y = x + line(norm(x))

    Returns:
        y, and its backward pass: the gradients of x, and of what else went into the line.
    """
    if norm_first:
        normed, pull_norm = passed(norm, x)
        found, pull = line(normed)

        def back_first(dy: Any) -> Any:
            d, *others = pull(dy)
            return (dy.add(pull_norm(d)), *others)

        return x.add(found), back_first
    found, pull = line(x)
    y, pull_norm = passed(norm, x.add(found))

    def back(dy: Any) -> Any:
        dsum = pull_norm(dy)
        d, *others = pull(dsum)
        return (dsum.add(d), *others)

    return y, back


def copies(module: Any, count: int) -> list[Any]:
    """Copy a module, which draws from the same generators as the first one does.

    >>> from funcdl import Linear
    >>> one, other = copies(Linear(2, 3), 2)
    >>> bool((one.weight == other.weight).all()), one.weight is other.weight
    (True, False)
    """
    sources = [part._rng for _, part in within(module) if isinstance(part, Module)]
    return [deepcopy(module, {id(rng): rng for rng in sources}) for _ in range(count)]
