"""What the functions of a user's own layer are given and return: its `init`, and its vjp.

It is checked there, since otherwise the next layer would be blamed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcdl.errors import FuncdlError, KindError, ResourceError, ShapeError, brief, exhausted
from funcdl.misuse import generator, short
from funcdl.tensor import Tensor
from funcdl.tree import nodes

__all__ = ["answered", "beside", "expect_pair", "initialised"]


def expect_pair(label: str, what: str, value: Any) -> tuple[Any, Any]:
    """Return what a user's function gave, if it is a pair: a tensor of two rows unpacks as one."""
    if not isinstance(value, tuple) or len(value) != 2:
        got = f"{len(value)} entries" if isinstance(value, tuple) else type(value).__name__
        raise KindError(f"{label}: expected {what}, got {got}")
    return value


def answered(name: str, params: Any, x: Any, pull: Any) -> Callable[..., Any]:
    """Have a vjp refuse what it gave itself, where that is not as `params` and `x` are.

    An input may have none: None, in its place or in that of all of them.

    Raises:
        KindError: `pull` cannot be called.
    """
    if not callable(pull):
        raise KindError(f"{name}: expected a vjp to call, got {type(pull).__name__}")
    code = getattr(pull, "__code__", None)
    alone = code is not None and code.co_argcount == 1 and not code.co_flags & 4  # no *args

    def vjp(dy: Any, need_dx: bool = True) -> Any:
        back = pull(dy) if alone else pull(dy, need_dx)
        dparams, dx = expect_pair(name, "(dparams, dx) from its vjp", back)
        beside(name, "params", params, dparams)
        if not need_dx:
            return dparams, None
        beside(name, "x", x, dx)
        return dparams, dx

    return vjp


def beside(name: str, place: str, given: Any, back: Any) -> None:
    """Refuse a cotangent of another structure, shape or dtype; of an input it may be None."""
    is_input = place[0] == "x"
    if back is None and is_input:
        return
    if isinstance(given, Tensor):
        alike = isinstance(back, Tensor) and back.shape == given.shape
        if not alike or (back.dtype is not given.dtype and given.is_floating_point()):
            raise _other(name, place, given, back)
    elif nodes.is_node(given):
        likewise: Any = dict if isinstance(given, dict) else (tuple, list)
        same = isinstance(back, likewise) if is_input else type(back) is type(given)
        if not same or nodes.labels(given) != nodes.labels(back):
            raise _other(name, place, given, back)
        for label, part, d in zip(nodes.labels(given), nodes.entries(given), nodes.entries(back)):
            beside(name, place + label, part, d)


def _other(name: str, place: str, given: Any, back: Any) -> FuncdlError:
    """Say what was expected of a vjp, and what it gave."""
    text = f"{name}: expected its vjp to give d{place} {_words(given)} as {place} is, got "
    if not isinstance(given, Tensor) or not isinstance(back, Tensor):
        return KindError(text + _words(back))
    if back.shape != given.shape:
        return ShapeError(text + _words(back))
    return KindError(
        f"{name}: expected its vjp to give d{place} in {given.dtype} as {place} is, "
        f"got {back.dtype}"
    )


def _words(value: Any) -> str:
    if isinstance(value, Tensor):
        return str(tuple(value.shape))
    if value is None or not nodes.is_node(value):
        return "None" if value is None else type(value).__name__
    labels, kind = nodes.labels(value), type(value).__name__
    if kind in ("tuple", "list"):
        return f"a {kind} of {len(labels)}"
    return f"{kind}({', '.join(label[1:] for label in labels)})"


def initialised(name: str, init: Callable[..., Any], takes: Any = None) -> Callable[..., Any]:
    """Look at the arguments and the results of a layer's `init`: it runs once for a network.

    A combinator's input is compared with what it `takes`; a layer with none inside is named where
    there was no memory.
    """
    if getattr(init, "__qualname__", "") == "initialised.<locals>.drawn":
        return init

    def drawn(rng: Any = None, in_shape: Any = None) -> Any:
        """Draw the parameters: `(params, out_shape)`."""
        generator(name, rng)
        try:
            if not _is_shape(in_shape):
                raise _no_shape(name, in_shape)
        except RecursionError as error:
            raise (exhausted(name, error) or error) from None
        if takes:
            takes.infer(name, in_shape)
        try:
            made = init(rng, in_shape)
        except ResourceError as error:
            if takes == () and not str(error).startswith(name):
                raise error.within(f"{name}:") from error.__cause__
            raise
        expect_pair(name, "(params, out_shape) from its init", made)
        if not _is_shape(made[1]):
            got = f"{short(made[1])} for a shape"
            raise KindError(f"{name}: expected (params, out_shape) from its init, got {got}")
        return made

    return drawn


def _is_shape(shape: Any) -> bool:
    """Tell whether something is a tuple of lengths, or a container of such tuples."""
    if isinstance(shape, dict):
        return all(map(_is_shape, shape.values()))
    return isinstance(shape, tuple) and all(
        (isinstance(entry, int) and not isinstance(entry, bool) and entry >= 0) or _is_shape(entry)
        for entry in shape
    )


def _no_shape(where: str, shape: Any) -> FuncdlError:
    if isinstance(shape, Tensor):
        return KindError(f"{where}: expected the shape of an input, got a tensor: write x.shape")
    if isinstance(shape, int):
        return KindError(f"{where}: expected a shape, got {brief(shape)}: write ({brief(shape)},)")
    if isinstance(shape, list):
        return KindError(f"{where}: expected a shape, got a list: write {brief(_tupled(shape))}")
    if isinstance(shape, tuple):
        return ShapeError(f"{where}: expected a shape of integers from 0 on, got {brief(shape)}")
    got = (
        "a generator: write init(rng, in_shape)" if hasattr(shape, "initial_seed") else short(shape)
    )
    return KindError(f"{where}: expected a shape such as (3,), got {got}")


def _tupled(shape: Any) -> Any:
    return tuple(map(_tupled, shape)) if isinstance(shape, (list, tuple)) else shape
