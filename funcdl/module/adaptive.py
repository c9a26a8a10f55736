"""Modules of adaptive pools, with the channels where PyTorch has them."""

from __future__ import annotations

from typing import Any

from funcdl.arguments import COUNTED, integer
from funcdl.layers.adaptive_pool import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
)
from funcdl.module.doors import channels_first
from funcdl.module.named import Named, refuse

__all__ = ["AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d"]

INDICES = "the layer keeps them to itself"


class AdaptiveAvgPool1d(Named):
    """PyTorch's `AdaptiveAvgPool1d`: from (…, channels, length) to (…, channels, output_size).

    >>> import torch
    >>> AdaptiveAvgPool1d(5)(torch.ones(5, 3, 14)).shape
    torch.Size([5, 3, 5])
    """

    factory = staticmethod(adaptive_avg_pool1d)

    def __init__(self, output_size: int | tuple[int]) -> None:
        name = "AdaptiveAvgPool1d"
        out = _single(name, output_size)
        super().__init__(locals(), channels_first(name, adaptive_avg_pool1d(out), 1))


class AdaptiveMaxPool1d(Named):
    """PyTorch's `AdaptiveMaxPool1d`: from (…, channels, length) to (…, channels, output_size).

    >>> import torch
    >>> AdaptiveMaxPool1d(5)(torch.ones(5, 3, 14)).shape
    torch.Size([5, 3, 5])
    """

    factory = staticmethod(adaptive_max_pool1d)

    def __init__(self, output_size: int | tuple[int], return_indices: bool = False) -> None:
        name = "AdaptiveMaxPool1d"
        refuse(name, "return_indices", return_indices, False, INDICES)
        out = _single(name, output_size)
        super().__init__(locals(), channels_first(name, adaptive_max_pool1d(out), 1))


class AdaptiveAvgPool2d(Named):
    """PyTorch's `AdaptiveAvgPool2d`: from (…, channels, h, w) to (…, channels, *output_size).

    >>> import torch
    >>> AdaptiveAvgPool2d((7, None))(torch.ones(5, 3, 14, 14)).shape
    torch.Size([5, 3, 7, 14])
    """

    factory = staticmethod(adaptive_avg_pool2d)

    def __init__(self, output_size: int | tuple[int | None, int | None]) -> None:
        name = "AdaptiveAvgPool2d"
        layer = adaptive_avg_pool2d(_both(output_size))
        super().__init__(locals(), channels_first(name, layer, 2))


class AdaptiveMaxPool2d(Named):
    """PyTorch's `AdaptiveMaxPool2d`: from (…, channels, h, w) to (…, channels, *output_size).

    >>> import torch
    >>> AdaptiveMaxPool2d(7)(torch.ones(5, 3, 14, 14)).shape
    torch.Size([5, 3, 7, 7])
    """

    factory = staticmethod(adaptive_max_pool2d)

    def __init__(
        self,
        output_size: int | tuple[int | None, int | None],
        return_indices: bool = False,
    ) -> None:
        name = "AdaptiveMaxPool2d"
        refuse(name, "return_indices", return_indices, False, INDICES)
        layer = adaptive_max_pool2d(_both(output_size))
        super().__init__(locals(), channels_first(name, layer, 2))


def _single(name: str, size: Any) -> int:
    """Return a number, or the only one of a tuple."""
    (size,) = size if isinstance(size, (tuple, list)) and len(size) == 1 else (size,)
    return integer(name, "output_size", size, 1, COUNTED)


def _both(size: Any) -> Any:
    """Take a list as a tuple, as PyTorch does."""
    return tuple(size) if isinstance(size, list) else size
