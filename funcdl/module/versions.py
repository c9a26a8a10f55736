"""Whether what a vjp keeps was written to since the forward pass: torch counts, here it is looked.

Each tensor has a counter of the writes to its memory, which its views share. A number that differs
is no harm by itself: the vjp may not need that tensor. So it is searched for, once it matters.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import ref

from funcdl.contract import Layer
from funcdl.tensor import Tensor

__all__ = ["Seen", "holds", "seen"]

Seen = list[tuple[Callable[[], Any], int]]
"""Weak references to tensors, and the counts of writes to them."""


def seen(tensors: tuple[Any, ...]) -> Seen:
    """Note how often each tensor was written to; those of inference mode do not count."""
    try:
        return [(ref(t), t._version) for t in tensors]
    except (RuntimeError, AttributeError, TypeError):  # or it is None, in the place of a tensor
        known = [t for t in tensors if isinstance(t, Tensor) and not t.is_inference()]
        return [(ref(t), t._version) for t in known]


def holds(thing: Any, tensor: Any) -> bool:
    """Tell whether memory that a tensor lies in can be reached from a function.

    >>> import torch
    >>> x = torch.ones(3)
    >>> y = x * x
    >>> holds(lambda dy: dy * x, x[0]), holds(lambda dy: dy * x, y)
    (True, False)
    """
    memory = tensor.untyped_storage()._cdata
    left, met = [thing], set()
    while left:
        one = left.pop()
        if isinstance(one, Tensor):
            if one.untyped_storage()._cdata == memory:
                return True
        elif id(one) not in met and not isinstance(one, (type, Layer)):
            met.add(id(one))
            left += _inside(one)
    return False


def _inside(thing: Any) -> list[Any]:
    """List what a function, a container or another object keeps.

    A class may say by `_needs` which of its attributes a backward pass uses.
    """
    if (needs := getattr(type(thing), "_needs", None)) is not None:
        return [getattr(thing, name) for name in needs]
    if isinstance(thing, (tuple, list, set, frozenset)):
        return list(thing)
    if isinstance(thing, dict):
        return list(thing.values())
    if isinstance(thing, partial):
        return [thing.func, *thing.args, *thing.keywords.values()]
    if (code := getattr(thing, "__code__", None)) is not None and hasattr(thing, "__closure__"):
        named = vars(thing).values() if hasattr(thing, "__dict__") else ()
        cells = thing.__closure__ or ()
        kept = [cell.cell_contents for cell in cells if _is_filled(cell)]
        around = (thing.__globals__.get(name) for name in code.co_names)
        kept += [value for value in around if isinstance(value, Tensor)]
        return [*kept, *(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values(), *named]
    owner = getattr(thing, "__self__", None)
    own = vars(thing).values() if hasattr(thing, "__dict__") else ()
    slots = [getattr(thing, name, None) for name in getattr(type(thing), "__slots__", ())]
    return [*own, *slots, owner, getattr(thing, "__func__", None)]


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
