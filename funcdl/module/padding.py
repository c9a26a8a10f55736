"""Modules of borders, with the channels where PyTorch has them."""

from __future__ import annotations

from typing import Any

from funcdl.arguments import LONGEST, integer
from funcdl.contract import Layer
from funcdl.errors import InputError
from funcdl.layers.pad import pad1d, pad2d
from funcdl.module.doors import channels_first
from funcdl.module.named import Named
from funcdl.ops.border import Sides

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ZeroPad1d",
    "ZeroPad2d",
]


class Border(Named):
    """What the modules share: their border as PyTorch writes it, that of the last axis first."""

    mode = "constant"

    def _around(self, axes: int, padding: Any, value: float = 0.0) -> Layer:
        sides = _sides(self._name, padding, axes)
        if axes == 1:
            layer = pad1d(sides[0], mode=self.mode, value=value)
        else:
            layer = pad2d((sides[0], sides[1]), mode=self.mode, value=value)
        return channels_first(self._name, layer, axes)


class ZeroPad1d(Border):
    """PyTorch's `ZeroPad1d`: from (…, channels, length) to (…, channels, length').

    >>> import torch
    >>> ZeroPad1d((2, 0))(torch.ones(5, 3, 20)).shape
    torch.Size([5, 3, 22])
    """

    factory = staticmethod(pad1d)

    def __init__(self, padding: int | tuple[int, int]) -> None:
        super().__init__(locals(), self._around(1, padding))


class ConstantPad1d(Border):
    """PyTorch's `ConstantPad1d`.

    >>> ConstantPad1d(1, 0.5)
    ConstantPad1d(1, 0.5)
    """

    factory = staticmethod(pad1d)

    def __init__(self, padding: int | tuple[int, int], value: float) -> None:
        super().__init__(locals(), self._around(1, padding, value))


class ReflectionPad1d(Border):
    """PyTorch's `ReflectionPad1d`.

    >>> ReflectionPad1d(1)
    ReflectionPad1d(1)
    """

    factory, mode = staticmethod(pad1d), "reflect"

    def __init__(self, padding: int | tuple[int, int]) -> None:
        super().__init__(locals(), self._around(1, padding))


class ReplicationPad1d(Border):
    """PyTorch's `ReplicationPad1d`.

    >>> ReplicationPad1d(1)
    ReplicationPad1d(1)
    """

    factory, mode = staticmethod(pad1d), "replicate"

    def __init__(self, padding: int | tuple[int, int]) -> None:
        super().__init__(locals(), self._around(1, padding))


class CircularPad1d(Border):
    """PyTorch's `CircularPad1d`.

    >>> CircularPad1d(1)
    CircularPad1d(1)
    """

    factory, mode = staticmethod(pad1d), "circular"

    def __init__(self, padding: int | tuple[int, int]) -> None:
        super().__init__(locals(), self._around(1, padding))


class ZeroPad2d(Border):
    """PyTorch's `ZeroPad2d`: from (…, channels, h, w) to (…, channels, h', w').

    >>> import torch
    >>> ZeroPad2d((1, 2, 0, 0))(torch.ones(5, 3, 14, 14)).shape
    torch.Size([5, 3, 14, 17])
    """

    factory = staticmethod(pad2d)

    def __init__(self, padding: int | tuple[int, int, int, int]) -> None:
        super().__init__(locals(), self._around(2, padding))


class ConstantPad2d(Border):
    """PyTorch's `ConstantPad2d`.

    >>> ConstantPad2d(1, 0.5)
    ConstantPad2d(1, 0.5)
    """

    factory = staticmethod(pad2d)

    def __init__(self, padding: int | tuple[int, int, int, int], value: float) -> None:
        super().__init__(locals(), self._around(2, padding, value))


class ReflectionPad2d(Border):
    """PyTorch's `ReflectionPad2d`.

    >>> ReflectionPad2d(1)
    ReflectionPad2d(1)
    """

    factory, mode = staticmethod(pad2d), "reflect"

    def __init__(self, padding: int | tuple[int, int, int, int]) -> None:
        super().__init__(locals(), self._around(2, padding))


class ReplicationPad2d(Border):
    """PyTorch's `ReplicationPad2d`.

    >>> ReplicationPad2d(1)
    ReplicationPad2d(1)
    """

    factory, mode = staticmethod(pad2d), "replicate"

    def __init__(self, padding: int | tuple[int, int, int, int]) -> None:
        super().__init__(locals(), self._around(2, padding))


class CircularPad2d(Border):
    """PyTorch's `CircularPad2d`.

    >>> CircularPad2d(1)
    CircularPad2d(1)
    """

    factory, mode = staticmethod(pad2d), "circular"

    def __init__(self, padding: int | tuple[int, int, int, int]) -> None:
        super().__init__(locals(), self._around(2, padding))


def _sides(name: str, padding: Any, axes: int) -> Sides:
    """Give the sides, of the first axis first."""
    flat = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * 2 * axes
    if len(flat) != 2 * axes:
        raise InputError(
            f"{name}: expected padding to be a number or {2 * axes} of them, got {padding}"
        )
    for each in flat:
        integer(name, "padding", each, -LONGEST, LONGEST)
    return tuple((flat[2 * axis], flat[2 * axis + 1]) for axis in reversed(range(axes)))
