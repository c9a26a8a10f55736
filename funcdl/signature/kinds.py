"""What a tensor has in common with its cotangent: shape, dtype, and whether it has numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcdl.tensor import Tensor
from funcdl.tree import leaves
from funcdl.tree.nodes import entries

__all__ = ["Kind", "devices", "first_line", "is_none", "is_of", "is_shaped", "kinds_of", "shapes"]


class Kind(NamedTuple):
    """Shape, dtype, and whether it is on the device that has no numbers.

    torch itself refuses to mix the others.
    """

    shape: tuple[int, ...]
    dtype: Any
    meta: bool


def kinds_of(value: Any) -> Any:
    """Replace the tensors of a value by their kinds.

    Raises:
        TypeError: it is neither a tensor nor a tuple or a dictionary of tensors.
    """
    if isinstance(value, Tensor):
        return Kind(tuple(value.shape), value.dtype, value.is_meta)
    if isinstance(value, dict):
        return {key: kinds_of(entry) for key, entry in value.items()}
    if not isinstance(value, tuple):
        raise TypeError(f"expected a tensor or a tuple of tensors, got {type(value).__name__}")
    return tuple(map(kinds_of, value))


def is_none(dy: Any) -> bool:
    """Tell whether a cotangent is that of what has none: None, or a container of nothing else."""
    if isinstance(dy, dict):
        return bool(dy) and all(map(is_none, dy.values()))
    return dy is None or (isinstance(dy, tuple) and bool(dy) and all(map(is_none, dy)))


def is_of(kinds: Any, dy: Any) -> bool:
    """Tell whether a cotangent is of a kind, or of the kinds of a tuple; None stands for none."""
    if dy is None:
        return True
    if isinstance(kinds, Kind):
        return isinstance(dy, Tensor) and kinds_of(dy) == kinds
    if isinstance(kinds, dict):
        alike = isinstance(dy, dict) and dy.keys() == kinds.keys()
        return alike and all(is_of(kinds[key], dy[key]) for key in kinds)
    alike = isinstance(dy, (tuple, list)) and len(dy) == len(kinds)
    return alike and all(map(is_of, kinds, dy))


def is_shaped(kinds: Any, dy: Any) -> bool:
    """Tell whether a cotangent of tensors has the shapes of these kinds, where it is not None."""
    if dy is None:
        return True
    if isinstance(kinds, Kind) or isinstance(dy, Tensor):
        return isinstance(kinds, Kind) and isinstance(dy, Tensor) and dy.shape == kinds.shape
    if isinstance(kinds, dict):
        alike = isinstance(dy, dict) and dy.keys() == kinds.keys()
        return alike and all(is_shaped(kinds[key], dy[key]) for key in kinds)
    alike = isinstance(dy, (tuple, list)) and len(dy) == len(kinds)
    return alike and all(map(is_shaped, kinds, dy))


def shapes(value: Any) -> str:
    """Write the shape of a tensor or of its kind, or those of a container of them."""
    if isinstance(value, (Tensor, Kind)):
        return str(tuple(value.shape))
    if value is None:
        return "None"
    found = [shapes(entry) for entry in entries(value)]
    return f"({', '.join(found)}{',' if len(found) == 1 else ''})"


def devices(*values: Any) -> list[str]:
    """List the devices of all tensors in some values."""
    return sorted({str(leaf.device) for leaf in leaves(values) if isinstance(leaf, Tensor)})


def first_line(error: BaseException | None) -> str:
    """Give what torch says, in one line."""
    return str(error).strip().partition("\n")[0]
