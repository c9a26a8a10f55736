"""The tensor type, without importing it: the library's one import of torch.

A type checker reads `tensor.pyi` beside this file instead and sees torch's own classes.
"""

from typing import Any

from torch import empty

__all__ = ["Generator", "Tensor", "empty"]

Tensor = type(empty(0))
Generator = Any
