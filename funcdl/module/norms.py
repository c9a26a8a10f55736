"""Modules of norms; those over the batch are in `batch_norms`."""

from __future__ import annotations

from functools import cache
from typing import Any

from funcdl.arguments import Size, number
from funcdl.contract import Layer, Params, Value, Vjp
from funcdl.errors import InputError
from funcdl.layers.norms import Gain, Norm, group_norm, layer_norm, rms_norm
from funcdl.module.doors import along_axis, around, without
from funcdl.module.draws import Draw
from funcdl.module.named import Named, flag, size
from funcdl.signature import Signature, of
from funcdl.tensor import Generator, Tensor

__all__ = ["GroupNorm", "LayerNorm", "RMSNorm"]


class LayerNorm(Named):
    """PyTorch's `LayerNorm`: over the last axes, of shape `normalized_shape`.

    Args:
        normalized_shape, eps, elementwise_affine, bias, device, dtype: as in PyTorch.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> LayerNorm([4, 5], bias=False)
    LayerNorm([4, 5], bias=False)
    """

    factory = staticmethod(layer_norm)

    def __init__(
        self,
        normalized_shape: Size | list[int] | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self.normalized_shape = own_shape("LayerNorm", normalized_shape)
        flag("LayerNorm", "elementwise_affine", elementwise_affine)
        flag("LayerNorm", "bias", bias)
        layer = layer_norm(len(self.normalized_shape), eps=eps)
        if not (elementwise_affine and bias):
            shape = self.normalized_shape
            own = " ".join(map(str, shape))
            declared = patterns(own, elementwise_affine, bias)
            layer = partly("LayerNorm", layer, shape, declared, f"… {own}")
        super().__init__(locals(), layer)

    def _start(self, draw: Draw) -> Norm:
        given = self.arguments
        return started(draw, self.normalized_shape, given["elementwise_affine"], given["bias"])


class RMSNorm(Named):
    """PyTorch's `RMSNorm`: over the last axes, of shape `normalized_shape`.

    Args:
        normalized_shape, elementwise_affine, device, dtype: as in PyTorch.
        eps: the least step above 1 of the input's dtype, without it.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> RMSNorm(4, eps=1e-6)
    RMSNorm(4, eps=1e-06)
    """

    factory = staticmethod(rms_norm)

    def __init__(
        self,
        normalized_shape: Size | list[int] | tuple[int, ...],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self.normalized_shape = shape = own_shape("RMSNorm", normalized_shape)
        flag("RMSNorm", "elementwise_affine", elementwise_affine)
        layer = _by_dtype(len(shape)) if eps is None else rms_norm(len(shape), eps=eps)
        if not elementwise_affine:
            same = f"… {' '.join(map(str, shape))}"
            takes = Signature(Gain(()), same, same)  # type: ignore[arg-type]
            layer = without("RMSNorm", layer, takes, lambda _, x: Gain(x.new_ones(shape)))
        super().__init__(locals(), layer)

    def _start(self, draw: Draw) -> Gain:
        if not self.arguments["elementwise_affine"]:
            return Gain(())  # type: ignore[arg-type]
        return Gain(draw.full(1.0, *self.normalized_shape))


class GroupNorm(Named):
    """PyTorch's `GroupNorm`: over groups of channels, (batch, num_channels, …).

    Args:
        num_groups, num_channels, eps, affine, device, dtype, bias: as in PyTorch.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> import torch
    >>> GroupNorm(2, 4)(torch.ones(5, 4, 7)).shape
    torch.Size([5, 4, 7])
    """

    factory = staticmethod(group_norm)

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        name = "GroupNorm"
        self.num_channels = size(name, "num_channels", num_channels)
        flag(name, "affine", affine)
        flag(name, "bias", bias)
        layer = _any_axes(num_groups, eps)
        if num_channels % num_groups:
            raise InputError(
                f"{name}: expected num_groups to divide {num_channels} channels, got {num_groups}"
            )
        own = str(num_channels)
        declared, same = patterns(own, affine, bias), f"batch>=0 {own} *rest"
        if not (affine and bias):
            layer = partly(name, layer, (num_channels,), declared, "… features")
        takes = Signature(declared, same, same)
        super().__init__(locals(), along_axis(name, layer, 1, takes))

    def _start(self, draw: Draw) -> Norm:
        given = self.arguments
        return started(draw, (self.num_channels,), given["affine"], given["bias"])


def own_shape(name: str, shape: Any) -> tuple[int, ...]:
    """Return `normalized_shape` as a tuple of integers of at least 1."""
    lengths = shape if isinstance(shape, (tuple, list)) else (shape,)
    return tuple(size(name, "each length of normalized_shape", length) for length in lengths)


def started(draw: Draw, shape: tuple[int, ...], affine: bool, bias: bool) -> Norm:
    """Begin with the factor 1 and the summand 0, each where there is one."""
    scale: Any = draw.full(1.0, *shape) if affine else ()
    shift: Any = draw.full(0.0, *shape) if affine and bias else ()
    return Norm(scale, shift)


def partly(name: str, layer: Layer, shape: tuple[int, ...], params: Any, same: str) -> Layer:
    """Make a norm without a bias, or without a scale too, of one that has both.

    Args:
        name: of the module.
        layer: the one that has both.
        shape: of scale and bias.
        params: patterns of those that there are, `()` for the others.
        same: the pattern of the input.
    """

    def fill(given: Norm, x: Tensor) -> Norm:
        scale, shift = given
        return Norm(
            x.new_ones(shape) if isinstance(scale, tuple) else scale,
            x.new_zeros(shape) if isinstance(shift, tuple) else shift,
        )

    return without(name, layer, Signature(params, same, same), fill)


def patterns(own: str, affine: bool, bias: bool) -> Any:
    """Declare scale and bias, each where there is one."""
    return of(Norm, own if affine else (), own if affine and bias else ())


# What PyTorch takes for eps: the least step above 1, by the size of a number and its largest.
STEPS = {4: 2.0**-23, 8: 2.0**-52}


@cache
def _rms(ndim: int, eps: float) -> Layer:
    return rms_norm(ndim, eps=eps)


def _by_dtype(ndim: int) -> Layer:
    """Make a norm whose eps is the least step above 1 of the input's dtype, as PyTorch's."""

    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Value, Vjp]:
        layer = _rms(ndim, STEPS.get(x.element_size(), STEPS[4]))
        return layer.apply(params, x, rng)

    inner = rms_norm(ndim)
    return around("rms_norm", inner, inner.signature, apply)


@cache
def _grouped(groups: int, ndim: int, eps: float) -> Layer:
    return group_norm(groups, ndim, eps=eps)


def _any_axes(groups: int, eps: float) -> Layer:
    """Make a group norm of examples with any number of axes: all but the first are an example's."""

    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Value, Vjp]:
        return _grouped(groups, max(x.ndim - 1, 1), eps).at("", params, x, rng)

    inner = group_norm(groups, 1, eps=eps)
    number("GroupNorm", "eps", eps, 0)
    return around("group_norm", inner, None, apply)
