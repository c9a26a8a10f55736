"""Norms of a single example: layer_norm, group_norm and rms_norm."""

from __future__ import annotations

import math
from typing import NamedTuple

from funcdl.arguments import integer, number
from funcdl.contract import Layer, Vjp, declared
from funcdl.initialisers import ones, zeros
from funcdl.layers.half import in_float32
from funcdl.ops.leading import total
from funcdl.ops.normalise import over_features, over_positions
from funcdl.signature import Signature, numbered, of
from funcdl.tensor import Generator, Tensor

__all__ = ["Gain", "Norm", "group_norm", "layer_norm", "rms_norm"]


class Norm(NamedTuple):
    """Parameters of a norm: `scale` and `bias`, both (*models, *own axes)."""

    scale: Tensor
    bias: Tensor


class Gain(NamedTuple):
    """Parameters of `rms_norm`: `scale` (*models, *own axes)."""

    scale: Tensor


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
    integer("layer_norm", "ndim", ndim, 1)
    number("layer_norm", "eps", eps, 0)
    return _norm("layer_norm", ndim, True, eps, f"eps={eps:g}" if eps != 1e-5 else "")


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
    integer("rms_norm", "ndim", ndim, 1)
    number("rms_norm", "eps", eps, 0)
    return _norm("rms_norm", ndim, False, eps, f"eps={eps:g}" if eps != 1e-6 else "")


def _norm(name: str, ndim: int, shifts: bool, eps: float, given: str) -> Layer:
    """Make a layer that normalises over the last axes, which γ and β have too."""

    @in_float32
    def apply(params: Norm, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        gamma = params[0]
        models = gamma.ndim - ndim
        rows = (*x.shape[:models], math.prod(x.shape[models:-ndim]), math.prod(x.shape[-ndim:]))
        flat = [shaped(p, rows[:models] + rows[-1:]) for p in params]
        y, pull = over_features(shaped(x, rows), flat[0], flat[1] if shifts else None, eps)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Norm | Gain, Tensor | None]:
            d_gamma, d_beta, dx = pull(shaped(dy, rows), need_dx)
            d_gamma = shaped(d_gamma, gamma.shape)
            back = Gain(d_gamma) if d_beta is None else Norm(d_gamma, shaped(d_beta, gamma.shape))
            return back, None if dx is None else shaped(dx, x.shape)

        return shaped(y, x.shape), vjp

    args = [f"{ndim}"] * (ndim != 1) + [given] * bool(given)
    kind, draws = (Norm, (ones, zeros)) if shifts else (Gain, (ones,))
    own = " ".join(numbered(ndim))
    same = f"*models … {own}"
    takes = Signature(of(kind, *[f"*models {own}"] * len(draws)), same, same)
    return declared(name, takes, apply, of(kind, *draws), ", ".join(args))


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
    integer("group_norm", "groups", groups, 1)
    integer("group_norm", "ndim", ndim, 1)
    number("group_norm", "eps", eps, 0)

    @in_float32
    def apply(params: Norm, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        gamma, beta = params
        # γ has the models' axes, x has the examples' between them and its own.
        models, positions = gamma.shape[:-1], math.prod(x.shape[x.ndim - ndim : -1])
        examples = math.prod(x.shape[len(models) : x.ndim - ndim])
        split = (*models, examples, positions, x.shape[-1])
        wide = [p.reshape(*models, 1, 1, x.shape[-1]) for p in (gamma, beta)]
        y, pull = over_positions(shaped(x, split), wide[0], wide[1], eps, groups)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Norm, Tensor | None]:
            d_gamma, d_beta, dx = pull(shaped(dy, split), need_dx)
            back = Norm(total(d_gamma, gamma), total(d_beta, beta))
            return back, None if dx is None else shaped(dx, x.shape)

        return shaped(y, x.shape), vjp

    args = [f"{groups}"] + [f"{ndim}"] * (ndim != 3) + [f"eps={eps:g}"] * (eps != 1e-5)
    same = " ".join(["*models …", *numbered(ndim - 1, "position"), "groups*size"])
    own = "*models groups*size"
    takes = Signature(of(Norm, own, own), same, same, groups=groups)
    return declared("group_norm", takes, apply, of(Norm, ones, zeros), ", ".join(args))


def shaped(t: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Give a tensor another shape; the test costs less than the call."""
    return t if t.shape == shape else t.reshape(shape)
