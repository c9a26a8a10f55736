"""Pooling of channels-last images and sequences, window by window."""

from __future__ import annotations

from typing import Any

from funcdl.arguments import COUNTED, LONGEST, Size, flag, integer, pair, show
from funcdl.contract import Apply, Layer, Params, Vjp, declared
from funcdl.errors import InputError
from funcdl.layers.half import in_float32
from funcdl.layers.windows import CAUSAL, SAME, Along, images, paddings, windows_of, written
from funcdl.ops.pool import largest, means
from funcdl.signature import Signature
from funcdl.tensor import Generator, Tensor

__all__ = ["avg_pool1d", "avg_pool2d", "max_pool1d", "max_pool2d"]

Grid = tuple[Along, Along]


def max_pool2d(
    kernel: Size,
    *,
    stride: Size | None = None,
    padding: str | Size | tuple[tuple[int, int], tuple[int, int]] = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> Layer[tuple[()], Tensor, Tensor]:
    """Keep the largest value of each window.

        y = max over the window of x        dx = dy where x was the largest, 0 elsewhere

    Of equal values the first in reading order gets the cotangent, as in PyTorch. NaN is the
    largest value. What is not chosen gets 0, also where dy is infinite.

    Args:
        kernel: the window's height and width; one number for both, as with the other pairs.
        stride: the steps from one window to the next; the window's own size without it.
        padding: the width of a border of −∞ around the image, at most half of the window; or of
            rows and columns each what is before and what is after; or "same", for
            h' = ⌈h / stride⌉.
        dilation: the steps from one cell of a window to the next.
        ceil_mode: whether a last window that sticks out of the image and its border is kept, if it
            begins inside of the image or before it.

    Returns:
        A layer without parameters from (…, h, w, c) to (…, h', w', c),
        h' = ⌊(h + 2 padding − dilation (kernel − 1) − 1) / stride⌋ + 1.

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
    name = "max_pool2d"
    grid = _grid(name, kernel, stride, padding, dilation, ceil_mode)
    args = _written(kernel, stride, padding, ceil_mode, dilation=(dilation, 1))
    return _pool(name, grid, _largest(grid), args)


def avg_pool2d(
    kernel: Size,
    *,
    stride: Size | None = None,
    padding: str | Size | tuple[tuple[int, int], tuple[int, int]] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor: int | None = None,
) -> Layer[tuple[()], Tensor, Tensor]:
    """Keep the mean of each window.

        y = (1/n) Σ x over the window of n cells        dx = (1/n) Σ dy over the windows of x

    Args:
        kernel: the window's height and width; one number for both, as with the other pairs.
        stride: the steps from one window to the next; the window's own size without it.
        padding: the width of a border of zeros, at most half of the window; or of rows and columns
            each what is before and what is after; or "same", for h' = ⌈h / stride⌉.
        ceil_mode: whether a last window that sticks out of the image and its border is kept, if it
            begins inside of the image or before it. What sticks out does not count.
        count_include_pad: whether the zeros of the border count in the mean.
        divisor: what the sum of each window is divided by, in the place of what counts.

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
    name = "avg_pool2d"
    grid = _grid(name, kernel, stride, padding, 1, ceil_mode)
    flag(name, "count_include_pad", count_include_pad)
    if divisor is not None:
        integer(name, "divisor", divisor, 1)
    more = {"count_include_pad": (count_include_pad, True), "divisor": (divisor, None)}
    args = _written(kernel, stride, padding, ceil_mode, **more)
    return _pool(name, grid, _averaged(grid, count_include_pad, divisor), args)


def max_pool1d(
    kernel: int,
    *,
    stride: int | None = None,
    padding: str | int | tuple[int, int] = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> Layer[tuple[()], Tensor, Tensor]:
    """Keep the largest value of each window of a sequence: `max_pool2d` on images of height 1.

    Args:
        kernel: the window's length.
        stride: the step from one window to the next; the window's length without it.
        padding: how many −∞ are added on each side, at most half of the window; or before and
            after; or "same", for length' = ⌈length / stride⌉; or "causal", for as many with all of
            them before.
        dilation: the step from one cell of a window to the next.
        ceil_mode: whether a last window that sticks out is kept; see `max_pool2d`.

    Returns:
        A layer without parameters from (…, length, c) to (…, length', c).

    Raises:
        InputError, KindError: a hyperparameter is not an integer in its range.
        ShapeError: the window is larger than the sequence.

    >>> import torch
    >>> x = torch.tensor([[1.0], [5.0], [7.0], [3.0]])
    >>> max_pool1d(3, stride=1, padding="causal")((), x)[0].flatten()
    tensor([1., 5., 7., 7.])
    """
    name = "max_pool1d"
    along = _along(name, kernel, stride, padding, dilation, ceil_mode)
    args = _written(kernel, stride, padding, ceil_mode, dilation=(dilation, 1))
    return _of_sequences(name, along, _largest((Along(1), along)), args)


def avg_pool1d(
    kernel: int,
    *,
    stride: int | None = None,
    padding: str | int | tuple[int, int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Layer[tuple[()], Tensor, Tensor]:
    """Keep the mean of each window of a sequence: `avg_pool2d` on images of height 1.

    Args:
        kernel: the window's length.
        stride: the step from one window to the next; the window's length without it.
        padding: how many zeros are added on each side, at most half of the window; or before and
            after; or "same", for length' = ⌈length / stride⌉; or "causal", for as many with all of
            them before.
        ceil_mode: whether a last window that sticks out is kept; see `avg_pool2d`.
        count_include_pad: whether the zeros count in the mean.

    Returns:
        A layer without parameters from (…, length, c) to (…, length', c).

    Raises:
        InputError, KindError: a hyperparameter is not an integer in its range.
        ShapeError: the window is larger than the sequence.

    >>> import torch
    >>> x = torch.tensor([[1.0], [5.0], [7.0]])
    >>> avg_pool1d(2, stride=1)((), x)[0].flatten()
    tensor([3., 6.])
    """
    name = "avg_pool1d"
    along = _along(name, kernel, stride, padding, 1, ceil_mode)
    flag(name, "count_include_pad", count_include_pad)
    args = _written(kernel, stride, padding, ceil_mode, count_include_pad=(count_include_pad, True))
    return _of_sequences(name, along, _averaged((Along(1), along), count_include_pad), args)


def _largest(grid: Grid) -> Apply:
    down, across = grid
    windows = windows_of(grid)

    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        sides = down.sides(x.shape[-3]), across.sides(x.shape[-2])
        y, pull = largest(x, windows, sides)
        return y, lambda dy, need_dx=True: (params, pull(dy) if need_dx else None)

    return apply


def _averaged(grid: Grid, include: bool, divisor: int | None = None) -> Apply:
    """Make `apply` of means, each of what counts in its window, or by a divisor."""
    down, across = grid
    windows = windows_of(grid)

    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        height, width = x.shape[-3:-1]
        counts = down.counts(height, include), across.counts(width, include)
        if divisor is not None:
            counts = (divisor,), (1,)
        y, pull = means(x, windows, (down.sides(height), across.sides(width)), counts)
        return y, lambda dy, need_dx=True: (params, pull(dy) if need_dx else None)

    return in_float32(apply)


def _along(
    name: str, kernel: int, stride: int | None, padding: Any, dilation: int, ceil_mode: bool
) -> Along:
    size = integer(name, "kernel", kernel, 1, LONGEST)
    step = size if stride is None else integer(name, "stride", stride, 1, LONGEST)
    integer(name, "dilation", dilation, 1, LONGEST)
    (border,) = _borders(name, (size,), padding, (SAME, CAUSAL), ceil_mode)
    return Along(size, step, border, dilation, ceil_mode)


def _grid(
    name: str, kernel: Size, stride: Size | None, padding: Any, dilation: Size, ceil_mode: bool
) -> Grid:
    size = pair(name, "kernel", kernel, 1)
    step = size if stride is None else pair(name, "stride", stride, 1)
    spread = pair(name, "dilation", dilation, 1)
    borders = _borders(name, size, padding, (SAME,), ceil_mode)
    down, across = (
        Along(*each, ceil_mode) for each in zip(size, step, borders, spread, strict=True)
    )
    return down, across


def _borders(
    name: str, size: tuple[int, ...], padding: Any, words: tuple[str, ...], ceil_mode: bool
) -> tuple[Any, ...]:
    """Return the padding of each axis, with which each window sees a number of the image."""
    cells = size[0] * size[-1] if len(size) == 2 else size[0]
    if cells > COUNTED:
        got = show(size) if len(size) == 2 else size[0]
        raise InputError(f"{name}: expected a kernel of at most {COUNTED:,} cells, got {got}")
    found = paddings(name, padding, len(size), words)
    flag(name, "ceil_mode", ceil_mode)
    if isinstance(padding, str):
        if ceil_mode:
            raise InputError(f"{name}: expected padding in numbers with ceil_mode, got {padding!r}")
        return found
    for length, (before, after) in zip(size, found):
        if before == after and 2 * before > length:
            raise InputError(f"{name}: expected padding of at most half the kernel, got {padding}")
        if max(before, after) >= length:
            raise InputError(f"{name}: expected padding of less than the kernel, got {padding}")
    return found


def _written(
    kernel: Size, stride: Any, padding: Any, ceil_mode: bool, **more: tuple[Any, Any]
) -> str:
    return written(
        kernel, stride=(stride, None), padding=(padding, 0), ceil_mode=(ceil_mode, False), **more
    )


def _pool(name: str, grid: Grid, apply: Apply, args: str) -> Layer[tuple[()], Tensor, Tensor]:
    size, lengths = images(grid)
    takes = Signature((), f"… {size} channels>=0", "… rows columns channels", **lengths)
    return declared(name, takes, apply, args=args)


def _of_sequences(
    name: str, along: Along, flat: Apply, args: str
) -> Layer[tuple[()], Tensor, Tensor]:
    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        y, pull = flat(params, x.unsqueeze(-3))

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
            _, dx = pull(dy.unsqueeze(-3), need_dx)
            return params, None if dx is None else dx.squeeze(-3)

        return y.squeeze(-3), vjp

    takes = Signature(
        (),
        f"… length>={along.least()} channels>=0",
        "… columns channels",
        columns=("length", along.count),
    )
    return declared(name, takes, apply, args=args)
