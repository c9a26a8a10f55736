"""Common mistakes, and what to write instead: one sentence for each."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

from funcdl.errors import FuncdlError, KindError, brief
from funcdl.tensor import Generator, Tensor

__all__ = [
    "call_of",
    "factory",
    "generator",
    "instead_of_layer",
    "kind_of",
    "no_arguments",
    "short",
]


def factory(thing: Any) -> str:
    """Name a function of the library that makes something, and was not called; empty for others.

    What such a function makes may be a function too, but none that its file knows by name.
    """
    module = str(getattr(thing, "__module__", ""))
    if not inspect.isfunction(thing) or not module.startswith("funcdl."):
        return ""
    name: str = thing.__qualname__
    return name if vars(sys.modules.get(module, sys)).get(name) is thing else ""


def short(thing: Any) -> str:
    """Write a thing, if that is short; else its class.

    >>> short("fast"), short(list(range(100)))
    ("'fast'", 'list')
    """
    text = brief(thing)
    long = len(text) > 60 or "\n" in text or " at 0x" in text
    return type(thing).__name__ if long or isinstance(thing, Tensor) else text


def kind_of(thing: Any) -> str:
    """Say what came: the class of a thing; for a function that was not called, the call.

    >>> kind_of(3)
    'int'
    """
    if factory(thing):
        return f"the function {thing.__name__}, which has to be called: write {call_of(thing)}"
    return f"the class {thing.__name__}" if inspect.isclass(thing) else type(thing).__name__


def call_of(function: Any) -> str:
    """Write a call of a function with the arguments that it cannot do without.

    >>> def linear(out, *, bias=True): ...
    >>> call_of(linear)
    'linear(out)'
    """
    found = inspect.signature(function).parameters.values()
    needed = [
        f"*{p.name}" if p.kind is p.VAR_POSITIONAL else p.name
        for p in found
        if p.default is p.empty and p.kind is not p.VAR_KEYWORD
    ]
    return f"{function.__name__}({', '.join(needed)})"


def instead_of_layer(thing: Any) -> str:
    """Say what came in the place of a layer, and what to write; empty for what may be one."""
    name = getattr(thing, "__name__", type(thing).__name__)
    if factory(thing):
        return f"got {kind_of(thing)}"
    if inspect.isclass(thing):
        return f"got the class {name}: {_of_class(thing)}"
    if type(thing) in (list, tuple):
        return f"got a {type(thing).__name__}: hand the layers over one by one, serial(*layers)"
    if callable(getattr(thing, "forward", None)):
        kind = type(thing).__name__
        if getattr(thing, "layer", None) is not None:
            return f"got the module {kind}: write module.layer, which is the layer in it"
        if hasattr(thing, "register_forward_hook"):
            return f"got the module {kind} of torch.nn: write the layer, from_torch has its weights"
        return f"got the module {kind}: modules go into Sequential, layers into serial"
    if (
        inspect.isroutine(thing)
        and str(getattr(thing, "__module__", "torch")).partition(".")[0] == "torch"
    ):
        return f"got torch's {name}, which has no vjp: write a layer, such as relu"
    if callable(thing):
        return _of_arguments(name, thing)
    return f"got {type(thing).__name__}"


def _of_class(kind: type) -> str:
    made = getattr(kind, "factory", None)
    if made is None or not hasattr(kind, "param"):
        return "write a layer, such as relu or linear(25)"
    return f"write {call_of(made) if inspect.isfunction(made) else repr(made)}, the layer"


def _of_arguments(name: str, thing: Callable[..., Any]) -> str:
    """Refuse a function that cannot be called with params and x."""
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return ""
    for args, kwargs in (((), {}), ((None,), {}), ((), {"rng": None})):
        try:
            signature.bind(None, None, *args, **kwargs)
            return ""
        except TypeError:
            continue
    taken = ", ".join(map(str, signature.parameters))
    return f"got {name}({taken}), which cannot be called with params and x"


def no_arguments(name: str, given: Any, nothing: Any) -> FuncdlError:
    """Say that a layer was called with too few arguments: as a factory, or as a module."""
    if given is nothing:
        return KindError(f"{name}: expected params and x, got nothing: {name} is a layer already")
    if isinstance(given, (Tensor, tuple)):
        hint = f"write {name}(params, x), with () where there are no parameters"
        return KindError(f"{name}: expected params and x, got one of them: {hint}")
    got = short(given)
    return KindError(f"{name}: expected params and x, got {got}: {name} is a layer already")


def generator(where: str, rng: Generator | None) -> Generator:
    """Return `rng` if it is a generator to draw from; else say what came in its place."""
    if rng is not None and hasattr(rng, "initial_seed"):
        return rng
    kind, hint = type(rng), ""
    got = kind.__name__
    if got == "Generator":  # another library's
        got = f"{kind.__module__}.{got}"
    if isinstance(rng, int) and not isinstance(rng, bool):
        hint = f": write torch.Generator().manual_seed({brief(rng)})"
    raise KindError(f"{where}: expected rng to be a torch.Generator, got {got}{hint}")
