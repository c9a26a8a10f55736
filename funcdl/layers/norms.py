"""Norms of a single example: layer_norm, group_norm and rms_norm."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from funcdl.arguments import generator, number, show, tensor, whole
from funcdl.contract import Layer, Shape, Vjp
from funcdl.errors import KindError, ShapeError
from funcdl.initialisers import ones, zeros
from funcdl.ops.leading import align, total
from funcdl.ops.normalise import (
    column_sums,
    group_means,
    normalise,
    normalise_columns,
    normalise_rms,
)
from funcdl.tensor import Generator, Tensor

__all__ = ["Gain", "Norm", "group_norm", "layer_norm", "rms_norm"]


class Norm(NamedTuple):
    """Parameters of a norm: `scale` and `bias`, both (*models, *own axes)."""

    scale: Tensor
    bias: Tensor


class Gain(NamedTuple):
    """Parameters of `rms_norm`: `scale` (*models, *own axes)."""

    scale: Tensor


Rule = Callable[[Tensor], "tuple[Tensor, Callable[[Tensor], Tensor]]"]


def layer_norm(ndim: int = 1, *, eps: float = 1e-5) -> Layer:
    """Normalise each example over its own axes, then scale and shift.

        z = (x − μ) / √(σ² + eps)        y = γ z + β        dγ = Σ dy z        dβ = Σ dy
        dz = γ dy        dx = (dz − mean(dz) − z mean(dz z)) / √(σ² + eps)

    Args:
        ndim: the number of trailing axes that mean μ and variance σ² are taken over, at least 1.
        eps: at least 0.

    Returns:
        A layer from (…, *own) to the same, with parameters `Norm(scale, bias)` of shape (*own).

    Raises:
        InputError, KindError: an argument is out of its range.
        ShapeError: the last axes do not fit the parameters.

    Ba, Kiros and Hinton, "Layer normalization" (2016).

    >>> import torch
    >>> params, _ = layer_norm().init(torch.Generator().manual_seed(0), (2,))
    >>> layer_norm()(params, torch.tensor([[1.0, 3.0]]))[0]
    tensor([[-1.0000,  1.0000]])
    """
    whole("layer_norm", "ndim", ndim, 1)
    number("layer_norm", "eps", eps, 0)
    axes = tuple(range(-ndim, 0))
    args = [f"{ndim}"] * (ndim != 1)
    return _norm("layer_norm", ndim, lambda x: normalise(x, axes, eps), True, eps, args)


def rms_norm(ndim: int = 1, *, eps: float = 1e-6) -> Layer:
    """Divide each example by its root mean square, then scale.

        z = x / √(mean(x²) + eps)        y = γ z        dγ = Σ dy z
        dz = γ dy        dx = (dz − z mean(dz z)) / √(mean(x²) + eps)

    Args:
        ndim: the number of trailing axes that the mean is taken over, at least 1.
        eps: at least 0.

    Returns:
        A layer from (…, *own) to the same, with parameters `Gain(scale)` of shape (*own).

    Raises:
        InputError, KindError: an argument is out of its range.
        ShapeError: the last axes do not fit the parameters.

    Zhang and Sennrich, "Root mean square layer normalization" (2019).

    >>> import torch
    >>> params, _ = rms_norm().init(torch.Generator().manual_seed(0), (2,))
    >>> rms_norm()(params, torch.tensor([[7.0, 1.0]]))[0]
    tensor([[1.4000, 0.2000]])
    """
    whole("rms_norm", "ndim", ndim, 1)
    number("rms_norm", "eps", eps, 0)
    axes = tuple(range(-ndim, 0))
    args = [f"{ndim}"] * (ndim != 1)
    return _norm("rms_norm", ndim, lambda x: normalise_rms(x, axes, eps), False, eps, args)


def _norm(name: str, ndim: int, rule: Rule, shifts: bool, eps: float, args: list[str]) -> Layer:
    """Make a layer of a rule that normalises over the last axes, which γ and β have too."""
    if eps != (1e-5 if shifts else 1e-6):
        args = [*args, f"eps={eps:g}"]

    def init(rng: Generator, in_shape: Shape) -> tuple[Norm | Gain, Shape]:
        if len(in_shape) < ndim:
            raise ShapeError(f"{name}: expected at least {ndim} axes, got {show(in_shape)}")
        own = tuple(in_shape[len(in_shape) - ndim :])
        scale = ones(generator(name, rng), own)
        return Norm(scale, zeros(rng, own)) if shifts else Gain(scale), in_shape

    def apply(params: Norm, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        gamma = params[0]
        fitting(name, gamma, tensor(name, x), ndim)
        z, pull = rule(x)
        wide = align(gamma, x, ndim)
        y = align(params[1], x, ndim).addcmul(z, wide) if shifts else z.mul(wide)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Norm | Gain, Tensor | None]:
            d_gamma = total(dy.mul(z), gamma, ndim)
            back = Norm(d_gamma, total(dy, gamma, ndim)) if shifts else Gain(d_gamma)
            return back, pull(dy.mul(wide)) if need_dx else None

        return y, vjp

    return Layer(name, init, apply, ", ".join(args))


def group_norm(groups: int, ndim: int = 3, *, eps: float = 1e-5) -> Layer:
    """Normalise each example over its axes, its channels group by group, then scale and shift.

    The formulas are those of `layer_norm`, with mean and variance over all axes of the example and
    the channels of a group; γ and β are one number a channel.

    Args:
        groups: the number of groups, at least 1; neighbouring channels are a group.
        ndim: the number of axes of an example, at least 1: 3 for images (height, width, channels).
        eps: at least 0.

    Returns:
        A layer from (…, channels) to the same, with parameters `Norm(scale, bias)` of shape
        (channels,).

    Raises:
        InputError, KindError: an argument is out of its range.
        ShapeError: there are fewer axes, or the channels cannot be grouped so or do not fit γ.

    Wu and He, "Group normalization" (2018).

    >>> import torch
    >>> layer = group_norm(2, 1)
    >>> params, _ = layer.init(torch.Generator().manual_seed(0), (4,))
    >>> layer(params, torch.tensor([[1.0, 3.0, 20.0, 10.0]]))[0]
    tensor([[-1.0000,  1.0000,  1.0000, -1.0000]])
    """
    whole("group_norm", "groups", groups, 1)
    whole("group_norm", "ndim", ndim, 1)
    number("group_norm", "eps", eps, 0)

    def check(shape: Shape) -> None:
        if len(shape) < ndim:
            raise ShapeError(f"group_norm: expected at least {ndim} axes, got {show(shape)}")
        if shape[-1] % groups:
            raise ShapeError(
                f"group_norm: expected channels that make {groups} groups, got {show(shape)}"
            )

    def init(rng: Generator, in_shape: Shape) -> tuple[Norm, Shape]:
        check(in_shape)
        own = tuple(in_shape[-1:])
        return Norm(ones(generator("group_norm", rng), own), zeros(rng, own)), in_shape

    def apply(params: Norm, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        gamma, beta = params
        fitting("group_norm", gamma, tensor("group_norm", x), 1)
        check(x.shape)
        own = x.shape[x.ndim - ndim :]
        rows = math.prod(own[:-1])
        # (…, positions, channels): one example is one matrix.
        matrix = (*x.shape[: x.ndim - ndim], rows, own[-1])
        flat = x.reshape(matrix)
        z, spread = normalise_columns(flat, groups, eps)
        wide = align(gamma, flat)
        y = align(beta, flat).addcmul(z, wide)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Norm, Tensor | None]:
            d = dy.reshape(matrix)
            shifts, scales = column_sums(d), column_sums(d.mul(z))
            back = Norm(total(scales, gamma), total(shifts, beta))
            if not need_dx:
                return back, None
            # dz = γ dy: its sums are γ times those of dy.
            level = group_means(shifts.mul_(wide), groups, rows)
            along = group_means(scales.mul_(wide), groups, rows)
            dx = d.mul(wide).sub_(level).addcmul_(z, along, value=-1).mul_(spread)
            return back, dx.reshape(x.shape)

        return y.reshape(x.shape), vjp

    args = [f"{groups}"] + [f"{ndim}"] * (ndim != 3) + [f"eps={eps:g}"] * (eps != 1e-5)
    return Layer("group_norm", init, apply, ", ".join(args))


def fitting(where: str, p: Tensor, x: Tensor, own: int) -> None:
    """Refuse axes that are not those of the parameter, which torch might broadcast."""
    models = p.ndim - own
    if p.dtype != x.dtype:
        raise KindError(f"{where}: expected x to be {p.dtype} as scale is, got {x.dtype}")
    if (
        models < 0
        or x.ndim < p.ndim
        or x.shape[x.ndim - own :] != p.shape[models:]
        or x.shape[:models] != p.shape[:models]
    ):
        expected = ", ".join(map(str, (*p.shape[:models], "…", *p.shape[models:])))
        raise ShapeError(f"{where}: expected ({expected}), got {show(x.shape)}")
