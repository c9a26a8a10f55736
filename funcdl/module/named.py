"""What the modules with a name of their own share: how they begin, and how they are shown."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature, isfunction, signature
from typing import Any, ClassVar

from funcdl import tree
from funcdl.arguments import flag, generator, integer
from funcdl.contract import Layer, Params, Value
from funcdl.errors import InputError, KindError, brief
from funcdl.misuse import short
from funcdl.module.base import Module
from funcdl.module.draws import Draw
from funcdl.portable import Portable

__all__ = ["Named", "flag", "refuse", "shown", "size"]


class Named(Module):
    """A module of one of the library's layers, with an `__init__` that names its arguments.

    A subclass calls `super().__init__(locals(), layer)`, and says in `_start` what its parameters
    begin with.

    Args:
        given: the arguments of the subclass's own `__init__`, by name.
        layer: what it computes.

    Attributes:
        factory: the layer that it is of, or the function that makes it.
        arguments: those that the module was made with, by name.
    """

    factory: ClassVar[Any] = None
    arguments: dict[str, Any]
    _made_as: Any
    _inputs: ClassVar[tuple[str, ...]] = ("input",)
    """What `forward` takes, by PyTorch's names."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Refuse arguments that are missing, or too many, in the library's own words."""
        try:
            signature(cls.__init__).bind(None, *args, **kwargs)
        except TypeError as error:
            raise KindError(f"{cls.__name__}: {error}") from None
        return super().__new__(cls)

    def __init__(self, given: dict[str, Any], layer: Layer) -> None:
        rng = given.get("rng")
        if rng is not None:
            generator(self._name, rng)
        super().__init__(layer, None, rng)
        self._note(given)
        if "inplace" in given:  # PyTorch spares memory by it; the numbers are the same
            flag(self._name, "inplace", given["inplace"])
        self.params = self._drawn()
        self.grads = tree.zeros_like(self.params)

    def _note(self, given: dict[str, Any]) -> None:
        """Keep the arguments that it was made with."""
        # The class that has this __init__, which that of a user's own may have called.
        self._made_as = given["__class__"]
        taken = signature(self._made_as.__init__).parameters
        self.arguments = {
            # An initialiser may be a closure, which is to be pickled.
            name: Portable(given[name]) if isfunction(given[name]) else given[name]
            for name in taken
            if name not in ("self", "rng")
        }

    def _drawn(self) -> Params:
        """Draw the parameters."""
        given = self.arguments
        draw = Draw(self._name, self._rng, given.get("device"), given.get("dtype"))
        return self._start(draw)

    def _start(self, draw: Draw) -> Params:
        """Draw the parameters, in PyTorch's order; here, where there are none."""
        return ()

    def __call__(self, *input: Any, **named: Any) -> Value:
        """Do a forward pass; the inputs may be given by PyTorch's names."""
        if not named:
            return self.forward(*input)
        left = [name for name in self._inputs[len(input) :] if name in named]
        if len(left) < len(named) or left != list(self._inputs[len(input) :][: len(left)]):
            raise KindError(
                f"{self._name}: expected the inputs {', '.join(self._inputs)}, got {len(input)} "
                f"by place and {', '.join(named)}"
            )
        return self.forward(*input, *(named[name] for name in left))

    def __repr__(self) -> str:
        said: list[str] = []
        parameters = signature(self._made_as.__init__).parameters
        for name, value in self.arguments.items():
            argument = parameters[name]
            if argument.kind is Parameter.VAR_POSITIONAL:
                said += map(brief, value)
            elif argument.kind is Parameter.VAR_KEYWORD:
                said += [f"{key}={short(entry)}" for key, entry in value.items()]
            elif argument.default is Parameter.empty:
                said.append(brief(value))
            elif value is not argument.default and value != argument.default:
                said.append(f"{name}={short(value)}")
        return f"{self._name}({', '.join(said)})"

    def __reduce__(self) -> Any:
        # Not by __new__, which asks for the arguments.
        return object.__new__, (type(self),), self.__getstate__()


def refuse(name: str, what: str, value: Any, only: Any, instead: str) -> None:
    """Refuse what PyTorch has and this library has not, and say what to do about it.

    >>> refuse("GRU", "bidirectional", False, False, "turn the sequence round")
    >>> refuse("GRU", "bidirectional", True, False, "turn the sequence round")
    Traceback (most recent call last):
    funcdl.errors.InputError: GRU: expected bidirectional=False, got True: turn the sequence round
    """
    if value is only or (type(value) is type(only) and value == only):
        return
    raise InputError(f"{name}: expected {what}={brief(only)}, got {short(value)}: {instead}")


def size(name: str, what: str, value: Any) -> int:
    """Return `value` if it is an integer of at least 1."""
    return integer(name, what, value, 1)


def shown(function: Callable[..., Any]) -> str:
    """Write the arguments of a function, without their types.

    >>> shown(lambda a, b=3: a)
    '(a, b=3)'
    """
    arguments = signature(function).parameters.values()
    return str(Signature([argument.replace(annotation=Signature.empty) for argument in arguments]))
