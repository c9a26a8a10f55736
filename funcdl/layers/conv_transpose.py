"""The adjoint of convolution, as a layer of its own."""

from __future__ import annotations

from typing import Any

from funcdl.arguments import image_shape, pair, show, whole
from funcdl.contract import Layer, Shape, Vjp
from funcdl.errors import InputError, KindError, ShapeError
from funcdl.initialisers import Initialiser, fan_in_uniform, zeros
from funcdl.layers.affine import Affine, bias_of
from funcdl.ops.affine import affine
from funcdl.ops.leading import align, total
from funcdl.ops.window import Windows, pad, patches, unpad, unpatches
from funcdl.tensor import Generator, Tensor

__all__ = ["conv_transpose2d"]

Size = int | tuple[int, int]


def conv_transpose2d(
    out: int,
    kernel: Size,
    *,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    w_init: Initialiser = fan_in_uniform,
    b_init: Initialiser | None = zeros,
) -> Layer:
    """Spread every pixel over a window: what `conv2d` does to cotangents, done to values.

        y = Pᵀ(x wᵀ) + b      dw = P(dy)ᵀ x      db = Σ dy      dx = P(dy) w

    P copies the windows into rows and Pᵀ adds rows up where they overlap; see `conv2d`.

    Args:
        out: the number of output channels, at least 1.
        kernel: the window's height and width; one number for both, as with the other pairs.
        stride: the steps between the windows, in the output.
        padding: the width of the border that is cut off the output.
        output_padding: rows and columns added below and to the right, less than `stride`.
        w_init: draws `w` of shape (kernel height, kernel width, out, in): that of the `conv2d`
            from `out` channels to `in` whose adjoint this is.
        b_init: draws `b` of shape (out,); None for no bias.

    Returns:
        A layer from (…, h, w, in) to (…, h', w', out),
        h' = (h − 1) stride − 2 padding + kernel + output_padding, with parameters `Affine(w, b)`.

    Raises:
        InputError, KindError: a hyperparameter is not a whole number in its range.
        ShapeError: nothing is left of the output, or the channels do not fit `w`.

    Zeiler, Krishnan, Taylor and Fergus, "Deconvolutional networks" (2010); Dumoulin and Visin, "A
    guide to convolution arithmetic for deep learning" (2016).

    >>> import torch
    >>> layer = conv_transpose2d(3, 2, stride=2)
    >>> params, shape = layer.init(torch.Generator().manual_seed(0), (7, 7, 8))
    >>> params.w.shape, shape
    (torch.Size([2, 2, 3, 8]), (14, 14, 3))
    """
    name = "conv_transpose2d"
    whole(name, "out", out, 1)
    windows = Windows(
        pair(name, "kernel", kernel, 1),
        pair(name, "stride", stride, 1),
        pair(name, "padding", padding, 0),
    )
    extra = pair(name, "output_padding", output_padding, 0)
    if extra[0] >= windows.stride[0] or extra[1] >= windows.stride[1]:
        raise InputError(f"{name}: expected output_padding below stride, got {output_padding}")

    def padded_size(height: int, width: int) -> tuple[int, int]:
        (kh, kw), (sh, sw) = windows.size, windows.stride
        return (height - 1) * sh + kh + extra[0], (width - 1) * sw + kw + extra[1]

    def check(shape: Any) -> tuple[int, int]:
        """Return the size of the output with its border."""
        height, width, _ = image_shape(name, shape)
        high, broad = padded_size(height, width)
        if min(high - 2 * windows.padding[0], broad - 2 * windows.padding[1]) < 1:
            raise ShapeError(f"{name}: expected images that padding leaves, got {show(shape)}")
        return high, broad

    def init(rng: Generator, in_shape: Shape) -> tuple[Affine, Shape]:
        high, broad = check(in_shape)
        w = w_init(rng, (*windows.size, out, in_shape[-1]))
        size = high - 2 * windows.padding[0], broad - 2 * windows.padding[1]
        b = () if b_init is None else b_init(rng, (out,))
        return Affine(w, b), (*in_shape[:-3], *size, out)

    def apply(params: Affine, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        try:
            w, b = params
            cols, pull = affine(x, w.flatten(-4, -2).mT, None)
            shape = (*x.shape[:-3], *check(x.shape), w.shape[-2])
        except (RuntimeError, TypeError, ValueError, AttributeError, IndexError) as error:
            if not isinstance(x, Tensor):
                raise KindError(f"{name}: expected a tensor, got {type(x).__name__}") from None
            if not isinstance(params, tuple) or len(params) != 2:
                kind = type(params).__name__
                raise KindError(f"{name}: expected params (w, b), got {kind}") from None
            if x.dtype != params[0].dtype:
                raise KindError(
                    f"{name}: expected x to be {params[0].dtype} as w is, got {x.dtype}"
                ) from None
            check(x.shape)
            wanted = f"(…, height, width, {params[0].shape[-1]})"
            raise ShapeError(f"{name}: expected {wanted}, got {show(x.shape)}") from error
        y = unpad(unpatches(cols, windows, shape), windows.padding)
        bias = bias_of(b)
        if bias is not None:
            y.add_(align(bias, y))

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Affine, Tensor | None]:
            dcols = patches(pad(dy, windows.padding), windows)
            dcols = dcols.narrow(-3, 0, x.shape[-3]).narrow(-2, 0, x.shape[-2])
            dw, _, dx = pull(dcols, need_dx)
            return Affine(dw.mT.reshape(w.shape), () if bias is None else total(dy, bias)), dx

        return y, vjp

    given = [f"{out}, {kernel}"]
    given += [f"{what}={value}" for what, value, default in (
        ("stride", stride, 1),
        ("padding", padding, 0),
        ("output_padding", output_padding, 0),
    ) if value != default]  # fmt: skip
    return Layer(name, init, apply, ", ".join(given))
