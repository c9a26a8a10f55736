"""What a layer is generic in: its parameters, its input and its output.

A type checker reads `generic.pyi` beside this file, where each is `Any` if nothing is said; before
Python 3.13, `typing` has no word for that.
"""

from typing import TypeVar

__all__ = ["XT", "YT", "ParamsT", "ParamsT_co", "XT_co", "YT_contra"]

ParamsT = TypeVar("ParamsT")
XT = TypeVar("XT")
YT = TypeVar("YT")

ParamsT_co = TypeVar("ParamsT_co", covariant=True)
XT_co = TypeVar("XT_co", covariant=True)
YT_contra = TypeVar("YT_contra", contravariant=True)
