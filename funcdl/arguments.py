"""Checks of what a caller hands over, each with one clear sentence."""

from __future__ import annotations

from typing import Any

from funcdl.contract import Shape
from funcdl.errors import InputError, KindError
from funcdl.misuse import generator, short
from funcdl.tensor import FLOATS, Tensor

__all__ = [
    "COUNTED",
    "LARGEST",
    "LONGEST",
    "MOST",
    "Size",
    "each_number",
    "flag",
    "generator",
    "integer",
    "number",
    "pair",
    "positive",
    "show",
    "trailing",
]

Size = int | tuple[int, int]
"""Of what is down and what is across; one number stands for both."""


# What torch counts with: no tensor has more numbers, or an axis that is longer.
MOST = 2**63 - 1
# Of a window or a step on an image: times the image's strides it is still to be counted.
LONGEST = 2**40
# Of what is counted in Python, one by one.
COUNTED = 2**20
# That float32 has: what is finite in float64 alone would be infinite in most networks.
LARGEST = float.fromhex("0x1.fffffep127")


def integer(where: str, what: str, value: Any, least: int, most: int = MOST) -> int:
    """Return `value` if it is an int of at least `least` and at most `most`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise KindError(f"{where}: expected {what} to be an integer, got {short(value)}")
    if not -MOST <= value <= MOST:
        raise InputError(f"{where}: expected {what} in 64 bits, got a longer integer")
    if value < least:
        raise InputError(f"{where}: expected {what} to be at least {least}, got {value}")
    if value > most:
        raise InputError(f"{where}: expected {what} to be at most {most:,}, got {value:,}")
    return value


def number(
    where: str,
    what: str,
    value: Any,
    least: float,
    below: float | None = None,
    most: float = LARGEST,
) -> float:
    """Return `value` if it is a number in [least, below), and no larger than `most` either way."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise KindError(f"{where}: expected {what} to be a number, got {short(value)}")
    if isinstance(value, int):
        integer(where, what, value, -MOST)
    if not value >= least or (below is not None and not value < below):
        bounds = f"at least {least:g}" + ("" if below is None else f" and below {below:g}")
        raise InputError(f"{where}: expected {what} to be {bounds}, got {value}")
    if abs(value) > most:
        raise InputError(f"{where}: expected {what} to be finite in float32, got {value:g}")
    return value


def each_number(where: str, what: str, value: Any, least: float, below: float | None = None) -> Any:
    """Return `value` if it is a number in [least, below), or a tensor of such numbers.

    Raises:
        InputError, KindError: it is neither.
    """
    if not isinstance(value, Tensor):
        return number(where, what, value, least, below)
    if value.dtype not in FLOATS:
        raise KindError(f"{where}: expected {what} to be numbers or floats, got {value.dtype}")
    if not value.numel():
        raise InputError(f"{where}: expected {what} for at least one model, got none")
    for extreme in (value.min(), value.max()):
        number(where, f"each of {what}", float(extreme), least, below)
    return value


def positive(where: str, what: str, value: Any) -> float:
    """Return `value` if it is a number above 0."""
    if number(where, what, value, 0) == 0:
        raise InputError(f"{where}: expected {what} to be above 0, got {value}")
    return value  # type: ignore[no-any-return]


def flag(where: str, what: str, value: Any) -> bool:
    """Return `value` if it is True or False."""
    if not isinstance(value, bool):
        raise KindError(f"{where}: expected {what} to be True or False, got {short(value)}")
    return value


def pair(where: str, what: str, value: Any, least: int, most: int = LONGEST) -> tuple[int, int]:
    """Return `value` as two ints of at least `least`; one int stands for both."""
    if isinstance(value, tuple) and len(value) == 2:
        first, second = (integer(where, what, length, least, most) for length in value)
        return first, second
    single = integer(where, what, value, least, most)
    return single, single


def show(shape: Shape) -> str:
    """Write a shape as a message shows it.

    >>> show((32, 14, 14)), show((7,)), show(((3,), (4,)))
    ('(32, 14, 14)', '(7,)', '((3,), (4,))')
    """
    return str(tuple(shape))


def trailing(where: str, axis: int) -> None:
    """Refuse an axis that is not counted from the end."""
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise KindError(f"{where}: expected axis to be an integer, got {axis!r}")
    integer(where, "axis", axis, -MOST)
    if axis >= 0:
        raise InputError(
            f"{where}: expected a negative axis, counted from the end, got {axis}: "
            "layers leave leading axes to batches and models"
        )
