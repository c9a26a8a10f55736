"""Functions that a factory made, packed so that they can be pickled.

What a factory returns are closures, and pickle takes functions by their names alone, which closures
do not have. But their code has a place: in the factory, which can be imported. So a closure is
pickled as its factory's name, the place of its code in the factory's, and what it closes over.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import partial, reduce
from types import CellType, CodeType, FunctionType
from typing import Any

from funcdl.errors import KindError

__all__ = ["Portable", "packed"]


class Portable:
    """A function that a factory made, with all that it closes over; pickled as described above.

    Copies are the function itself, as of any other.
    """

    __slots__ = ("__wrapped__",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.__wrapped__ = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it."""
        return self.__wrapped__(*args, **kwargs)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __copy__(self) -> Portable:
        return self

    def __deepcopy__(self, memo: Any) -> Portable:
        return self

    def __reduce__(self) -> Any:
        return Portable, (packed(self.__wrapped__),)


def packed(value: Any, known: dict[int, Any] | None = None) -> Any:
    """Return what pickle is to take in a value's place: loaded, it is like the value.

    `known` has what closures were packed as so far, by identity: one may close over itself.

    >>> import pickle
    >>> from funcdl.initialisers import full
    >>> pickle.loads(pickle.dumps(packed(full(3.0)))).__name__
    'fill'
    """
    known = {} if known is None else known
    if isinstance(value, FunctionType):
        if _found(value.__module__, value.__qualname__) is value:
            return value
        return known.setdefault(id(value), _Packed(value, known))
    if type(value) is partial:
        return _Partial(value, known)
    if type(value) in (tuple, list):
        return type(value)(packed(entry, known) for entry in value)
    if isinstance(value, tuple) and hasattr(value, "_make"):
        return value._make(packed(entry, known) for entry in value)
    if type(value) is dict:
        return {key: packed(entry, known) for key, entry in value.items()}
    return value


class _Packed:
    """What a closure is pickled as."""

    def __init__(self, function: FunctionType, known: dict[int, Any]) -> None:
        self.function, self.known = function, known

    def __reduce__(self) -> Any:
        function, code = self.function, self.function.__code__
        # Of the code: functools.wraps gives a wrapper the names of what it wraps.
        module, name = function.__globals__["__name__"], code.co_qualname.partition(".<locals>")[0]
        factory = _found(module, name)
        way = _way(inspect.unwrap(factory).__code__, code) if inspect.isroutine(factory) else None
        if way is None:
            raise KindError(
                "pickle: expected functions that a module defines by def, or that a function of "
                f"one returns, got {function.__qualname__} of {module}"
            )
        given = function.__defaults__, function.__kwdefaults__
        cells = [_content(cell, self.known) for cell in function.__closure__ or ()]
        state = (cells, *(packed(values, self.known) for values in given))
        return _hollow, (factory, way, code.co_freevars), state, None, None, _fill


class _Partial:
    """What a partial application is pickled as."""

    def __init__(self, function: partial[Any], known: dict[int, Any]) -> None:
        self.parts = function.func, function.args, function.keywords
        self.known = known

    def __reduce__(self) -> Any:
        return _applied, packed(self.parts, self.known)


def _applied(function: Any, args: Any, keywords: Any) -> Any:
    return partial(function, *args, **keywords)


def _content(cell: CellType, known: dict[int, Any]) -> tuple[Any, ...]:
    """Give what a cell holds, if it holds anything yet."""
    try:
        return (packed(cell.cell_contents, known),)
    except ValueError:
        return ()


def _hollow(factory: Any, way: list[int], names: tuple[str, ...]) -> FunctionType:
    """Make a closure again, of code in a factory's, over nothing yet."""
    outer = inspect.unwrap(factory)
    try:
        code = reduce(lambda code, i: code.co_consts[i], way, outer.__code__)
        known = code.co_freevars == names
    except (AttributeError, IndexError):
        known = False
    if not known:
        raise KindError(
            f"pickle: expected the {factory.__qualname__} that this was pickled with, got another "
            "version of it"
        )
    cells = tuple(CellType() for _ in names)
    function = FunctionType(code, outer.__globals__, code.co_name, None, cells)
    function.__qualname__ = code.co_qualname
    return function


def _fill(function: FunctionType, state: Any) -> None:
    """Have a closure close over what it closed over before."""
    cells, function.__defaults__, function.__kwdefaults__ = state
    for cell, content in zip(function.__closure__ or (), cells):
        if content:
            (cell.cell_contents,) = content


def _found(module: str, name: str) -> Any:
    """Look a name of a module up; None where there is none."""
    return reduce(
        lambda at, step: getattr(at, step, None), name.split("."), sys.modules.get(module)
    )


def _way(outer: CodeType, code: CodeType) -> list[int] | None:
    """Find code inside of other code: the indices that lead to it."""
    for i, constant in enumerate(outer.co_consts):
        if constant is code:
            return [i]
        if isinstance(constant, CodeType) and (way := _way(constant, code)) is not None:
            return [i, *way]
    return None
