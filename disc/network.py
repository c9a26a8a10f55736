"""The network that learns the disc, and what it makes of the square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from funcdl import InputError, KindError, Layer, Params, linear, relu, serial, tanh, tree

__all__ = ["ACTIVATIONS", "at_least_one", "network", "surface"]

ACTIVATIONS = {"relu": relu, "tanh": tanh}

SIDE = 48
"""Cells along each side of a surface."""


def network(hidden: Sequence[int], activation: str) -> Layer:
    """Make the network: two inputs, hidden layers with an activation each, two outputs.

    Raises:
        InputError, KindError: a width is not an integer of at least 1, or the activation is
            not one of `ACTIVATIONS`.

    >>> network([25], "tanh")
    serial(linear(25), tanh, linear(2))
    """
    if activation not in ACTIVATIONS:
        known = " or ".join(ACTIVATIONS)
        raise InputError(f"disc: expected the activation to be {known}, got {activation!r}")
    for width in hidden:
        at_least_one("a hidden width", width)
    layers = [part for width in hidden for part in (linear(width), ACTIVATIONS[activation])]
    return serial(*layers, linear(2))


def at_least_one(what: str, value: Any) -> None:
    """Check a number of something.

    Raises:
        InputError, KindError: it is not an integer of at least 1.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise KindError(f"disc: expected {what} to be an integer, got {value!r}")
    if value < 1:
        raise InputError(f"disc: expected {what} to be at least 1, got {value}")


def surface(net: Layer, params: Params) -> Tensor:
    """Return how surely the network takes the middle of each cell of a grid to be inside.

    The value is its second output minus its first: the targets are 1 inside and −1 outside, and
    the decision changes at 0.

    Args:
        net: what `network` makes.
        params: of one network.

    Returns:
        (48, 48); the first coordinate of the points goes to the right, the second down.
    """
    centres = tree.leaves(params)[0].new_empty(SIDE).fill_(1).cumsum(0).sub(0.5).div(SIDE)
    square = centres.new_empty(SIDE, SIDE, 2)
    square.select(-1, 0).copy_(centres)
    square.select(-1, 1).copy_(centres.unsqueeze(-1))
    y, _ = net(params, square)
    value: Tensor = y.select(-1, 1).sub(y.select(-1, 0))
    return value
