"""The adjoint of convolution, as a layer of its own."""

from __future__ import annotations

from funcdl.arguments import Size, integer, pair
from funcdl.contract import Layer, Vjp, declared
from funcdl.errors import InputError
from funcdl.initialisers import Initialiser, fan_in_uniform, zeros
from funcdl.layers.affine import Affine
from funcdl.layers.half import in_float32
from funcdl.layers.windows import written
from funcdl.ops.convolve import Seen, spread
from funcdl.ops.leading import align, total
from funcdl.ops.window import Windows, pad, unpad
from funcdl.signature import Signature, of
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
    integer(name, "out", out, 1)
    windows = Windows(
        pair(name, "kernel", kernel, 1),
        pair(name, "stride", stride, 1),
        pair(name, "padding", padding, 0),
    )
    extra = pair(name, "output_padding", output_padding, 0)
    if extra[0] >= windows.stride[0] or extra[1] >= windows.stride[1]:
        raise InputError(f"{name}: expected output_padding below stride, got {output_padding}")

    (kh, kw), (sh, sw), (ph, pw) = windows.size, windows.stride, windows.padding

    def rows(height: int) -> int:
        return (height - 1) * sh + kh + extra[0] - 2 * ph

    def columns(width: int) -> int:
        return (width - 1) * sw + kw + extra[1] - 2 * pw

    def spread_out(
        params: Affine, x: Tensor, rng: Generator | None = None, exact: bool = False
    ) -> tuple[Tensor, Vjp]:
        w, b = params
        models, (height, width) = w.ndim - 4, x.shape[-3:-1]
        bordered = (rows(height) + 2 * ph, columns(width) + 2 * pw, out)
        matrix = w.flatten(-4, -2)
        padded = spread(x, matrix, windows, (*x.shape[:-3], *bordered), exact)
        y = unpad(padded, windows.padding)
        if not isinstance(b, tuple):
            y.add_(align(b, y))

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Affine, Tensor | None]:
            rows = Seen(pad(dy, windows.padding), windows, models, x.shape[-1], exact)
            dx, dw = rows.both(matrix, x) if need_dx else (None, rows.against(x))
            db = b if isinstance(b, tuple) else total(dy, b)
            return Affine(dw.reshape(w.shape), db), dx

        return y, vjp

    args = written(
        out,
        kernel,
        stride=(stride, 1),
        padding=(padding, 0),
        output_padding=(output_padding, 0),
    )
    # Where one pixel leaves nothing of the output, so many more do, each of which adds a stride.
    high, wide = 1 + max(-rows(1) // sh + 1, 0), 1 + max(-columns(1) // sw + 1, 0)
    takes = Signature(
        of(Affine, f"*models {kh} {kw} out in", "*models out | ()"),
        f"*models … height>={high} width>={wide} in",
        "*models … rows columns out",
        out=out,
        rows=("height", rows),
        columns=("width", columns),
    )
    apply = in_float32(spread_out, exact=True)
    return declared(name, takes, apply, of(Affine, w_init, b_init), args)
