"""Convolution of channels-last images and sequences."""

from __future__ import annotations

from functools import partial

from funcdl.arguments import LONGEST, Size, integer, pair
from funcdl.contract import Layer, Vjp, declared
from funcdl.errors import InputError
from funcdl.initialisers import Initialiser, fan_in_uniform, zeros
from funcdl.layers.affine import Affine
from funcdl.layers.half import in_float32
from funcdl.layers.windows import (
    CAUSAL,
    SAME,
    Along,
    images,
    mode_of,
    paddings,
    windows_of,
    written,
)
from funcdl.ops.border import CONSTANT, bordered, unbordered
from funcdl.ops.convolve import convolve
from funcdl.ops.depthwise import depthwise
from funcdl.ops.groups import apart, together
from funcdl.shown import named_defaults
from funcdl.signature import Signature, of
from funcdl.tensor import Generator, Tensor

__all__ = ["conv1d", "conv2d"]


@named_defaults
def conv2d(
    out: int,
    kernel: Size,
    *,
    stride: Size = 1,
    padding: str | Size | tuple[tuple[int, int], tuple[int, int]] = 0,
    padding_mode: str = CONSTANT,
    dilation: Size = 1,
    groups: int = 1,
    w_init: Initialiser = fan_in_uniform,
    b_init: Initialiser | None = zeros,
) -> Layer[Affine, Tensor, Tensor]:
    """Convolve channels-last images: every window as a row of patches, times one matrix.

        y = P(x) w + b      dw = P(x)ᵀ dy      db = Σ dy      dx = Pᵀ(dy wᵀ)

    P copies the windows into rows and Pᵀ adds the rows back where they were read. As everywhere
    in the field, the kernel is not flipped (cross-correlation).

    Args:
        out: the number of output channels, at least 1.
        kernel: the window's height and width; one number for both, as with the other pairs.
        stride: the steps from one window to the next.
        padding: the width of the border around the image; or of rows and columns each what
            is before and what is after, ((above, below), (left, right)); or "same", for
            h' = ⌈h / stride⌉, with the odd row below and the odd column to the right.
        padding_mode: of what the border is, "constant" for zeros; see `pad2d`.
        dilation: the steps from one cell of a window to the next.
        groups: neighbouring channels are cut into so many groups, each convolved by itself; it
            divides the input's channels and `out`. As many as channels in and out: depthwise.
        w_init: draws `w` of shape (kernel height, kernel width, in / groups, out); PyTorch's weight
            is `w.permute(3, 2, 0, 1)`.
        b_init: draws `b` of shape (out,); None for no bias.

    Returns:
        A layer from (…, h, w, in) to (…, h', w', out),
        h' = ⌊(h + above + below − dilation (kernel − 1) − 1) / stride⌋ + 1, with parameters
        `Affine(w, b)`.

    Raises:
        InputError, KindError: a hyperparameter is not an integer in its range.
        ShapeError: the window is larger than the image, or the channels do not fit `w` or `groups`.

    LeCun et al., "Gradient-based learning applied to document recognition" (1998); as a product
    of matrices: Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks for
    Document Processing" (2006); groups: Krizhevsky, Sutskever and Hinton (2012); dilation: Yu and
    Koltun (2016).

    >>> import torch
    >>> layer = conv2d(8, 3)
    >>> params, shape = layer.init(torch.Generator().manual_seed(0), (14, 14, 2))
    >>> params.w.shape, shape
    (torch.Size([3, 3, 2, 8]), (12, 12, 8))
    >>> y, vjp = layer(params, torch.ones(5, 14, 14, 2))
    >>> y.shape, vjp(y)[1].shape
    (torch.Size([5, 12, 12, 8]), torch.Size([5, 14, 14, 2]))
    """
    size, step, spread = (
        pair("conv2d", what, given, 1)
        for what, given in (("kernel", kernel), ("stride", stride), ("dilation", dilation))
    )
    down, across = map(Along, size, step, paddings("conv2d", padding, 2, (SAME,)), spread)
    args = written(
        out,
        kernel,
        stride=(stride, 1),
        padding=(padding, 0),
        padding_mode=(padding_mode, CONSTANT),
        dilation=(dilation, 1),
        groups=(groups, 1),
    )
    return _conv("conv2d", out, (down, across), padding_mode, groups, w_init, b_init, args)


def _conv(
    name: str,
    out: int,
    along: tuple[Along, Along],
    mode: str,
    groups: int,
    w_init: Initialiser,
    b_init: Initialiser | None,
    args: str,
) -> Layer[Affine, Tensor, Tensor]:
    integer(name, "out", out, 1)
    integer(name, "groups", groups, 1)
    if out % groups:
        raise InputError(f"{name}: expected groups to divide out, {out}, got {groups}")
    mode_of(name, "padding_mode", mode)
    windows, (down, across) = windows_of(along), along

    def convolved(
        params: Affine, x: Tensor, rng: Generator | None = None, exact: bool = False
    ) -> tuple[Tensor, Vjp]:
        w, b = params
        models = w.ndim - 4
        # With a group for each channel in and out, nothing is left to multiply as matrices.
        alone = groups == out > 1 and w.shape[-2] == 1
        cut = 1 if alone else groups
        product = depthwise if alone else partial(convolve, exact=exact)
        bias = b if isinstance(b, tuple) else apart(b, cut, models)
        matrix = apart(w.flatten(-4, -2), cut, models)
        sides = down.sides(x.shape[-3]), across.sides(x.shape[-2])
        y, pull = product(bordered(apart(x, cut, models), sides, mode), matrix, bias, windows)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Affine, Tensor | None]:
            dw, db, dx = pull(apart(dy, cut, models), need_dx)
            dw = together(dw, cut, models).reshape(w.shape)
            dparams = Affine(dw, db if isinstance(db, tuple) else together(db, cut, models))
            if dx is None:
                return dparams, None
            return dparams, together(unbordered(dx, sides, mode), cut, models)

        return together(y, cut, models), vjp

    size, grid = images(along, mode)
    kernel, (each, channels) = "{} {}".format(*windows.size), _channels(groups)
    takes = Signature(
        of(Affine, f"*models {kernel} {each} out", "*models out | ()"),
        f"*models … {size} {channels}",
        "*models … rows columns out",
        out=out,
        groups=groups,
        **grid,
    )
    # Numbers of few digits are not put at the risk of a transform's rounding.
    apply = in_float32(convolved, exact=True)
    return declared(name, takes, apply, of(Affine, w_init, b_init), args)


def _channels(groups: int) -> tuple[str, str]:
    """Name the channels of a group, and those of the image."""
    return ("in", "in") if groups == 1 else ("size", "groups*size")


@named_defaults
def conv1d(
    out: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: str | int | tuple[int, int] = 0,
    padding_mode: str = CONSTANT,
    dilation: int = 1,
    groups: int = 1,
    w_init: Initialiser = fan_in_uniform,
    b_init: Initialiser | None = zeros,
) -> Layer[Affine, Tensor, Tensor]:
    """Convolve channels-last sequences: `conv2d` on images of height 1.

    Args:
        out: the number of output channels, at least 1.
        kernel: the window's length.
        stride: the step from one window to the next.
        padding: how many are added on each side, or before and after; or "same", for
            length' = ⌈length / stride⌉, with the odd one after; or "causal", for as many with all
            of the border before, so that no output sees what comes after its place.
        padding_mode: of what the border is, "constant" for zeros; see `pad1d`.
        dilation: the step from one cell of a window to the next.
        groups: it divides the input's channels and `out`; see `conv2d`.
        w_init: draws `w` of shape (kernel, in / groups, out); PyTorch's is `w.permute(2, 1, 0)`.
        b_init: draws `b` of shape (out,); None for no bias.

    Returns:
        A layer from (…, length, in) to (…, length', out), with parameters `Affine(w, b)`.

    Raises:
        InputError, KindError: a hyperparameter is not an integer in its range.
        ShapeError: the window is larger than the sequence, or the channels do not fit.

    Waibel, Hanazawa, Hinton, Shikano and Lang, "Phoneme recognition using time-delay neural
    networks" (1989).

    >>> import torch
    >>> params, shape = conv1d(8, 3).init(torch.Generator().manual_seed(0), (20, 4))
    >>> params.w.shape, shape
    (torch.Size([3, 4, 8]), (18, 8))
    """
    for what, value in (("kernel", kernel), ("stride", stride), ("dilation", dilation)):
        integer("conv1d", what, value, 1, LONGEST)
    (border,) = paddings("conv1d", padding, 1, (SAME, CAUSAL))
    along = Along(kernel, stride, border, dilation)
    args = written(
        out,
        kernel,
        stride=(stride, 1),
        padding=(padding, 0),
        padding_mode=(padding_mode, CONSTANT),
        dilation=(dilation, 1),
        groups=(groups, 1),
    )
    flat = _conv("conv1d", out, (Along(1), along), padding_mode, groups, w_init, b_init, args)

    def apply(params: Affine, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        w, b = params
        y, pull = flat.apply(Affine(w.unsqueeze(-4), b), x.unsqueeze(-3))

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Affine, Tensor | None]:
            (dw, db), dx = pull(dy.unsqueeze(-3), need_dx)
            return Affine(dw.squeeze(-4), db), None if dx is None else dx.squeeze(-3)

        return y.squeeze(-3), vjp

    each, channels = _channels(groups)
    takes = Signature(
        of(Affine, f"*models {kernel} {each} out", "*models out | ()"),
        f"*models … length>={along.least(padding_mode)} {channels}",
        "*models … columns out",
        out=out,
        groups=groups,
        columns=("length", along.count),
    )
    return declared("conv1d", takes, apply, of(Affine, w_init, b_init), flat.args)
