"""Modules one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from funcdl.arguments import integer
from funcdl.contract import Layer, Params, Value
from funcdl.errors import FuncdlError, InputError, KindError
from funcdl.misuse import factory, kind_of
from funcdl.module.base import Module, tensors_of, unique
from funcdl.module.foreign import is_plain, run
from funcdl.module.memory import Pull, is_written, leaves, written
from funcdl.module.parts import METHODS
from funcdl.module.versions import Seen, seen
from funcdl.tensor import Tensor

__all__ = ["Sequential"]

WIDTH = 88


class Sequential(Module):
    """Modules one after the other, of any kind, those without a layer too.

    A tuple that one returns goes into the next as its arguments. A module may stand there twice.

    Args:
        modules: one by one, or a list or tuple of them, or a dictionary that names them.

    >>> import torch
    >>> from funcdl import Linear, ReLU
    >>> net = Sequential(Linear(2, 25), ReLU(), Linear(25, 2))
    >>> y = net.forward(torch.ones(5, 2))
    >>> net.backward(torch.ones(5, 2)).shape, len(net.param())
    (torch.Size([5, 2]), 4)
    >>> len(net), net[1], net[-2:]
    (3, ReLU(), Sequential(ReLU(), Linear(25, 2)))
    """

    _inside: dict[str, Any]
    """Its modules by name."""

    def __init__(self, *modules: Any) -> None:
        self._inside = {}
        given: Any = modules
        if len(modules) == 1 and isinstance(modules[0], (list, tuple, dict)):
            (given,) = modules
        named = given.items() if isinstance(given, dict) else enumerate(given)
        for name, module in named:
            self._add(str(name), module)

    def param(self) -> list[tuple[Tensor, Tensor]]:
        """List the pairs of all the modules, in order; of one that stands there twice, once."""
        return unique(pair for module in self for pair in module.param())

    def append(self, module: Any) -> Sequential:
        """Put a module at the end; return the whole."""
        place = len(self)
        while str(place) in self._inside:
            place += 1
        self._add(str(place), module)
        return self

    def __len__(self) -> int:
        return len(self._inside)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._inside.values())

    def __getitem__(self, place: int | slice) -> Any:
        """Return a module by its place, or the Sequential of some of them."""
        if isinstance(place, slice):
            chosen = list(self._inside.items())[place]
            return Sequential(dict(chosen)).train(self.training) if chosen else Sequential()
        return self._inside[self._key(place)]

    def __setitem__(self, place: int, module: Any) -> None:
        """Put another module in a place."""
        name = self._key(place)
        self._expect(str(place), module)
        self._inside[name] = module

    def __repr__(self) -> str:
        named = not all(name.isdecimal() for name in self._inside)
        parts = [f"{k}={m!r}" if named else repr(m) for k, m in self._inside.items()]
        line = f"Sequential({', '.join(parts)})"
        if len(line) <= WIDTH and "\n" not in line:
            return line
        lines = [f"({name}): {module!r}" for name, module in self._inside.items()]
        return "Sequential(\n  " + "\n".join(lines).replace("\n", "\n  ") + "\n)"

    def _apply(self, x: Value) -> tuple[Value, Pull]:
        """Apply each module to the output of the one before; then go back, the last one first."""
        pulls: list[tuple[str, Pull]] = []
        noted: Seen = []
        for name, module in self._inside.items():
            try:
                if is_plain(module):
                    x, pull = module._apply(x)
                else:  # it may write to what it gets and gives
                    noted += seen(leaves(x))
                    x, pull = run(module, x)
                    noted += seen(leaves(x))
            except FuncdlError as error:
                raise error.within(f"Sequential[{name}]") from error.__cause__
            pulls.append((name, pull))
        pulls.reverse()

        def back(dy: Value) -> Value:
            if noted and is_written(noted, [pull for _, pull in pulls]):
                raise written(self._name, "what goes from module to module")
            for name, pull in pulls:
                try:
                    dy = pull(dy)
                except FuncdlError as error:
                    raise error.within(f"Sequential[{name}]") from error.__cause__
            return dy

        return x, back

    def _tensors(self) -> Params:
        return tuple(tensors_of(module) for module in self)

    def _key(self, place: Any) -> str:
        at, names = integer("Sequential", "a place", place, -(2**62)), list(self._inside)
        if not -len(names) <= at < len(names):
            raise InputError(f"Sequential: expected a place among {len(self)} modules, got {place}")
        return names[at]

    def _add(self, name: str, module: Any) -> None:
        self._expect(name, module)
        self._inside[name] = module

    def _expect(self, name: str, module: Any) -> None:
        for method in METHODS:
            if isinstance(module, type) or not callable(getattr(module, method, None)):
                raise KindError(
                    f"Sequential[{name}]: expected a module with forward, backward and param, "
                    f"got {_instead(module, method)}"
                )


def _instead(thing: Any, method: str) -> str:
    """Say what came in the place of a module, and what to write."""
    if isinstance(thing, Layer):
        return f"the layer {thing!r}: write Module({thing!r}, in_shape)"
    if isinstance(thing, type):
        return f"{kind_of(thing)}: write {thing.__name__}(…), one of it"
    if isinstance(thing, (list, tuple)):
        return f"a {type(thing).__name__}: hand the modules over one by one, Sequential(*modules)"
    return kind_of(thing) if factory(thing) else f"{type(thing).__name__} without {method}"
