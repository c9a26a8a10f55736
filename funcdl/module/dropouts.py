"""Modules that drop numbers, or channels, while training."""

from __future__ import annotations

from functools import cache

from funcdl.arguments import number
from funcdl.contract import Layer, Params, Value, Vjp
from funcdl.errors import InputError, ShapeError
from funcdl.layers.dropout import dropout
from funcdl.module.doors import along_axis, around
from funcdl.module.named import Named
from funcdl.tensor import Generator, Tensor

__all__ = ["Dropout", "Dropout1d", "Dropout2d"]


class Dropout(Named):
    """PyTorch's `Dropout`.

    Args:
        p: the probability that a number is set to 0.
        inplace: the input stays as it is, either way.
        rng: the generator to draw from; torch's own without it.

    Raises:
        InputError, KindError: an argument is out of its range, or not offered.

    >>> Dropout(0.2)
    Dropout(p=0.2)
    """

    factory = staticmethod(dropout)

    def __init__(
        self, p: float = 0.5, inplace: bool = False, *, rng: Generator | None = None
    ) -> None:
        super().__init__(locals(), dropout(_probability("Dropout", p)))


class Dropout1d(Named):
    """PyTorch's `Dropout1d`: it drops channels of (batch, channels, length), or (channels, length).

    Args:
        p: the probability that a channel is set to 0.
        inplace: the input stays as it is, either way.
        rng: the generator to draw from; torch's own without it.

    Raises:
        InputError, KindError: an argument is out of its range, or not offered.

    >>> Dropout1d(0.2)
    Dropout1d(p=0.2)
    """

    factory = staticmethod(dropout)

    def __init__(
        self, p: float = 0.5, inplace: bool = False, *, rng: Generator | None = None
    ) -> None:
        _probability("Dropout1d", p)
        super().__init__(locals(), along_axis("Dropout1d", _channels(p, (2, 3)), -2))


class Dropout2d(Named):
    """PyTorch's `Dropout2d`: it drops channels of (batch, channels, h, w), or (…, length).

    Args:
        p: the probability that a channel is set to 0.
        inplace: the input stays as it is, either way.
        rng: the generator to draw from; torch's own without it.

    Raises:
        InputError, KindError: an argument is out of its range, or not offered.

    >>> Dropout2d(0.2)
    Dropout2d(p=0.2)
    """

    factory = staticmethod(dropout)

    def __init__(
        self, p: float = 0.5, inplace: bool = False, *, rng: Generator | None = None
    ) -> None:
        _probability("Dropout2d", p)
        super().__init__(locals(), along_axis("Dropout2d", _channels(p), 1))


def _probability(name: str, p: float) -> float:
    if number(name, "p", p, 0) > 1:
        raise InputError(f"{name}: expected p to be at most 1, got {p}")
    return p


@cache
def _dropout(p: float, ndim: int) -> Layer:
    return dropout(p, ndim)


def _channels(p: float, axes: tuple[int, int] = (3, 4)) -> Layer:
    """Drop the last axis, all other axes but the first as one; with so many axes."""

    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Value, Vjp]:
        if x.ndim not in axes:
            wanted = " or ".join(map(str, axes))
            raise ShapeError(f"dropout: expected x to have {wanted} axes, got {tuple(x.shape)}")
        return _dropout(p, max(x.ndim - 2, 1)).at("", params, x, rng)

    return around("dropout", dropout(p, 2), None, apply)
