"""Parameters from PyTorch's modules and back into them, by their attributes alone."""

from funcdl.interop.copy import from_torch, to_torch

__all__ = ["from_torch", "to_torch"]
