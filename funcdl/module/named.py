"""Classes of modules, each made of a factory and of what PyTorch's arguments mean to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Signature, signature
from typing import Any

from funcdl.contract import Layer, Shape
from funcdl.errors import KindError, brief
from funcdl.module.base import Module
from funcdl.tensor import Generator

__all__ = ["Made", "Named", "shown"]

Made = tuple[Layer, "Shape | None"]
"""A layer and the shape of an input; None where it has no parameters."""

Make = Callable[..., Made]
"""From PyTorch's arguments to the layer."""


class Named(Module):
    """A module of one of the library's layers: `class Name(Named, of=layer)`.

    It takes PyTorch's arguments where PyTorch has such a module, else the factory's own, and beside
    them the generator `rng`.

    Attributes:
        factory: the layer, or what makes it.
        make: from the arguments to the layer; without one, they are the factory's own.
        arguments: those that the module was made with, by name.
    """

    factory: Any
    make: Make
    arguments: dict[str, Any]
    _text: str

    def __init_subclass__(cls, of: Any = None) -> None:
        if of is None:
            return
        cls.factory = staticmethod(of)
        if "make" not in vars(cls):
            cls.make = staticmethod(_bare(of))
        label = of.name if isinstance(of, Layer) else of.__name__
        cls.__doc__ = f"`{label}` as a module: {cls.__name__}{shown(cls.make)}."

    def __init__(self, *args: Any, rng: Generator | None = None, **kwargs: Any) -> None:
        try:
            bound = signature(self.make).bind(*args, **kwargs)
        except TypeError as error:
            raise KindError(f"{self._name}: {error}") from None
        self._text = ", ".join([*map(brief, args), *(f"{k}={brief(v)}" for k, v in kwargs.items())])
        bound.apply_defaults()
        self.arguments = bound.arguments
        layer, in_shape = self.make(*args, **kwargs)
        super().__init__(layer, in_shape, rng)

    def __repr__(self) -> str:
        return f"{self._name}({self._text})"


def _bare(factory: Any) -> Make:
    """Make what a layer without parameters is made by."""
    if isinstance(factory, Layer):
        return lambda: (factory, None)

    @wraps(factory)
    def make(*args: Any, **kwargs: Any) -> Made:
        return factory(*args, **kwargs), None

    return make


def shown(function: Callable[..., Any]) -> str:
    """Write the arguments of a function, without their types.

    >>> shown(lambda a, b=3: a)
    '(a, b=3)'
    """
    arguments = signature(function).parameters.values()
    return str(Signature([argument.replace(annotation=Signature.empty) for argument in arguments]))
