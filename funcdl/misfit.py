"""Words for arguments that a layer could not be applied to, where the layer itself has none."""

from __future__ import annotations

from typing import Any

from funcdl.errors import FuncdlError, KindError, ShapeError
from funcdl.tensor import Tensor
from funcdl.tree import is_node, leaves
from funcdl.tree.nodes import entries

__all__ = ["is_ours", "unfit", "unfit_cotangent"]


def is_ours(error: Exception) -> bool:
    """Tell whether an error arose in a line of this library, not in a layer of a user's own.

    What torch refuses there is about what was handed over; a user's own error is left as it is.
    """
    modules = []
    trace = error.__traceback__
    while trace is not None:
        modules.append(str(trace.tb_frame.f_globals.get("__name__", "")))
        trace = trace.tb_next
    own = [module for module in modules if not module.startswith("torch")]
    return own[-1].startswith("funcdl.")


def unfit(name: str, params: Any, x: Any, error: Exception) -> FuncdlError:
    """Say in one sentence why a layer could not be applied."""
    for leaf in leaves(x):
        if not isinstance(leaf, Tensor):
            return KindError(f"{name}: expected a tensor, got {type(leaf).__name__}")
    for leaf in leaves(params):
        if not isinstance(leaf, Tensor):
            return KindError(f"{name}: expected params of tensors, got {type(leaf).__name__}")
    found = leaves((params, x))
    devices = sorted({str(leaf.device) for leaf in found})
    if len(devices) > 1:
        return KindError(f"{name}: expected all on one device, got {' and '.join(devices)}")
    dtypes = sorted({str(leaf.dtype) for leaf in found})
    if len(dtypes) > 1:
        return KindError(f"{name}: expected params and x of one dtype, got {' and '.join(dtypes)}")
    if found and not found[0].is_floating_point():
        return KindError(f"{name}: expected floats, got {dtypes[0]}")
    given = f"params {_shapes(params)} and x {_shapes(x)}" if leaves(params) else f"x {_shapes(x)}"
    return ShapeError(f"{name}: expected shapes that fit, got {given}: {_first_line(error)}")


def unfit_cotangent(
    name: str, dy: Any, shape: Any, dtype: Any, error: Exception | None
) -> FuncdlError:
    """Say in one sentence why a cotangent cannot be that of an output of this shape.

    `dtype` is that of a single tensor; None for a tuple.
    """
    for leaf in leaves(dy) if dtype is None else [dy]:
        if not isinstance(leaf, Tensor):
            return KindError(
                f"{name}: expected dy to be tensors as y is, got {type(leaf).__name__}"
            )
    if _shapes(dy) != str(shape):
        return ShapeError(f"{name}: expected dy of shape {shape} as y is, got {_shapes(dy)}")
    if dtype is not None and dy.dtype != dtype:
        return KindError(f"{name}: expected dy to be {dtype} as y is, got {dy.dtype}")
    return KindError(f"{name}: expected dy to be as y is, got another: {_first_line(error)}")


def _shapes(value: Any) -> str:
    """Write the shape of a tensor, or those of a container of them."""
    if isinstance(value, Tensor):
        return str(tuple(value.shape))
    if not is_node(value):
        return type(value).__name__
    shapes = [_shapes(entry) for entry in entries(value)]
    return f"({', '.join(shapes)}{',' if len(shapes) == 1 else ''})"


def _first_line(error: Exception | None) -> str:
    """Give what torch says, in one line."""
    return str(error).strip().partition("\n")[0]
