"""Modules that only keep modules, by place or by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from funcdl.arguments import integer
from funcdl.errors import InputError, KindError, UsageError
from funcdl.misuse import short
from funcdl.module.base import Module
from funcdl.module.parts import is_module

__all__ = ["ModuleDict", "ModuleList"]


class Kept(Module):
    """Modules by name, which a module of a user's own calls in its forward pass."""

    _inside: dict[str, Any]
    """They, by name."""

    def forward(self, *input: Any) -> Any:
        """Refuse: what to do with them is for the module to say that has them.

        Raises:
            UsageError: always.
        """
        raise UsageError(f"{self._name}: expected its modules to be called, one by one, not itself")

    def backward(self, *gradwrtoutput: Any) -> Any:
        """Refuse, as `forward` does.

        Raises:
            UsageError: always.
        """
        return self.forward()

    def _expect(self, what: Any, module: Any) -> Any:
        if not is_module(module):
            raise KindError(
                f"{self._name}[{what}]: expected a module with forward, backward and param, "
                f"got {short(module)}"
            )
        return module

    def __len__(self) -> int:
        return len(self._inside)


class ModuleList(Kept):
    """PyTorch's `ModuleList`: a list of modules.

    Lists, tuples and dictionaries of modules need no such class here: a module finds them.

    Args:
        modules: what it begins with.

    >>> from funcdl import Linear
    >>> layers = ModuleList(Linear(2, 2) for _ in range(3)).append(Linear(2, 1))
    >>> len(layers), layers[-1], list(layers.state_dict())[-2:]
    (4, Linear(2, 1), ['3.weight', '3.bias'])
    """

    def __init__(self, modules: Iterable[Any] | None = None) -> None:
        self._inside = {}
        self.extend(modules or ())

    def append(self, module: Any) -> ModuleList:
        """Put a module at the end; return the list."""
        self._inside[str(len(self))] = self._expect(len(self), module)
        return self

    def extend(self, modules: Iterable[Any]) -> ModuleList:
        """Put modules at the end; return the list."""
        if not isinstance(modules, Iterable):
            raise KindError(f"{self._name}: expected modules to be a list, got {short(modules)}")
        for module in modules:
            self.append(module)
        return self

    def insert(self, index: int, module: Any) -> None:
        """Put a module before the one in that place."""
        rest = list(self)
        rest.insert(integer(self._name, "index", index, -(2**62)), self._expect(index, module))
        self._inside = {str(i): one for i, one in enumerate(rest)}

    def __iter__(self) -> Iterator[Any]:
        return iter(self._inside.values())

    def __getitem__(self, place: int | slice) -> Any:
        """Return a module by its place, or the list of some of them."""
        if isinstance(place, slice):
            return ModuleList(list(self)[place]).train(self.training)
        return list(self)[self._at(place)]

    def __setitem__(self, place: int, module: Any) -> None:
        """Put another module in a place."""
        self._inside[str(self._at(place))] = self._expect(place, module)

    def __repr__(self) -> str:
        return f"{self._name}({list(self)!r})"

    def _at(self, place: Any) -> int:
        at = integer(self._name, "a place", place, -(2**62))
        if not -len(self) <= at < len(self):
            raise InputError(f"{self._name}: expected a place among {len(self)}, got {place}")
        return at % len(self)


class ModuleDict(Kept):
    """PyTorch's `ModuleDict`: modules by names.

    Lists, tuples and dictionaries of modules need no such class here: a module finds them.

    Args:
        modules: what it begins with, a mapping or pairs.

    >>> from funcdl import Linear, ReLU
    >>> parts = ModuleDict({"first": Linear(2, 2), "bend": ReLU()})
    >>> list(parts), parts["bend"], list(parts.state_dict())
    (['first', 'bend'], ReLU(), ['first.weight', 'first.bias'])
    """

    def __init__(self, modules: Mapping[str, Any] | Iterable[Any] | None = None) -> None:
        self._inside = {}
        self.update(modules or {})

    def update(self, modules: Mapping[str, Any] | Iterable[Any]) -> None:
        """Put modules in, by their names."""
        try:
            pairs = dict(modules)
        except (TypeError, ValueError):
            raise KindError(
                f"{self._name}: expected modules to be a dictionary, got {short(modules)}"
            ) from None
        for name, module in pairs.items():
            self[name] = module

    def keys(self) -> Iterable[str]:
        """List the names."""
        return self._inside.keys()

    def values(self) -> Iterable[Any]:
        """List the modules."""
        return self._inside.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """List names and modules."""
        return self._inside.items()

    def pop(self, key: str) -> Any:
        """Take a module out, and return it."""
        found = self[key]
        del self._inside[key]
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._inside)

    def __contains__(self, key: object) -> bool:
        return key in self._inside

    def __getitem__(self, key: str) -> Any:
        """Return a module by its name."""
        if key not in self._inside:
            said = ", ".join(self._inside)
            raise InputError(f"{self._name}: expected one of {said}, got {short(key)}")
        return self._inside[key]

    def __setitem__(self, key: str, module: Any) -> None:
        """Put a module in, by its name."""
        if not isinstance(key, str) or not key or "." in key:
            raise KindError(
                f"{self._name}: expected a name without a point for each module, got {short(key)}"
            )
        self._inside[key] = self._expect(key, module)

    def __repr__(self) -> str:
        return f"{self._name}({self._inside!r})"
