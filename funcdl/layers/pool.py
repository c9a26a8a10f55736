"""Pooling of channels-last images."""

from __future__ import annotations

import math

from funcdl.arguments import Size, pair, show
from funcdl.contract import Apply, Layer, Params, Vjp, declared
from funcdl.errors import InputError
from funcdl.layers.half import in_float32
from funcdl.layers.windows import Along, images, written
from funcdl.ops.choose import BITS
from funcdl.ops.order import alike
from funcdl.ops.window import Windows, pad, slot, unpad
from funcdl.signature import Signature
from funcdl.tensor import Generator, Tensor

# Each is a call of its own.
MOST_CELLS = 2**20

__all__ = ["avg_pool2d", "global_avg_pool2d", "global_max_pool2d", "max_pool2d"]


def max_pool2d(kernel: Size, *, stride: Size | None = None, padding: Size = 0) -> Layer:
    """Keep the largest value of each window.

        y = max over the window of x        dx = dy where x was the largest, 0 elsewhere

    Of equal values the first in reading order gets the cotangent, as in PyTorch. NaN is the
    largest value. What is not chosen gets 0, also where dy is infinite.

    Args:
        kernel: the window's height and width; one number for both, as with the other pairs.
        stride: the steps from one window to the next; the window's own size without it.
        padding: the width of a border of −∞ around the image, at most half of the window.

    Returns:
        A layer without parameters from (…, h, w, c) to (…, h', w', c),
        h' = ⌊(h + 2 padding − kernel) / stride⌋ + 1.

    Raises:
        InputError, KindError: a hyperparameter is not an integer in its range.
        ShapeError: the window is larger than the image.

    Weng, Ahuja and Huang, "Cresceptron: a self-organizing neural network which grows adaptively"
    (1992).

    >>> import torch
    >>> x = torch.tensor([[1.0, 5.0], [7.0, 3.0]]).reshape(2, 2, 1)
    >>> y, vjp = max_pool2d(2)((), x)
    >>> y.flatten(), vjp(torch.ones(1, 1, 1))[1].flatten()
    (tensor([7.]), tensor([0., 0., 1., 0.]))
    """
    windows = _windows("max_pool2d", kernel, stride, padding)
    cells, step = windows.cells(), windows.stride

    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        out = windows.grid(x)
        padded = pad(x, windows.padding, -math.inf)
        views = [slot(padded, cell, out, step) for cell in cells]
        y = views[0].clone() if len(views) == 1 else views[0].maximum(views[1])
        for view in views[2:]:
            y.clamp_min_(view)
        tiled = windows.tile(padded)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
            if not need_dx:
                return params, None
            # By bits: the largest is one of them, NaN too; and 0 times an infinite dy is not 0.
            bits = BITS[x.element_size()]
            seen, largest = pad(x.view(bits), windows.padding, -1), y.view(bits)
            dx, rest = alike(padded, padded.shape), alike(y, dy.shape).copy_(dy)
            room, left = alike(y, dy.shape).view(bits), rest.view(bits)
            if not tiled:
                dx.zero_()
            for cell in cells[:-1]:
                target = slot(dx, cell, out, step)
                share = target.view(bits) if tiled else room
                share.copy_(slot(seen, cell, out, step)).eq_(largest).mul_(left)
                left.bitwise_xor_(share)
                if not tiled:
                    target.add_(share.view(x.dtype))
            last = slot(dx, cells[-1], out, step)
            if tiled:
                last.copy_(rest)
            else:
                last.add_(rest)
            return params, unpad(dx, windows.padding)

        return y, vjp

    return _pool(
        "max_pool2d", windows, apply, written(kernel, stride=(stride, None), padding=(padding, 0))
    )


def avg_pool2d(kernel: Size, *, stride: Size | None = None, padding: Size = 0) -> Layer:
    """Keep the mean of each window.

        y = (1/n) Σ x over the window of n cells        dx = (1/n) Σ dy over the windows of x

    Args:
        kernel: the window's height and width; one number for both, as with the other pairs.
        stride: the steps from one window to the next; the window's own size without it.
        padding: the width of a border of zeros, which count in the mean; at most half of the
            window.

    Returns:
        A layer without parameters from (…, h, w, c) to (…, h', w', c),
        h' = ⌊(h + 2 padding − kernel) / stride⌋ + 1.

    Raises:
        InputError, KindError: a hyperparameter is not an integer in its range.
        ShapeError: the window is larger than the image.

    LeCun et al., "Handwritten digit recognition with a back-propagation network" (1990).

    >>> import torch
    >>> x = torch.tensor([[1.0, 5.0], [7.0, 3.0]]).reshape(2, 2, 1)
    >>> y, vjp = avg_pool2d(2)((), x)
    >>> y.flatten(), vjp(torch.ones(1, 1, 1))[1].flatten()
    (tensor([4.]), tensor([0.2500, 0.2500, 0.2500, 0.2500]))
    """
    windows = _windows("avg_pool2d", kernel, stride, padding)
    cells, step = windows.cells(), windows.stride

    @in_float32
    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        out = windows.grid(x)
        x = pad(x, windows.padding)
        # Down first: that goes by whole rows, and leaves less to be done across.
        tall, wide = (windows.size[0], 1), (1, windows.size[1])
        y = _total(_total(x, Windows(tall, (step[0], 1))), Windows(wide, (1, step[1])))
        y.mul_(1 / len(cells))
        tiled = windows.tile(x)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
            if not need_dx:
                return params, None
            dx = alike(x, x.shape) if tiled else alike(x, x.shape).zero_()
            share = dy.mul(1 / len(cells))
            for cell in cells:
                target = slot(dx, cell, out, step)
                if tiled:
                    target.copy_(share)
                else:
                    target.add_(share)
            return params, unpad(dx, windows.padding)

        return y, vjp

    return _pool(
        "avg_pool2d", windows, apply, written(kernel, stride=(stride, None), padding=(padding, 0))
    )


def _total(x: Tensor, windows: Windows) -> Tensor:
    out = windows.inside(x)
    views = [slot(x, cell, out, windows.stride) for cell in windows.cells()]
    y = views[0].add(views[1]) if len(views) > 1 else views[0].clone()
    for view in views[2:]:
        y.add_(view)
    return y


def _windows(name: str, kernel: Size, stride: Size | None, padding: Size) -> Windows:
    size = pair(name, "kernel", kernel, 1)
    step = size if stride is None else pair(name, "stride", stride, 1)
    border = pair(name, "padding", padding, 0)
    if size[0] * size[1] > MOST_CELLS:
        raise InputError(
            f"{name}: expected a kernel of at most {MOST_CELLS:,} cells, got {show(size)}"
        )
    if 2 * border[0] > size[0] or 2 * border[1] > size[1]:
        raise InputError(f"{name}: expected padding of at most half the kernel, got {padding}")
    return Windows(size, step, border)


def _pool(name: str, windows: Windows, apply: Apply, args: str) -> Layer:
    sides = [(each, each) for each in windows.padding]
    down, across = map(Along, windows.size, windows.stride, sides)
    size, grid = images((down, across))
    takes = Signature((), f"… {size} channels>=0", "… rows columns channels", **grid)
    return declared(name, takes, apply, args=args)


def _global_avg(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
    height, width = x.shape[-3:-1]
    y = x.mean((-3, -2))

    def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
        if not need_dx:
            return params, None
        share = dy.mul(1 / (height * width))
        return params, share.unsqueeze(-2).unsqueeze(-2).expand(x.shape)

    return y, vjp


def _global_max(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
    flat = x.flatten(-3, -2)
    y, index = flat.max(-2, keepdim=True)

    def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
        if not need_dx:
            return params, None
        dx = dy.new_zeros(flat.shape).scatter_(-2, index, dy.unsqueeze(-2))
        return params, dx.reshape(x.shape)

    return y.squeeze(-2), vjp


def _global(name: str, apply: Apply) -> Layer:
    takes = Signature((), "… height width channels>=0", "… channels")
    return declared(name, takes, apply)


global_avg_pool2d = _global("global_avg_pool2d", _global_avg)
"""y = the mean over height and width, from (…, h, w, c) to (…, c); dx = dy / (h w).

Lin, Chen and Yan, "Network in network" (2014).
"""

global_max_pool2d = _global("global_max_pool2d", _global_max)
"""y = the largest over height and width, from (…, h, w, c) to (…, c); dx = dy there, 0 elsewhere.

Oquab, Bottou, Laptev and Sivic, "Is object localization for free?" (2015).
"""
