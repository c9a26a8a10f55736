"""What `help` shows: defaults by their names, and of a layer the text that belongs to it."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar

__all__ = ["LayerText", "named_defaults"]

Function = TypeVar("Function", bound=Callable[..., Any])


class _Name:
    """Stands in a signature for a function, which has no short form of its own."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return str(self.function.__name__)


def named_defaults(function: Function) -> Function:
    """Have a function's signature show functions among its defaults by their names.

    >>> @named_defaults
    ... def debug(tell=print, every=1): ...
    >>> inspect.signature(debug)
    <Signature (tell=print, every=1)>
    """
    found = inspect.signature(function)
    told = [
        p.replace(default=_Name(p.default)) if inspect.isroutine(p.default) else p
        for p in found.parameters.values()
    ]
    function.__signature__ = found.replace(parameters=told)  # type: ignore[attr-defined]
    return function


class LayerText:
    """The `__doc__` of layers: that of the factory, or what stands under a ready one in its file.

    Editors find a text under a name by themselves; here it is read when `help` asks for it. Other
    layers, as the class itself, have the text of the class.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def __get__(self, layer: Any, kind: type) -> str:
        public = getattr(sys.modules.get("funcdl"), layer.name, None) if layer is not None else None
        if public is None or layer.watched:
            return self.text
        if public is layer:
            return _under(layer.name, layer) or self.text
        return (inspect.isfunction(public) and inspect.getdoc(public)) or self.text


def _under(name: str, value: Any) -> str:
    """Return the text that stands under a value's name in the file that makes it."""
    for place, module in sorted(sys.modules.items()):
        if not place.startswith("funcdl.") or vars(module).get(name) is not value:
            continue
        try:
            lines = ast.parse(inspect.getsource(module)).body
        except (OSError, SyntaxError):  # there is no source here
            continue
        for line, text in pairwise(lines):
            made = isinstance(line, ast.Assign) and name in map(ast.unparse, line.targets)
            if made and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                return inspect.cleandoc(str(text.value.value))
    return ""
