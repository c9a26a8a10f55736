"""What is known of tensors' methods by their names, where they write into their tensor."""

from __future__ import annotations

from funcdl.staging.memory import Slot
from funcdl.watching.call import Call

__all__ = ["COPIES", "ELEMENTWISE", "RESHAPES", "is_method", "is_product", "never_fails"]

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
# Methods of whole numbers that never fail, whatever the numbers are.
WITHOUT_FAIL = {"copy_", "zero_", "fill_", "mul_", "sign_"}
# The same for floats.
FLOATS_WITHOUT_FAIL = {
    *(f"{name}_" for name in ELEMENTWISE),
    *("addmm_", "baddbmm_", "uniform_", "normal_"),
}


def is_method(call: Call) -> bool:
    """Tell whether a call is a method of its first argument, and writes into that."""
    own = bool(call.args) and isinstance(call.args[0], Slot)
    # A space is in the name of what writes and is no such method.
    return not call.fresh and own and "out" not in call.kwargs and " " not in call.name


def is_product(call: Call) -> bool:
    """Tell whether a call in place writes a product of matrices, and nothing but that."""
    return call.name in ("addmm_", "baddbmm_") and call.kwargs.get("beta") == 0


def never_fails(call: Call) -> bool:
    """Tell whether a call in place ends well whatever the numbers are, with no Python in it."""
    if not is_method(call):
        return False
    floats = call.args[0].dtype.is_floating_point and call.name in FLOATS_WITHOUT_FAIL
    return floats or call.name in WITHOUT_FAIL
