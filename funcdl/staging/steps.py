"""Writing: a recorded call as methods that write into the tensor they belong to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from funcdl.ops.choose import BITS, ZERO
from funcdl.staging.record import Call, tensors
from funcdl.tensor import Tensor

__all__ = [
    "COPIES",
    "ELEMENTWISE",
    "RESHAPES",
    "OtherShapesError",
    "Step",
    "fill",
    "is_choice",
    "write",
]

# Methods whose name with an underscore writes the same numbers into the first operand.
ELEMENTWISE = {
    *("abs", "add", "addcdiv", "addcmul", "ceil", "clamp", "clamp_max", "clamp_min", "copysign"),
    *("cos", "cosh", "div", "erf", "erfc", "exp", "exp2", "expm1", "floor", "lerp", "log", "log10"),
    *("log1p", "log2", "masked_fill", "mul", "neg", "pow", "reciprocal", "relu", "round", "rsqrt"),
    *("sigmoid", "sign", "sin", "sinh", "sqrt", "square", "sub", "tan", "tanh", "trunc"),
    *("atan", "asin", "acos", "eq", "ne", "lt", "le", "gt", "ge", "heaviside", "hypot", "fmod"),
}
# Methods that copy, and those that copy where they cannot view.
COPIES = {"clone", "contiguous", "to", "float", "double", "half", "bfloat16", "long", "int", "bool"}
RESHAPES = {"reshape", "flatten", "unflatten"}
# What a choice between numbers and 0 is called, in a place of its own and in that of the numbers.
CHOICES = ("choice", "choice_")
# So many rows are summed by a product with ones: one call, but each number goes through one long
# sum. Of 128 equal float32 numbers it has 6 times the error of torch's sum, of 256 it has 16 times.
MOST_ROWS = 128
# Methods of whole numbers that never fail, whatever the numbers are.
WITHOUT_FAIL = {"copy_", "zero_", "fill_", "mul_", "sign_"}
# The same for floats.
FLOATS_WITHOUT_FAIL = {
    *(f"{name}_" for name in ELEMENTWISE),
    *("addmm_", "baddbmm_", "uniform_", "normal_"),
}


class OtherShapesError(Exception):
    """A call gave tensors of other shapes than when it was recorded."""


class Step:
    """One call in place: a method of `target`, or with no name a function of no arguments."""

    def __init__(self, target: Any, name: str, *args: Any, **kwargs: Any) -> None:
        self.target, self.name, self.args, self.kwargs = target, name, args, kwargs
        self.sums = False

    def is_product(self) -> bool:
        """Tell whether it writes a product of matrices, and nothing but that."""
        return self.name in ("addmm_", "baddbmm_") and self.kwargs.get("beta") == 0

    def never_fails(self) -> bool:
        """Tell whether it ends well whatever the numbers are, with nothing of Python in it."""
        if not self.name or not isinstance(self.target, Tensor):
            return False
        floats = self.target.is_floating_point() and self.name in FLOATS_WITHOUT_FAIL
        return floats or self.name in WITHOUT_FAIL

    def bind(self) -> Callable[[], Any]:
        """Give the call as a function without arguments."""
        method = getattr(self.target, self.name) if self.name else self.target
        return partial(method, *self.args, **self.kwargs) if self.args or self.kwargs else method


def is_choice(call: Call) -> bool:
    """Tell whether a call gives its first argument where a mask is set, and 0 elsewhere."""
    if call.name != "where" or len(call.args) != 3 or not call.fresh:
        return False
    first, _, other = call.args
    zero = other is ZERO or (isinstance(other, (int, float)) and other == 0)
    alike = isinstance(first, Tensor) and (first.shape, first.dtype) == (
        call.outs[0].shape,
        call.outs[0].dtype,
    )
    return zero and alike and call.outs[0].element_size() in BITS


def write(call: Call, outs: list[Tensor], args: tuple[Any, ...], kwargs: Any) -> list[Step]:
    """Write a call whose operands are `args` and `kwargs` so that its results come into `outs`.

    What has no method that writes into its tensor is done as it was recorded, and copied.
    """
    name, out = call.name, outs[0]
    first = args[0] if args and isinstance(args[0], Tensor) else None
    if name == "clone_":
        return []  # the copy took the place of what it was made of
    if name in CHOICES and first is not None:
        # As `only` chooses among many: with the bits as whole numbers.
        bits = out.view(BITS[out.element_size()])
        own = [Step(out, "copy_", first)] if call.fresh else []
        return [*own, Step(bits, "mul_", args[1])]
    if not call.fresh:
        if first is None or "out" in kwargs or " " in name:
            return [Step(call.func, "__call__", *args, **kwargs)]
        return [Step(first, name, *args[1:], **kwargs)]
    if name in ("new_empty", "empty_like"):
        return []
    if name in ("new_zeros", "zeros_like"):
        return [Step(out, "zero_")]
    if name in ("new_ones", "ones_like"):
        return [Step(out, "fill_", 1)]
    if first is not None and len(outs) == 1:
        if name == "matmul":
            product = _product(out, *args)
            if product:
                return [product]
        if name in COPIES:
            return [Step(out, "copy_", first)]
        if name in RESHAPES and (flat := _unflattened(out, first)) is not None:
            return [Step(flat, "copy_", first)]
        short = first.ndim in (2, 3) and first.shape[-2] <= MOST_ROWS and first.element_size() > 2
        if name == "sum" and args[1:] == (-2,) and not kwargs and short:
            ones = first.new_ones((*first.shape[:-2], 1, first.shape[-2]))
            product = _product(out.unsqueeze(-2), ones, first)
            if product and first.is_floating_point():
                product.sums = True
                return [product]
        if name in ELEMENTWISE and first.dtype == out.dtype:
            return [Step(out, "copy_", first), Step(out, name + "_", *args[1:], **kwargs)]

    return [Step(lambda: fill(outs, call.func(*args, **kwargs)), "")]


def fill(outs: list[Tensor], result: Any) -> None:
    """Copy the tensors of a result where those of the recorded one were.

    Raises:
        OtherShapesError: they are others.
    """
    found = tensors(result)
    if len(found) != len(outs) or any(
        new.shape != out.shape or new.dtype != out.dtype for new, out in zip(found, outs)
    ):
        raise OtherShapesError
    for out, new in zip(outs, found):
        out.copy_(new)


def _unflattened(out: Tensor, first: Tensor) -> Tensor | None:
    """View the memory of a reshaped copy in the shape before; None where no view can be had."""
    try:
        return out.view(first.shape)
    except RuntimeError:
        return None


def _product(out: Tensor, x: Tensor, w: Tensor) -> Step | None:
    """Write a product of matrices, or of stacks of them, into `out`."""
    if x.ndim == w.ndim == 2:
        return Step(out, "addmm_", x, w, beta=0)
    if x.ndim == w.ndim == 3 and x.shape[0] == w.shape[0]:
        return Step(out, "baddbmm_", x, w, beta=0)
    return None
