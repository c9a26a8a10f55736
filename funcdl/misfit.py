"""What does not fit a layer: noticed, and put in words where the layer itself has none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from funcdl.errors import FuncdlError, KindError, ShapeError, exhausted
from funcdl.tensor import FLOATS, STRIDED, Tensor
from funcdl.tree import leaves, zeros_like
from funcdl.tree.nodes import entries
from funcdl.tree.trouble import odd

__all__ = [
    "RAW",
    "apart",
    "expect_floats",
    "first_line",
    "guarded",
    "is_none",
    "is_ours",
    "means",
    "unfit",
    "worded",
]

RAW = (
    *(RuntimeError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError),
    *(MemoryError, RecursionError),
)
"""What torch and Python raise where arguments do not fit, or are too large."""


def is_ours(error: Exception) -> bool:
    """Tell whether an error arose in a line of this library, not in a layer of a user's own.

    What torch refuses there is about what was handed over; a user's own error is not
    reworded; where memory or stack ran out, the line says nothing.
    """
    if exhausted("", error) is not None:
        return True
    modules = []
    trace = error.__traceback__
    while trace is not None:
        modules.append(str(trace.tb_frame.f_globals.get("__name__", "")))
        trace = trace.tb_next
    own = [module for module in modules if not module.startswith("torch")]
    return own[-1].startswith("funcdl.")


def means(name: str, raised: FuncdlError) -> FuncdlError:
    """Return a layer's own error, or its cause where that was a lack of memory or stack.

    A layer that explains what torch refused may take no memory for shapes that do not fit.
    """
    cause = raised.__context__
    if cause is None or isinstance(cause, FuncdlError):
        return raised
    return exhausted(name, cause) or raised


def apart(name: str, *values: Any) -> FuncdlError | None:
    """Say that tensors are on several devices; None where they are not."""
    devices = sorted({str(leaf.device) for leaf in leaves(values) if isinstance(leaf, Tensor)})
    if len(devices) < 2:
        return None
    return KindError(f"{name}: expected all on one device, got {' and '.join(devices)}")


def expect_floats(name: str, value: Any) -> None:
    """Refuse a tensor, or any in a tuple, of anything but floats, or of a layout of its own."""
    for leaf in leaves(value) if isinstance(value, (Tensor, tuple)) else ():
        if isinstance(leaf, Tensor) and leaf.dtype not in FLOATS:
            raise KindError(f"{name}: expected floats, got {leaf.dtype}")
        if isinstance(leaf, Tensor) and leaf.layout is not STRIDED:
            raise KindError(f"{name}: expected plain tensors, got a {odd(leaf)} one")


def unfit(name: str, params: Any, x: Any, error: Exception) -> FuncdlError:
    """Say in one sentence why a layer could not be applied."""
    if (problem := exhausted(name, error)) is not None:
        return problem
    for leaf in leaves(x):
        if not isinstance(leaf, Tensor):
            return KindError(f"{name}: expected a tensor, got {type(leaf).__name__}")
    for leaf in leaves(params):
        if not isinstance(leaf, Tensor):
            return KindError(f"{name}: expected params of tensors, got {type(leaf).__name__}")
    found = leaves((params, x))
    for leaf in found:
        if (kind := odd(leaf)) is not None:
            return KindError(f"{name}: expected plain tensors, got a {kind} one")
    if (problem := apart(name, found)) is not None:
        return problem
    dtypes = sorted({str(leaf.dtype) for leaf in found})
    if len(dtypes) > 1:
        return KindError(f"{name}: expected params and x of one dtype, got {' and '.join(dtypes)}")
    if found and not found[0].is_floating_point():
        return KindError(f"{name}: expected floats, got {dtypes[0]}")
    given = f"params {_shapes(params)} and x {_shapes(x)}" if leaves(params) else f"x {_shapes(x)}"
    return ShapeError(f"{name}: expected shapes that fit, got {given}: {first_line(error)}")


@contextmanager
def worded(name: str, params: Any, x: Any) -> Iterator[None]:
    """Say of a layer that is applied inside what a call of the layer would say."""
    try:
        yield
    except FuncdlError as error:
        raise means(name, error) from error.__cause__
    except RAW as error:
        if is_ours(error):
            raise unfit(name, params, x, error) from error
        raise


def is_none(dy: Any) -> bool:
    """Tell whether a cotangent is that of what has none: None, or a tuple of nothing else."""
    return dy is None or (isinstance(dy, tuple) and bool(dy) and all(map(is_none, dy)))


def guarded(name: str, params: Any, y: Any, pull: Callable[..., Any]) -> Callable[..., Any]:
    """Have a vjp refuse cotangents that are not as `y` is: torch would broadcast them, or guess.

    Where there is none, the vjp is not called: the parameters had no part in it, nor had x.

    Raises:
        TypeError: y is neither a tensor nor a tuple of tensors.
    """
    if type(y) is not Tensor:
        return _guarded(name, params, _kinds(y), pull)
    shape, dtype, meta = y.shape, y.dtype, y.is_meta

    # As `_guarded`, without its calls: each layer of a plain step comes by here.
    def vjp(dy: Any, need_dx: bool = True) -> Any:
        if dy is None:
            return zeros_like(params), None
        try:
            if dy.shape == shape and dy.dtype is dtype and dy.is_meta is meta:
                return pull(dy, need_dx)
            raise ValueError("it is of another kind")
        except FuncdlError:
            raise
        except RAW as error:
            if is_ours(error):
                raise _unfit_cotangent(name, dy, _Kind(shape, dtype, meta), error) from error
            raise

    return vjp


def _guarded(name: str, params: Any, kinds: Any, pull: Callable[..., Any]) -> Callable[..., Any]:
    """Do it for any kinds."""

    def vjp(dy: Any, need_dx: bool = True) -> Any:
        if is_none(dy):
            return zeros_like(params), None
        try:
            if _is_of(kinds, dy):
                return pull(dy, need_dx)
            raise ValueError("its dtypes differ")
        except FuncdlError:
            raise
        except RAW as error:
            if is_ours(error):
                raise _unfit_cotangent(name, dy, kinds, error) from error
            raise

    return vjp


class _Kind(NamedTuple):
    """What a cotangent has in common with its tensor.

    torch itself refuses to mix devices, but for the one that has no numbers.
    """

    shape: tuple[int, ...]
    dtype: Any
    meta: bool


def _kinds(y: Any) -> Any:
    """Replace the tensors of a tuple by their kinds."""
    if isinstance(y, Tensor):
        return _Kind(tuple(y.shape), y.dtype, y.is_meta)
    if not isinstance(y, tuple):
        raise TypeError(f"expected a tensor or a tuple of tensors, got {type(y).__name__}")
    return tuple(_kinds(entry) for entry in y)


def _is_of(kinds: Any, dy: Any) -> bool:
    """Tell whether a cotangent is of a kind, or of the kinds of a tuple; None stands for none."""
    if dy is None:
        return True
    if isinstance(kinds, _Kind):
        return isinstance(dy, Tensor) and _kinds(dy) == kinds
    return (
        isinstance(dy, (tuple, list))
        and len(dy) == len(kinds)
        and all(_is_of(kind, d) for kind, d in zip(kinds, dy))
    )


def _unfit_cotangent(name: str, dy: Any, kinds: Any, error: Exception) -> FuncdlError:
    """Say in one sentence why a cotangent cannot be that of an output of these kinds."""
    if (problem := exhausted(name, error)) is not None:
        return problem
    alone = isinstance(kinds, _Kind)
    for leaf in [dy] if alone else leaves(dy):
        if leaf is not None and not isinstance(leaf, Tensor):
            return KindError(
                f"{name}: expected dy to be tensors as y is, got {type(leaf).__name__}"
            )
    if not _is_shaped(kinds, dy):
        return ShapeError(
            f"{name}: expected dy of shape {_shape(kinds)} as y is, got {_shapes(dy)}"
        )
    if alone and dy.dtype != kinds.dtype:
        return KindError(f"{name}: expected dy to be {kinds.dtype} as y is, got {dy.dtype}")
    if alone and dy.is_meta is not kinds.meta:
        return KindError(f"{name}: expected dy on the device of y, got one on {dy.device}")
    return KindError(f"{name}: expected dy to be as y is, got another: {first_line(error)}")


def _is_shaped(kinds: Any, dy: Any) -> bool:
    """Tell whether a cotangent of tensors has the shapes of these kinds, where it is not None."""
    if dy is None:
        return True
    if isinstance(kinds, _Kind) or isinstance(dy, Tensor):
        return isinstance(kinds, _Kind) and isinstance(dy, Tensor) and dy.shape == kinds.shape
    return (
        isinstance(dy, (tuple, list)) and len(dy) == len(kinds) and all(map(_is_shaped, kinds, dy))
    )


def _shape(kinds: Any) -> Any:
    return tuple(kinds.shape) if isinstance(kinds, _Kind) else tuple(map(_shape, kinds))


def _shapes(value: Any) -> str:
    """Write the shape of a tensor, or those of a container of them."""
    if value is None or isinstance(value, Tensor):
        return str(None if value is None else tuple(value.shape))
    shapes = [_shapes(entry) for entry in entries(value)]
    return f"({', '.join(shapes)}{',' if len(shapes) == 1 else ''})"


def first_line(error: Exception | None) -> str:
    """Give what torch says, in one line."""
    return str(error).strip().partition("\n")[0]
