"""Pooling of channels-last images."""

from __future__ import annotations

from funcdl.arguments import image_shape, pair, show, tensor, whole
from funcdl.contract import Layer, Params, Shape, Vjp
from funcdl.errors import ShapeError
from funcdl.ops.window import out_length, slot
from funcdl.tensor import Generator, Tensor

__all__ = ["max_pool2d"]


def max_pool2d(kernel: int | tuple[int, int], *, stride: int | None = None) -> Layer:
    """Keep the largest value of each window.

        y = max over the window of x        dx = dy where x was the largest, 0 elsewhere

    Of equal values the first in reading order gets the cotangent, as in PyTorch.

    Args:
        kernel: the window's height and width; one number for both.
        stride: the step from one window to the next in both directions; the window's height
            without it.

    Returns:
        A layer without parameters from (…, h, w, c) to (…, h', w', c),
        h' = ⌊(h − kernel)/stride⌋ + 1.

    Raises:
        InputError, KindError: a hyperparameter is not a whole number of at least 1.
        ShapeError: the window is larger than the image.

    >>> import torch
    >>> x = torch.tensor([[1.0, 5.0], [7.0, 3.0]]).reshape(2, 2, 1)
    >>> y, vjp = max_pool2d(2)((), x)
    >>> y.flatten(), vjp(torch.ones(1, 1, 1))[1].flatten()
    (tensor([7.]), tensor([0., 0., 1., 0.]))
    """
    size = pair("max_pool2d", "kernel", kernel, 1)
    step = size[0] if stride is None else whole("max_pool2d", "stride", stride, 1)
    cells = [(i, j) for i in range(size[0]) for j in range(size[1])]

    def outer(shape: Shape) -> tuple[int, int]:
        height, width, _ = image_shape("max_pool2d", shape)
        oh, ow = out_length(height, size[0], step, 0), out_length(width, size[1], step, 0)
        if oh < 1 or ow < 1:
            raise ShapeError(
                f"max_pool2d: expected images of at least {size[0]} × {size[1]}, got {show(shape)}"
            )
        return oh, ow

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        return (), (*in_shape[:-3], *outer(in_shape), in_shape[-1])

    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        out = outer(tensor("max_pool2d", x).shape)
        views = [slot(x, i, j, out, step) for i, j in cells]
        y = views[0].clone() if len(views) == 1 else views[0].maximum(views[1])
        for view in views[2:]:
            y = y.maximum(view)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
            if not need_dx:
                return params, None
            tiled = step == size[0] == size[1] and x.shape[-3:-1] == (out[0] * step, out[1] * step)
            dx = x.clone() if tiled else x.new_zeros(x.shape)
            rest = dy
            for i, j in cells:
                target = slot(dx, i, j, out, step)
                share = target if tiled else slot(x, i, j, out, step).clone()
                if (i, j) == cells[-1]:
                    share.copy_(rest)
                else:
                    # eq in place on floats: a Boolean tensor times floats is far slower.
                    share.eq_(y).mul_(rest)
                    rest = rest.sub(share)
                if not tiled:
                    target.add_(share)
            return params, dx

        return y, vjp

    given = "" if stride is None else f", stride={stride}"
    return Layer("max_pool2d", init, apply, f"{kernel}{given}")
