"""Modules of pools, with the channels where PyTorch has them."""

from __future__ import annotations

from funcdl.arguments import Size, integer, pair
from funcdl.contract import Layer, Params, Vjp
from funcdl.layers.pool import avg_pool2d, global_avg_pool2d, global_max_pool2d, max_pool2d
from funcdl.module.doors import around, channels_first, global_first
from funcdl.module.named import Named, refuse
from funcdl.tensor import Generator, Tensor

__all__ = ["AvgPool2d", "GlobalAvgPool2d", "GlobalMaxPool2d", "MaxPool2d"]

CEIL = "pad the images, so that the last windows fit"


class MaxPool2d(Named):
    """PyTorch's `MaxPool2d`: from (…, channels, h, w) to (…, channels, h', w').

    Args:
        kernel_size, stride, padding: as in PyTorch.
        dilation, return_indices, ceil_mode: 1, False and False, no others.

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
        name = "MaxPool2d"
        if pair(name, "dilation", dilation, 1) != (1, 1):
            refuse(name, "dilation", dilation, 1, "pool windows of neighbours")
        refuse(name, "return_indices", return_indices, False, "the layer keeps them to itself")
        refuse(name, "ceil_mode", ceil_mode, False, CEIL)
        pair(name, "kernel_size", kernel_size, 1)
        layer = max_pool2d(kernel_size, stride=stride, padding=padding)
        super().__init__(locals(), channels_first(name, layer, 2))


class AvgPool2d(Named):
    """PyTorch's `AvgPool2d`: from (…, channels, h, w) to (…, channels, h', w').

    Args:
        kernel_size, stride, padding, divisor_override: as in PyTorch.
        ceil_mode, count_include_pad: False and True, no others.

    Raises:
        InputError, KindError: an argument is out of its range, or not offered.

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
        name = "AvgPool2d"
        refuse(name, "ceil_mode", ceil_mode, False, CEIL)
        instead = "without padding there is none to count"
        if pair(name, "padding", padding, 0) != (0, 0):
            refuse(name, "count_include_pad", count_include_pad, True, instead)
        height, width = pair(name, "kernel_size", kernel_size, 1)
        layer = avg_pool2d(kernel_size, stride=stride, padding=padding)
        layer = channels_first(name, layer, 2)
        if divisor_override is not None:
            divisor = integer(name, "divisor_override", divisor_override, 1)
            layer = _times(name, layer, height * width / divisor)
        super().__init__(locals(), layer)


class GlobalAvgPool2d(Named):
    """`global_avg_pool2d` as a module: from (…, channels, h, w) to (…, channels).

    >>> import torch
    >>> GlobalAvgPool2d()(torch.ones(5, 3, 14, 14)).shape
    torch.Size([5, 3])
    """

    factory = global_avg_pool2d

    def __init__(self) -> None:
        super().__init__(locals(), global_first("GlobalAvgPool2d", global_avg_pool2d))


class GlobalMaxPool2d(Named):
    """`global_max_pool2d` as a module: from (…, channels, h, w) to (…, channels).

    >>> import torch
    >>> GlobalMaxPool2d()(torch.ones(5, 3, 14, 14)).shape
    torch.Size([5, 3])
    """

    factory = global_max_pool2d

    def __init__(self) -> None:
        super().__init__(locals(), global_first("GlobalMaxPool2d", global_max_pool2d))


def _times(name: str, layer: Layer, factor: float) -> Layer:
    """Multiply what a layer without parameters gives by a number."""

    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        y, pull = layer.apply(params, x, rng)
        return y.mul(factor), lambda dy, need_dx=True: pull(dy.mul(factor), need_dx)

    return around(name, layer, layer.signature, apply)
