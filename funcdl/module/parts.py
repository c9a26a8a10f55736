"""The modules inside a module, wherever its attributes have them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["children", "is_module", "within"]

METHODS = ("forward", "backward", "param")


def is_module(thing: Any) -> bool:
    """Tell whether something has what is asked of a module; its class need not be one of ours."""
    return not isinstance(thing, type) and all(callable(getattr(thing, m, None)) for m in METHODS)


def children(module: Any) -> Iterator[tuple[str, Any]]:
    """List the modules that a module has as attributes, or in lists, tuples and dicts, by name.

    >>> class Net:
    ...     def __init__(self):
    ...         from funcdl import ReLU
    ...         self.first, self.others = ReLU(), [ReLU(), ReLU()]
    >>> list(children(Net()))
    [('first', ReLU()), ('others.0', ReLU()), ('others.1', ReLU())]
    """
    inside = getattr(module, "_inside", None)
    for name, value in (vars(module) if inside is None else inside).items():
        if isinstance(value, dict):
            entries: Any = value.items()
        elif isinstance(value, (list, tuple)):
            entries = enumerate(value)
        else:
            if (inside is not None or name[:1] != "_") and is_module(value):
                yield name, value
            continue
        if name[:1] != "_":
            yield from ((f"{name}.{key}", entry) for key, entry in entries if is_module(entry))


def within(module: Any) -> Iterator[tuple[str, Any]]:
    """List a module and all those in it, each once, by their paths; its own is empty."""
    seen: set[int] = set()
    left = [("", module)]
    while left:
        path, one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield path, one
        found = children(one) if hasattr(one, "__dict__") else ()
        left += reversed([(f"{path}.{name}" if path else name, child) for name, child in found])
