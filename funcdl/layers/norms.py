"""Norms of a single example: layer_norm, group_norm and rms_norm."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from funcdl.arguments import integer, number
from funcdl.contract import Layer, Vjp, declared
from funcdl.errors import KindError
from funcdl.initialisers import ones, zeros
from funcdl.layers.half import in_float32
from funcdl.misuse import short
from funcdl.ops.leading import total
from funcdl.ops.normalise import over_features, over_positions
from funcdl.signature import Signature, numbered, of
from funcdl.tensor import Generator, Tensor

__all__ = ["Gain", "Norm", "chosen", "filled", "group_norm", "layer_norm", "rms_norm"]


class Norm(NamedTuple):
    """Parameters of a norm: `scale` and `bias`, both (*models, *own axes)."""

    scale: Tensor
    bias: Tensor


class Gain(NamedTuple):
    """Parameters of `rms_norm`: `scale` (*models, *own axes)."""

    scale: Tensor


def layer_norm(
    ndim: int = 1, *, eps: float = 1e-5, affine: bool = True, bias: bool = True
) -> Layer[Any, Tensor, Tensor]:
    """Normalise each example over its own axes, then scale and shift.

        z = (x − μ) / √(σ² + eps)        y = γ z + β        dγ = Σ dy z        dβ = Σ dy
        dz = γ dy        dx = (dz − mean(dz) − z mean(dz z)) / √(σ² + eps)

    Args:
        ndim: the number of trailing axes that mean μ and variance σ² are taken over, at least 1.
        eps: at least 0.
        affine: whether it scales and shifts; else y = z.
        bias: whether it shifts.

    Returns:
        A layer from (…, *own) to the same, with parameters `Norm(scale, bias)` of shape (*own), and
        `()` in the place of what there is not.

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
    given = [f"eps={eps:g}"] * (eps != 1e-5) + chosen("layer_norm", affine, bias)
    return _norm("layer_norm", ndim, eps, given, Norm, (affine, affine and bias))


def rms_norm(
    ndim: int = 1, *, eps: float = 1e-6, affine: bool = True
) -> Layer[Any, Tensor, Tensor]:
    """Divide each example by its root mean square, then scale.

        z = x / √(mean(x²) + eps)        y = γ z        dγ = Σ dy z
        dz = γ dy        dx = (dz − z mean(dz z)) / √(mean(x²) + eps)

    Args:
        ndim: the number of trailing axes that the mean is taken over, at least 1.
        eps: at least 0.
        affine: whether it scales; else y = z.

    Returns:
        A layer from (…, *own) to the same, with parameters `Gain(scale)` of shape (*own), or
        `Gain(())`.

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
    given = [f"eps={eps:g}"] * (eps != 1e-6) + chosen("rms_norm", affine)
    return _norm("rms_norm", ndim, eps, given, Gain, (affine,))


def _norm(
    name: str, ndim: int, eps: float, given: list[str], kind: Any, there: tuple[bool, ...]
) -> Layer[Any, Tensor, Tensor]:
    """Make a layer that normalises over the last axes, which γ and β have too, where they are."""

    @in_float32
    def apply(params: Any, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        gamma, *beta = filled(params, there, x, ndim)
        models = gamma.ndim - ndim
        rows = (*x.shape[:models], math.prod(x.shape[models:-ndim]), math.prod(x.shape[-ndim:]))
        flat = [shaped(p, rows[:models] + rows[-1:]) for p in (gamma, *beta)]
        y, pull = over_features(shaped(x, rows), flat[0], flat[1] if beta else None, eps)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Norm | Gain, Tensor | None]:
            *back, dx = pull(shaped(dy, rows), need_dx)
            kept = [shaped(d, gamma.shape) if has else () for d, has in zip(back, there)]
            return kind(*kept), None if dx is None else shaped(dx, x.shape)

        return shaped(y, x.shape), vjp

    args = [f"{ndim}"] * (ndim != 1) + given
    own = " ".join(numbered(ndim))
    same = f"*models … {own}" if there[0] else f"… {own}"
    params = of(kind, *[f"*models {own}" if has else () for has in there])
    draws = of(kind, *[draw if has else () for draw, has in zip((ones, zeros), there)])
    return declared(name, Signature(params, same, same), apply, draws, ", ".join(args))


def chosen(name: str, affine: Any, bias: Any = True) -> list[str]:
    """Write which parameters there are not.

    Raises:
        KindError: an argument is neither True nor False.
    """
    for what, value in (("affine", affine), ("bias", bias)):
        if not isinstance(value, bool):
            raise KindError(f"{name}: expected {what} to be True or False, got {short(value)}")
    return ["affine=False"] * (not affine) + ["bias=False"] * (affine and not bias)


def filled(params: Any, there: tuple[bool, ...], x: Tensor, ndim: int = 1) -> Any:
    """Put a scale of 1, and a bias of 0, in the place of what there is not."""
    if all(there):
        return params
    scale = params[0] if there[0] else x.new_ones(x.shape[-ndim:])
    return (scale, *(scale.new_zeros(scale.shape) for _ in there[1:]))


def group_norm(
    groups: int, ndim: int = 3, *, eps: float = 1e-5, affine: bool = True, bias: bool = True
) -> Layer[Any, Tensor, Tensor]:
    """Normalise each example over its axes, its channels group by group, then scale and shift.

    The formulas are those of `layer_norm`, with mean and variance over all axes of the example and
    the channels of a group; γ and β are one number a channel.

    Args:
        groups: the number of groups, at least 1; neighbouring channels are a group.
        ndim: the number of axes of an example, at least 1: 3 for images (height, width, channels).
        eps: at least 0.
        affine: whether it scales and shifts.
        bias: whether it shifts.

    Returns:
        A layer from (…, channels) to the same, with parameters `Norm(scale, bias)` of shape
        (channels,), and `()` in the place of what there is not.

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
    said = chosen("group_norm", affine, bias)
    there = affine, affine and bias

    @in_float32
    def apply(params: Norm, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        gamma, beta = filled(params, there, x)
        # γ has the models' axes, x has the examples' between them and its own.
        models, positions = gamma.shape[:-1], math.prod(x.shape[x.ndim - ndim : -1])
        examples = math.prod(x.shape[len(models) : x.ndim - ndim])
        split = (*models, examples, positions, x.shape[-1])
        wide = [p.reshape(*models, 1, 1, x.shape[-1]) for p in (gamma, beta)]
        y, pull = over_positions(shaped(x, split), wide[0], wide[1], eps, groups)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Norm, Tensor | None]:
            d_gamma, d_beta, dx = pull(shaped(dy, split), need_dx)
            back = (total(d_gamma, gamma), total(d_beta, beta))
            kept = [d if has else () for d, has in zip(back, there)]
            return of(Norm, *kept), None if dx is None else shaped(dx, x.shape)

        return shaped(y, x.shape), vjp

    args = [f"{groups}"] + [f"{ndim}"] * (ndim != 3) + [f"eps={eps:g}"] * (eps != 1e-5) + said
    same = " ".join(
        ["*models …" if affine else "…", *numbered(ndim - 1, "position"), "groups*size"]
    )
    own = of(Norm, *["*models groups*size" if has else () for has in there])
    draws = of(Norm, *[draw if has else () for draw, has in zip((ones, zeros), there)])
    takes = Signature(own, same, same, groups=groups)
    return declared("group_norm", takes, apply, draws, ", ".join(args))


def shaped(t: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Give a tensor another shape; the test costs less than the call."""
    return t if t.shape == shape else t.reshape(shape)
