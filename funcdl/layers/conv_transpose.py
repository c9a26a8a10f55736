"""The adjoint of convolution, as a layer of its own."""

from __future__ import annotations

from funcdl.arguments import Size, image_shape, pair, show, whole
from funcdl.contract import Layer, Shape, Vjp
from funcdl.errors import InputError, ShapeError
from funcdl.initialisers import Initialiser, fan_in_uniform, zeros
from funcdl.layers.affine import Affine, fitting_bias, misfit
from funcdl.layers.half import in_float32
from funcdl.layers.windows import written
from funcdl.ops.convolve import Patches, spread
from funcdl.ops.leading import align, total
from funcdl.ops.window import Windows, pad, unpad
from funcdl.tensor import Generator, Tensor

__all__ = ["conv_transpose2d"]


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
        w_init: draws `w` of shape (kernel height, kernel width, out, in), that of the `conv2d`
            from `out` channels to `in` whose adjoint this is; PyTorch's weight is
            `w.permute(3, 2, 0, 1)`.
        b_init: draws `b` of shape (out,); None for no bias.

    Returns:
        A layer from (…, h, w, in) to (…, h', w', out),
        h' = (h − 1) stride − 2 padding + kernel + output_padding, with parameters `Affine(w, b)`.

    Raises:
        InputError, KindError: a hyperparameter is not an integer in its range.
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

    def bordered(shape: Shape) -> tuple[int, int]:
        """Return the size of the output with its border."""
        height, width, _ = image_shape(name, shape)
        (kh, kw), (sh, sw), (ph, pw) = windows.size, windows.stride, windows.padding
        high, broad = (height - 1) * sh + kh + extra[0], (width - 1) * sw + kw + extra[1]
        if min(height, width, high - 2 * ph, broad - 2 * pw) < 1:
            raise ShapeError(f"{name}: expected images that padding leaves, got {show(shape)}")
        return high, broad

    def init(rng: Generator, in_shape: Shape) -> tuple[Affine, Shape]:
        high, broad = bordered(in_shape)
        w = w_init(rng, (*windows.size, out, in_shape[-1]))
        size = high - 2 * windows.padding[0], broad - 2 * windows.padding[1]
        b = () if b_init is None else b_init(rng, (out,))
        return Affine(w, b), (*in_shape[:-3], *size, out)

    @in_float32
    def apply(params: Affine, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        try:
            w, b = params
            models = w.ndim - 4
            kinds = x.dtype, x.is_meta, x.shape[-1], x.shape[:models]
            if kinds != (w.dtype, w.is_meta, w.shape[-1], w.shape[:models]):
                raise ValueError("other models")
            if w.shape[models : models + 2] != windows.size:
                raise ValueError(f"expected a kernel of {show(windows.size)}")
            if not w.shape[-1]:
                raise ValueError("w has no features")
            bias = fitting_bias(b, w, w.shape[:models] + w.shape[-2:-1])
            matrix = w.flatten(-4, -2)
            padded = spread(x, matrix, windows, (*x.shape[:-3], *bordered(x.shape), w.shape[-2]))
        except (RuntimeError, TypeError, ValueError, AttributeError, IndexError) as error:
            problem = misfit(name, 3, params, x, error, lambda w: w.shape[-1])
            if isinstance(x, Tensor) and x.ndim > 2:
                bordered(x.shape)
            raise problem from None
        y = unpad(padded, windows.padding)
        if bias is not None:
            y.add_(align(bias, y))

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Affine, Tensor | None]:
            rows = Patches(pad(dy, windows.padding), windows, models)
            dw = rows.against(x.reshape(*w.shape[:models], -1, x.shape[-1])).reshape(w.shape)
            dparams = Affine(dw, () if bias is None else total(dy, bias))
            return dparams, rows.times(matrix) if need_dx else None

        return y, vjp

    args = written(
        out,
        kernel,
        stride=(stride, 1),
        padding=(padding, 0),
        output_padding=(output_padding, 0),
    )
    return Layer(name, init, apply, args, floats=True)
