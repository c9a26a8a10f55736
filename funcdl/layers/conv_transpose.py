"""The adjoint of convolution of images and sequences, as a layer of its own."""

from __future__ import annotations

from typing import NamedTuple

from funcdl.arguments import LONGEST, Size, integer, pair
from funcdl.contract import Layer, Vjp, declared
from funcdl.errors import InputError
from funcdl.initialisers import Initialiser, fan_in_uniform, zeros
from funcdl.layers.affine import Affine
from funcdl.layers.half import in_float32
from funcdl.layers.windows import written
from funcdl.ops.border import bordered, unbordered
from funcdl.ops.convolve import Seen, spread
from funcdl.ops.groups import apart, together
from funcdl.ops.leading import align, total
from funcdl.ops.window import Windows
from funcdl.shown import named_defaults
from funcdl.signature import Signature, of
from funcdl.tensor import Generator, Tensor

__all__ = ["conv_transpose1d", "conv_transpose2d"]


@named_defaults
def conv_transpose2d(
    out: int,
    kernel: Size,
    *,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
    w_init: Initialiser = fan_in_uniform,
    b_init: Initialiser | None = zeros,
) -> Layer[Affine, Tensor, Tensor]:
    """Spread every pixel over a window: what `conv2d` does to cotangents, done to values.

        y = Pᵀ(x wᵀ) + b      dw = P(dy)ᵀ x      db = Σ dy      dx = P(dy) w

    P copies the windows into rows and Pᵀ adds rows up where they overlap; see `conv2d`.

    Args:
        out: the number of output channels, at least 1.
        kernel: the window's height and width; one number for both, as with the other pairs.
        stride: the steps between the windows, in the output.
        padding: the width of the border that is cut off the output.
        output_padding: rows and columns added below and to the right, less than `stride` or
            `dilation`.
        dilation: the steps from one cell of a window to the next.
        groups: neighbouring channels are cut into so many groups, each spread by itself; it divides
            the input's channels and `out`.
        w_init: draws `w` of shape (kernel height, kernel width, out / groups, in), that of the
            `conv2d` from `out` channels to `in` whose adjoint this is; PyTorch's weight is
            `w.permute(3, 2, 0, 1)`.
        b_init: draws `b` of shape (out,); None for no bias.

    Returns:
        A layer from (…, h, w, in) to (…, h', w', out),
        h' = (h − 1) stride − 2 padding + dilation (kernel − 1) + 1 + output_padding, with
        parameters `Affine(w, b)`.

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
    size, step, spread = (
        pair(name, what, given, 1)
        for what, given in (("kernel", kernel), ("stride", stride), ("dilation", dilation))
    )
    border = pair(name, "padding", padding, 0)
    extra = pair(name, "output_padding", output_padding, 0)
    _expect_below(name, extra, step, spread, output_padding)
    down, across = map(Spread, size, step, border, spread, extra)
    args = _written(out, kernel, stride, padding, output_padding, dilation, groups)
    return _conv(name, out, (down, across), groups, w_init, b_init, args)


@named_defaults
def conv_transpose1d(
    out: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    w_init: Initialiser = fan_in_uniform,
    b_init: Initialiser | None = zeros,
) -> Layer[Affine, Tensor, Tensor]:
    """Spread every step over a window: `conv_transpose2d` on images of height 1.

    Args:
        out: the number of output channels, at least 1.
        kernel: the window's length.
        stride: the step between the windows, in the output.
        padding: how many are cut off each side of the output.
        output_padding: how many are added after, less than `stride` or `dilation`.
        dilation: the step from one cell of a window to the next.
        groups: it divides the input's channels and `out`; see `conv_transpose2d`.
        w_init: draws `w` of shape (kernel, out / groups, in); PyTorch's is `w.permute(2, 1, 0)`.
        b_init: draws `b` of shape (out,); None for no bias.

    Returns:
        A layer from (…, length, in) to (…, length', out),
        length' = (length − 1) stride − 2 padding + dilation (kernel − 1) + 1 + output_padding, with
        parameters `Affine(w, b)`.

    Raises:
        InputError, KindError: a hyperparameter is not an integer in its range.
        ShapeError: nothing is left of the output, or the channels do not fit `w`.

    Zeiler, Krishnan, Taylor and Fergus, "Deconvolutional networks" (2010).

    >>> import torch
    >>> layer = conv_transpose1d(3, 2, stride=2)
    >>> params, shape = layer.init(torch.Generator().manual_seed(0), (7, 8))
    >>> params.w.shape, shape
    (torch.Size([2, 3, 8]), (14, 3))
    """
    name = "conv_transpose1d"
    for what, value in (("kernel", kernel), ("stride", stride), ("dilation", dilation)):
        integer(name, what, value, 1, LONGEST)
    for what, value in (("padding", padding), ("output_padding", output_padding)):
        integer(name, what, value, 0, LONGEST)
    _expect_below(name, (output_padding,), (stride,), (dilation,), output_padding)
    along = Spread(kernel, stride, padding, dilation, output_padding)
    args = _written(out, kernel, stride, padding, output_padding, dilation, groups)
    flat = _conv(name, out, (Spread(1), along), groups, w_init, b_init, args)

    def apply(params: Affine, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        w, b = params
        y, pull = flat.apply(Affine(w.unsqueeze(-4), b), x.unsqueeze(-3))

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Affine, Tensor | None]:
            (dw, db), dx = pull(dy.unsqueeze(-3), need_dx)
            return Affine(dw.squeeze(-4), db), None if dx is None else dx.squeeze(-3)

        return y.squeeze(-3), vjp

    channels = _channels(groups)
    takes = Signature(
        of(Affine, f"*models {kernel} {out // groups} {channels}", "*models out | ()"),
        f"*models … length>={along.least()} {channels}",
        "*models … columns out",
        out=out,
        groups=groups,
        columns=("length", along.length),
    )
    return declared(name, takes, apply, of(Affine, w_init, b_init), args)


class Spread(NamedTuple):
    """How windows lie along one axis of the output, a step of the input each.

    Attributes:
        size: the cells of a window.
        stride: the steps from one window to the next.
        border: how many are cut off each side.
        dilation: the steps from one cell of a window to the next.
        extra: how many are added after.
    """

    size: int
    stride: int = 1
    border: int = 0
    dilation: int = 1
    extra: int = 0

    def spanned(self, length: int) -> int:
        """Count the steps of the output that the windows of so many cover."""
        return (length - 1) * self.stride + self.dilation * (self.size - 1) + 1

    def sides(self) -> tuple[int, int]:
        """Count what is added to these before and after; below 0 it is cut off."""
        return -self.border, self.extra - self.border

    def length(self, length: int) -> int:
        """Count the steps of the output of so many; 0 or less where nothing is left."""
        return self.spanned(length) + sum(self.sides())

    def least(self) -> int:
        """Return the smallest length of which something is left.

        >>> Spread(1, border=1).least(), Spread(3, 2).least()
        (3, 1)
        """
        # Where one leaves nothing, so many more do, each of which adds a stride.
        return 1 + max(-self.length(1) // self.stride + 1, 0)


def _conv(
    name: str,
    out: int,
    along: tuple[Spread, Spread],
    groups: int,
    w_init: Initialiser,
    b_init: Initialiser | None,
    args: str,
) -> Layer[Affine, Tensor, Tensor]:
    integer(name, "out", out, 1)
    integer(name, "groups", groups, 1)
    if out % groups:
        raise InputError(f"{name}: expected groups to divide out, {out}, got {groups}")
    down, across = along
    windows = Windows(
        (down.size, across.size),
        (down.stride, across.stride),
        dilation=(down.dilation, across.dilation),
    )
    sides = down.sides(), across.sides()
    each = out // groups

    def spread_out(
        params: Affine, x: Tensor, rng: Generator | None = None, exact: bool = False
    ) -> tuple[Tensor, Vjp]:
        w, b = params
        models = w.ndim - 4
        parts, matrix = (apart(t, groups, models) for t in (x, w.flatten(-4, -2)))
        lengths = down.spanned(x.shape[-3]), across.spanned(x.shape[-2])
        shape = (*parts.shape[:-3], *lengths, each)
        spanned = spread(parts, matrix, windows, shape, exact)
        y = together(bordered(spanned, sides), groups, models)
        if not isinstance(b, tuple):
            y.add_(align(b, y))

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Affine, Tensor | None]:
            d = unbordered(apart(dy, groups, models), sides)
            rows = Seen(d, windows, models + (groups > 1), parts.shape[-1], exact)
            dx, dw = rows.both(matrix, parts) if need_dx else (None, rows.against(parts))
            db = b if isinstance(b, tuple) else total(dy, b)
            dparams = Affine(together(dw, groups, models).reshape(w.shape), db)
            return dparams, None if dx is None else together(dx, groups, models)

        return y, vjp

    channels = _channels(groups)
    takes = Signature(
        of(Affine, f"*models {down.size} {across.size} {each} {channels}", "*models out | ()"),
        f"*models … height>={down.least()} width>={across.least()} {channels}",
        "*models … rows columns out",
        out=out,
        groups=groups,
        rows=("height", down.length),
        columns=("width", across.length),
    )
    apply = in_float32(spread_out, exact=True)
    return declared(name, takes, apply, of(Affine, w_init, b_init), args)


def _channels(groups: int) -> str:
    """Name the channels of the image."""
    return "in" if groups == 1 else "groups*size"


def _expect_below(
    name: str,
    extra: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    given: Size,
) -> None:
    """Refuse an output padding that no input of this length needs."""
    for more, step, apart_by in zip(extra, stride, dilation):
        if more >= max(step, apart_by):
            raise InputError(f"{name}: expected output_padding below stride, got {given}")


def _written(
    out: int, kernel: Size, stride: Size, padding: Size, extra: Size, dilation: Size, groups: int
) -> str:
    return written(
        out,
        kernel,
        stride=(stride, 1),
        padding=(padding, 0),
        output_padding=(extra, 0),
        dilation=(dilation, 1),
        groups=(groups, 1),
    )
