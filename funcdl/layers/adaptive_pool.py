"""Pooling to a given size, of channels-last images and sequences of whatever size."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from funcdl.arguments import COUNTED, integer, pair
from funcdl.contract import Layer
from funcdl.errors import brief
from funcdl.layers.by_axis import by_axis
from funcdl.ops.cells import largest, means
from funcdl.tensor import Tensor

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
]

Lengths = int | tuple[int | None, int | None]
Reduced = Callable[..., "tuple[Tensor, Callable[[Tensor], Tensor]]"]


def adaptive_avg_pool2d(out: Lengths) -> Layer[tuple[()], Tensor, Tensor]:
    """Cut images into so many cells, as evenly as it goes, and keep the mean of each.

        y = (1/n) Σ x over a cell of n pixels        dx = Σ dy / n over the cells of x

    Cell i of h' down is from ⌊i h / h'⌋ to below ⌈(i + 1) h / h'⌉, and so across: as in PyTorch,
    where h' does not divide h, neighbours overlap.

    Args:
        out: the height and width of the output; one number for both. None leaves one as it is.

    Returns:
        A layer without parameters from (…, h, w, c) to (…, h', w', c).

    Raises:
        InputError, KindError: `out` is not an integer of at least 1, or two.
        ShapeError: `x` has fewer axes.

    He, Zhang, Ren and Sun, "Spatial pyramid pooling in deep convolutional networks for visual
    recognition" (2014).

    >>> import torch
    >>> x = torch.tensor([[1.0, 2.0, 6.0]]).unsqueeze(-1)
    >>> y, vjp = adaptive_avg_pool2d((1, 2))((), x)
    >>> y.flatten(), vjp(torch.ones(1, 2, 1))[1].flatten()
    (tensor([1.5000, 4.0000]), tensor([0.5000, 1.0000, 0.5000]))
    """
    name = "adaptive_avg_pool2d"
    return _pool(name, out, _lengths(name, out), means)


def adaptive_max_pool2d(out: Lengths) -> Layer[tuple[()], Tensor, Tensor]:
    """Cut images into so many cells, as evenly as it goes, and keep the largest of each.

        y = max over a cell of x        dx = Σ dy of the cells where x was the largest

    Of equal values the first in reading order gets the cotangent. NaN is the largest value.

    Args:
        out: the height and width of the output; one number for both. None leaves one as it is.

    Returns:
        A layer without parameters from (…, h, w, c) to (…, h', w', c); for the cells see
        `adaptive_avg_pool2d`.

    Raises:
        InputError, KindError: `out` is not an integer of at least 1, or two.
        ShapeError: `x` has fewer axes.

    He, Zhang, Ren and Sun, "Spatial pyramid pooling in deep convolutional networks for visual
    recognition" (2014).

    >>> import torch
    >>> x = torch.tensor([[1.0, 6.0, 2.0]]).unsqueeze(-1)
    >>> y, vjp = adaptive_max_pool2d((1, 2))((), x)
    >>> y.flatten(), vjp(torch.ones(1, 2, 1))[1].flatten()
    (tensor([6., 6.]), tensor([0., 2., 0.]))
    """
    name = "adaptive_max_pool2d"
    return _pool(name, out, _lengths(name, out), largest)


def adaptive_avg_pool1d(out: int) -> Layer[tuple[()], Tensor, Tensor]:
    """Cut sequences into so many cells, as evenly as it goes, and keep the mean of each.

    Args:
        out: the length of the output.

    Returns:
        A layer without parameters from (…, length, c) to (…, out, c); see `adaptive_avg_pool2d`.

    Raises:
        InputError, KindError: `out` is not an integer of at least 1.
        ShapeError: `x` has fewer axes.

    >>> import torch
    >>> adaptive_avg_pool1d(2)((), torch.tensor([[1.0], [2.0], [6.0]]))[0].flatten()
    tensor([1.5000, 4.0000])
    """
    name = "adaptive_avg_pool1d"
    return _pool(name, out, (integer(name, "out", out, 1, COUNTED),), means)


def adaptive_max_pool1d(out: int) -> Layer[tuple[()], Tensor, Tensor]:
    """Cut sequences into so many cells, as evenly as it goes, and keep the largest of each.

    Args:
        out: the length of the output.

    Returns:
        A layer without parameters from (…, length, c) to (…, out, c); see `adaptive_max_pool2d`.

    Raises:
        InputError, KindError: `out` is not an integer of at least 1.
        ShapeError: `x` has fewer axes.

    >>> import torch
    >>> adaptive_max_pool1d(2)((), torch.tensor([[1.0], [2.0], [6.0]]))[0].flatten()
    tensor([2., 6.])
    """
    name = "adaptive_max_pool1d"
    return _pool(name, out, (integer(name, "out", out, 1, COUNTED),), largest)


def _lengths(name: str, out: Lengths) -> tuple[int | None, ...]:
    if isinstance(out, tuple) and None in out:
        return tuple(
            each if each is None else integer(name, "out", each, 1, COUNTED) for each in out
        )
    return pair(name, "out", out, 1, COUNTED)


def _pool(
    name: str, out: Lengths, counts: tuple[int | None, ...], reduced: Reduced
) -> Layer[tuple[()], Tensor, Tensor]:
    axes = [(axis, count) for axis, count in enumerate(counts, -len(counts) - 1) if count]
    # The last axis first: the first of equal ones is then the first in reading order.
    reads = [partial(reduced, axis=axis, count=count) for axis, count in reversed(axes)]
    lengths = [_same if count is None else count for count in counts]
    return by_axis(name, reads, lengths, brief(out))


def _same(length: int) -> int:
    return length
