"""The tensor type, without importing it: the library's one import of torch.

A type checker reads `tensor.pyi` beside this file instead and sees torch's own classes.
"""

import warnings
from typing import Any

with warnings.catch_warnings():
    # torch says this once where NumPy is missing; nothing here needs it.
    warnings.filterwarnings("ignore", message="Failed to initialize NumPy")
    from torch import empty

__all__ = [
    "FLOATS",
    "FULL",
    "STRIDED",
    "Generator",
    "Tensor",
    "as_dtype_of",
    "empty",
    "is_half",
    "wide",
]

Tensor = type(empty(0))
Generator = Any

FULL = frozenset({empty(0).float().dtype, empty(0).double().dtype})
"""The dtypes that are computed with as they are."""

FLOATS = FULL | {empty(0).half().dtype, empty(0).bfloat16().dtype}
"""With the dtypes whose numbers are computed with as float32: there are no others to compute in."""

STRIDED = empty(0).layout
"""Of tensors that keep all their numbers, each at its place."""


def is_half(t: Any) -> Any:
    """Tell whether numbers are floats of less than 32 bits, which sums are not made in.

    >>> is_half(empty(2).bfloat16()), is_half(empty(2))
    (True, False)
    """
    return t.element_size() < 4 and t.is_floating_point()


def wide(t: Any) -> Any:
    """Give numbers as what sums are made in: float32 for half precision, others as they are."""
    return t.float() if is_half(t) else t


def as_dtype_of(t: Any, other: Any) -> Any:
    """Round what was computed in float32 to the dtype of what it was computed from."""
    return t if t.dtype is other.dtype else t.to(other.dtype)
