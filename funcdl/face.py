"""The face of a package: the names that its `__init__` imports for others, each said once.

A face has one line for each name, `from … import name as name`, or a star for another face. By
these type checkers know what is exported; `expose` writes the same into `__all__`.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

__all__ = ["expose"]


def expose(face: dict[str, Any], *modules: str) -> None:
    """Set `__all__` of a face: all its names but those of modules and those that begin with `_`.

    Args:
        face: the `globals()` of the package's `__init__`.
        modules: the modules that it exports too.

    >>> import math
    >>> face = {"pi": math.pi, "math": math, "_e": math.e}
    >>> expose(face)
    >>> face["__all__"]
    ['pi']
    """
    face["__all__"] = sorted(
        name
        for name, value in face.items()
        if name in modules or not (name.startswith("_") or isinstance(value, ModuleType))
    )
