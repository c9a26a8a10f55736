"""Modules of pools, with the channels where PyTorch has them."""

from __future__ import annotations

from funcdl.arguments import Size, integer, pair
from funcdl.layers.global_pool import (
    global_avg_pool1d,
    global_avg_pool2d,
    global_max_pool1d,
    global_max_pool2d,
)
from funcdl.layers.pool import avg_pool1d, avg_pool2d, max_pool1d, max_pool2d
from funcdl.module.convolution import one
from funcdl.module.doors import channels_first, global_first
from funcdl.module.named import Named, refuse

__all__ = [
    "AvgPool1d",
    "AvgPool2d",
    "GlobalAvgPool1d",
    "GlobalAvgPool2d",
    "GlobalMaxPool1d",
    "GlobalMaxPool2d",
    "MaxPool1d",
    "MaxPool2d",
]

INDICES = "the layer keeps them to itself"


class MaxPool1d(Named):
    """PyTorch's `MaxPool1d`: from (…, channels, length) to (…, channels, length').

    Args:
        kernel_size, stride, padding, dilation, ceil_mode: as in PyTorch.
        return_indices: False, no other.

    Raises:
        InputError, KindError: an argument is out of its range, or not offered.

    >>> import torch
    >>> MaxPool1d(2)(torch.ones(5, 3, 14)).shape
    torch.Size([5, 3, 7])
    """

    factory = staticmethod(max_pool1d)

    def __init__(
        self,
        kernel_size: int | tuple[int],
        stride: int | tuple[int] | None = None,
        padding: int | tuple[int] = 0,
        dilation: int | tuple[int] = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        name, given = "MaxPool1d", locals()
        refuse(name, "return_indices", return_indices, False, INDICES)
        layer = max_pool1d(
            one(name, "kernel_size", kernel_size, 1),
            stride=None if stride is None else one(name, "stride", stride, 1),
            padding=one(name, "padding", padding, 0),
            dilation=one(name, "dilation", dilation, 1),
            ceil_mode=ceil_mode,
        )
        super().__init__(given, channels_first(name, layer, 1))


class MaxPool2d(Named):
    """PyTorch's `MaxPool2d`: from (…, channels, h, w) to (…, channels, h', w').

    Args:
        kernel_size, stride, padding, dilation, ceil_mode: as in PyTorch.
        return_indices: False, no other.

    Raises:
        InputError, KindError: an argument is out of its range, or not offered.

    >>> import torch
    >>> MaxPool2d(2)(torch.ones(5, 3, 14, 14)).shape
    torch.Size([5, 3, 7, 7])
    """

    factory = staticmethod(max_pool2d)

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        name, given = "MaxPool2d", locals()
        refuse(name, "return_indices", return_indices, False, INDICES)
        layer = max_pool2d(
            pair(name, "kernel_size", kernel_size, 1),
            stride=stride,
            padding=pair(name, "padding", padding, 0),
            dilation=dilation,
            ceil_mode=ceil_mode,
        )
        super().__init__(given, channels_first(name, layer, 2))


class AvgPool1d(Named):
    """PyTorch's `AvgPool1d`: from (…, channels, length) to (…, channels, length').

    Args:
        kernel_size, stride, padding, ceil_mode, count_include_pad: as in PyTorch.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> import torch
    >>> AvgPool1d(2)(torch.ones(5, 3, 14)).shape
    torch.Size([5, 3, 7])
    """

    factory = staticmethod(avg_pool1d)

    def __init__(
        self,
        kernel_size: int | tuple[int],
        stride: int | tuple[int] | None = None,
        padding: int | tuple[int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        name, given = "AvgPool1d", locals()
        layer = avg_pool1d(
            one(name, "kernel_size", kernel_size, 1),
            stride=None if stride is None else one(name, "stride", stride, 1),
            padding=one(name, "padding", padding, 0),
            ceil_mode=ceil_mode,
            count_include_pad=count_include_pad,
        )
        super().__init__(given, channels_first(name, layer, 1))


class AvgPool2d(Named):
    """PyTorch's `AvgPool2d`: from (…, channels, h, w) to (…, channels, h', w').

    Args:
        kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override: as in PyTorch.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> import torch
    >>> AvgPool2d(2)(torch.ones(5, 3, 14, 14)).shape
    torch.Size([5, 3, 7, 7])
    """

    factory = staticmethod(avg_pool2d)

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        name, given = "AvgPool2d", locals()
        divisor = divisor_override
        if divisor is not None:
            integer(name, "divisor_override", divisor, 1)
        layer = avg_pool2d(
            pair(name, "kernel_size", kernel_size, 1),
            stride=stride,
            padding=pair(name, "padding", padding, 0),
            ceil_mode=ceil_mode,
            count_include_pad=count_include_pad,
            divisor=divisor,
        )
        super().__init__(given, channels_first(name, layer, 2))


class GlobalAvgPool1d(Named):
    """`global_avg_pool1d` as a module: from (…, channels, length) to (…, channels).

    >>> import torch
    >>> GlobalAvgPool1d()(torch.ones(5, 3, 14)).shape
    torch.Size([5, 3])
    """

    factory = global_avg_pool1d

    def __init__(self) -> None:
        super().__init__(locals(), global_first("GlobalAvgPool1d", global_avg_pool1d, 1))


class GlobalAvgPool2d(Named):
    """`global_avg_pool2d` as a module: from (…, channels, h, w) to (…, channels).

    >>> import torch
    >>> GlobalAvgPool2d()(torch.ones(5, 3, 14, 14)).shape
    torch.Size([5, 3])
    """

    factory = global_avg_pool2d

    def __init__(self) -> None:
        super().__init__(locals(), global_first("GlobalAvgPool2d", global_avg_pool2d, 2))


class GlobalMaxPool1d(Named):
    """`global_max_pool1d` as a module: from (…, channels, length) to (…, channels).

    >>> import torch
    >>> GlobalMaxPool1d()(torch.ones(5, 3, 14)).shape
    torch.Size([5, 3])
    """

    factory = global_max_pool1d

    def __init__(self) -> None:
        super().__init__(locals(), global_first("GlobalMaxPool1d", global_max_pool1d, 1))


class GlobalMaxPool2d(Named):
    """`global_max_pool2d` as a module: from (…, channels, h, w) to (…, channels).

    >>> import torch
    >>> GlobalMaxPool2d()(torch.ones(5, 3, 14, 14)).shape
    torch.Size([5, 3])
    """

    factory = global_max_pool2d

    def __init__(self) -> None:
        super().__init__(locals(), global_first("GlobalMaxPool2d", global_max_pool2d, 2))
