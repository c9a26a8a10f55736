"""Convolution of channels-last images."""

from __future__ import annotations

from funcdl.arguments import image_shape, pair, show, whole
from funcdl.contract import Layer, Shape, Vjp
from funcdl.errors import ShapeError
from funcdl.initialisers import Initialiser, fan_in_uniform, zeros
from funcdl.layers.affine import Affine, bias_of, draw, misfit
from funcdl.ops.affine import affine
from funcdl.ops.window import out_length, pad, patches, unpad, unpatches
from funcdl.tensor import Generator, Tensor

__all__ = ["conv2d"]


def conv2d(
    out: int,
    kernel: int | tuple[int, int],
    *,
    stride: int = 1,
    padding: int = 0,
    w_init: Initialiser = fan_in_uniform,
    b_init: Initialiser | None = zeros,
) -> Layer:
    """Convolve channels-last images: every window as a row of patches, times one matrix.

        y = P(x) w + b      dw = P(x)ᵀ dy      db = Σ dy      dx = Pᵀ(dy wᵀ)

    P copies the windows into rows and Pᵀ adds the rows back where they were read. As everywhere
    in the field, the kernel is not flipped (cross-correlation).

    Args:
        out: the number of output channels, at least 1.
        kernel: the window's height and width; one number for both.
        stride: the step from one window to the next, in both directions.
        padding: the width of the border of zeros around the image.
        w_init: draws `w` of shape (kernel height, kernel width, in, out).
        b_init: draws `b` of shape (out,); None for no bias.

    Returns:
        A layer from (…, h, w, in) to (…, h', w', out), h' = ⌊(h + 2 padding − kernel)/stride⌋ + 1,
        with parameters `Affine(w, b)`.

    Raises:
        InputError, KindError: a hyperparameter is not a whole number in its range.
        ShapeError: the window is larger than the image, or the channels do not fit `w`.

    LeCun et al., "Gradient-based learning applied to document recognition" (1998); as a product
    of matrices: Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks for
    Document Processing" (2006).

    >>> import torch
    >>> layer = conv2d(8, 3)
    >>> params, shape = layer.init(torch.Generator().manual_seed(0), (14, 14, 2))
    >>> params.w.shape, shape
    (torch.Size([3, 3, 2, 8]), (12, 12, 8))
    >>> y, vjp = layer(params, torch.ones(5, 14, 14, 2))
    >>> y.shape, vjp(y)[1].shape
    (torch.Size([5, 12, 12, 8]), torch.Size([5, 14, 14, 2]))
    """
    whole("conv2d", "out", out, 1)
    size = pair("conv2d", "kernel", kernel, 1)
    whole("conv2d", "stride", stride, 1)
    whole("conv2d", "padding", padding, 0)

    def init(rng: Generator, in_shape: Shape) -> tuple[Affine, Shape]:
        height, width, channels = image_shape("conv2d", in_shape)
        oh = out_length(height, size[0], stride, padding)
        ow = out_length(width, size[1], stride, padding)
        if oh < 1 or ow < 1:
            raise ShapeError(
                f"conv2d: expected images of at least {size[0] - 2 * padding} × "
                f"{size[1] - 2 * padding} for a kernel of {size[0]} × {size[1]} and padding "
                f"{padding}, got {show(in_shape)}"
            )
        params = draw("conv2d", rng, (*size, channels, out), w_init, b_init)
        return params, (*in_shape[:-3], oh, ow, out)

    def apply(params: Affine, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        try:
            w, b = params
            padded = pad(x, padding)
            y, pull = affine(patches(padded, size, stride), w.flatten(-4, -2), bias_of(b))
        except (RuntimeError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise misfit("conv2d", 3, params, x, error) from None
        padded_shape = padded.shape

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Affine, Tensor | None]:
            dw, db, dcols = pull(dy, need_dx)
            dparams = Affine(dw.reshape(w.shape), () if db is None else db)
            if dcols is None:
                return dparams, None
            return dparams, unpad(unpatches(dcols, size, stride, padded_shape), padding)

        return y, vjp

    settings = [f"stride={stride}"] * (stride != 1) + [f"padding={padding}"] * (padding != 0)
    return Layer("conv2d", init, apply, ", ".join([f"{out}, {kernel}", *settings]))
