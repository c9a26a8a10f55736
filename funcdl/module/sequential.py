"""Modules one after the other."""

from __future__ import annotations

from typing import Any

from funcdl.contract import Layer, Params, Value
from funcdl.errors import FuncdlError, KindError
from funcdl.misuse import factory, kind_of
from funcdl.module.base import Module, pack, tensors_of
from funcdl.tensor import Tensor

__all__ = ["Sequential"]

WIDTH = 88


class Sequential(Module):
    """Modules one after the other, of any kind, those without a layer too.

    A tuple that one returns goes into the next as its arguments.

    >>> import torch
    >>> from funcdl import Linear, ReLU
    >>> net = Sequential(Linear(2, 25), ReLU(), Linear(25, 2))
    >>> y = net.forward(torch.ones(5, 2))
    >>> net.backward(torch.ones(5, 2)).shape, len(net.param())
    (torch.Size([5, 2]), 4)
    """

    def __init__(self, *modules: Any) -> None:
        for i, module in enumerate(modules):
            for method in ("forward", "backward", "param"):
                if isinstance(module, type) or not callable(getattr(module, method, None)):
                    raise KindError(
                        f"Sequential[{i}]: expected a module with forward, backward and param, "
                        f"got {_instead(module, method)}"
                    )
        self.modules = modules

    def forward(self, *input: Any) -> Value:
        """Apply each module to the output of the one before."""
        value = pack(input)
        for i, module in enumerate(self.modules):
            value = self._at(i, module.forward, value)
        return value

    def backward(self, *gradwrtoutput: Any) -> Value:
        """Do the backward passes, from the last module to the first."""
        value = pack(gradwrtoutput)
        for i in reversed(range(len(self.modules))):
            value = self._at(i, self.modules[i].backward, value)
        return value

    def param(self) -> list[tuple[Tensor, Tensor]]:
        """List the pairs of all the modules, in order."""
        return [pair for module in self.modules for pair in module.param()]

    def train(self, mode: bool = True) -> Sequential:
        """Take all modules that know of it into training mode, or out of it."""
        for module in self.modules:
            if hasattr(module, "train"):
                module.train(mode)
        return super().train(mode)

    def __repr__(self) -> str:
        line = f"Sequential({', '.join(map(repr, self.modules))})"
        if len(line) <= WIDTH and "\n" not in line:
            return line
        lines = [f"({i}): {module!r}" for i, module in enumerate(self.modules)]
        return "Sequential(\n  " + "\n".join(lines).replace("\n", "\n  ") + "\n)"

    def _tensors(self) -> Params:
        return tuple(tensors_of(module) for module in self.modules)

    def _at(self, i: int, method: Any, value: Value) -> Value:
        try:
            return method(*value) if isinstance(value, tuple) else method(value)
        except FuncdlError as error:
            raise error.within(f"Sequential[{i}]") from None


def _instead(thing: Any, method: str) -> str:
    """Say what came in the place of a module, and what to write."""
    if isinstance(thing, Layer):
        return f"the layer {thing!r}: write Module({thing!r}, in_shape)"
    if isinstance(thing, type):
        return f"{kind_of(thing)}: write {thing.__name__}(…), one of it"
    if isinstance(thing, (list, tuple)):
        return f"a {type(thing).__name__}: hand the modules over one by one, Sequential(*modules)"
    return kind_of(thing) if factory(thing) else f"{type(thing).__name__} without {method}"
