"""Normalisation over the batch, with nothing hidden."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcdl.arguments import number
from funcdl.contract import Layer, Vjp, declared
from funcdl.errors import InputError
from funcdl.initialisers import ones, zeros
from funcdl.layers.half import in_float32
from funcdl.layers.measured import ask_for_calibration
from funcdl.layers.norms import chosen
from funcdl.ops.leading import align, total
from funcdl.ops.normalise import over_positions
from funcdl.ops.order import Rows
from funcdl.signature import Signature, of
from funcdl.tensor import Generator, Tensor

__all__ = ["BatchNorm", "batch_norm"]


class BatchNorm(NamedTuple):
    """Parameters of `batch_norm`, each (*models, features).

    `mean` and `var` are the population's, for inference; `calibrate` measures them.
    """

    scale: Tensor
    bias: Tensor
    mean: Tensor
    var: Tensor

    @property
    def _statistics(self) -> tuple[str, ...]:
        """Name the fields that are measured: optimisers do not change them."""
        return "mean", "var"


def batch_norm(*, eps: float = 1e-5, affine: bool = True) -> Layer[BatchNorm, Tensor, Tensor]:
    """Normalise each feature over the batch while training, over the population afterwards.

        z = (x − μ) / √(σ² + eps)        y = γ z + β        dγ = Σ dy z        dβ = Σ dy

    In training, that is where a generator is handed in, μ and σ² are the batch's, over all axes
    but the last:

        dz = γ dy        dx = (dz − mean(dz) − z mean(dz z)) / √(σ² + eps)        dmean = dvar = 0

    In inference they are the parameters `mean` and `var`:

        dx = γ dy / √(var + eps)        dmean = −Σ dx        dvar = −½ Σ γ dy z / (var + eps)

    No running average is kept: measure mean and variance with `calibrate` when the training is
    done. To begin with they are 0 and 1, and evaluating with exactly these gives a `FuncdlWarning`,
    once for each tensor. They are statistics, not parameters to be learnt: optimisers do not
    change them. To train scale and bias with the population's moments, write
    `inference(batch_norm())`.

    Args:
        eps: at least 0.
        affine: whether it scales and shifts; else y = z.

    Returns:
        A layer from (…, features) to the same, with parameters `BatchNorm(scale, bias, mean, var)`,
        the first two of which are `()` where it does not scale and shift.

    Raises:
        InputError, KindError: an argument is out of its range; or in training there is only one
            number of each feature.
        ShapeError: the last axis does not fit the parameters.

    Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal
    covariate shift" (2015).

    >>> import torch
    >>> rng = torch.Generator().manual_seed(0)
    >>> params, _ = batch_norm().init(rng, (1,))
    >>> x = torch.tensor([[1.0], [3.0]])
    >>> measured = params._replace(mean=torch.tensor([1.0]))
    >>> batch_norm()(params, x, rng)[0].flatten(), batch_norm()(measured, x)[0].flatten()
    (tensor([-1.0000,  1.0000]), tensor([0.0000, 2.0000]))
    """
    number("batch_norm", "eps", eps, 0)
    said = [f"eps={eps:g}"] * (eps != 1e-5) + chosen("batch_norm", affine)

    def apply(params: BatchNorm, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        # Here, where they are the caller's own, and not of a tensor that is being recorded: see
        # `funcdl.staging`.
        if rng is None and type(x) is Tensor:
            *_, mean, var = params
            ask_for_calibration("batch_norm", mean, var)
        return normalise(params, x, rng)

    @in_float32
    def normalise(params: BatchNorm, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        if not affine:
            one = params.mean.new_ones(params.mean.shape)
            params = params._replace(scale=one, bias=one.new_zeros(one.shape))
        if rng is None:
            return _infer(params, x)
        scale, bias, mean, _ = params
        models = scale.ndim - 1
        rows = Rows(x, models)
        if rows.shape[-2] < 2:
            raise InputError(
                "batch_norm: expected two numbers or more of each feature in training, "
                f"got {rows.shape[-2]}"
            )
        wide = scale.unsqueeze(-2), bias.unsqueeze(-2)
        y, pull = over_positions(rows.of(x), *wide, eps)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[BatchNorm, Tensor | None]:
            d_scale, d_bias, dx = pull(rows.of(dy), need_dx)
            still = mean.new_zeros(mean.shape)
            back = BatchNorm(d_scale.squeeze(-2), d_bias.squeeze(-2), still, still.clone())
            back = back if affine else of(BatchNorm, (), (), *back[2:])
            return back, None if dx is None else rows.back(dx)

        return rows.back(y), vjp

    def _infer(params: BatchNorm, x: Tensor) -> tuple[Tensor, Vjp]:
        scale, bias, mean, var = params
        spread = var.add(eps).rsqrt_()
        factor = spread.mul(scale)
        y = x.mul(align(factor, x)).add_(align(bias.addcmul(factor, mean, value=-1), x))

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[BatchNorm, Tensor | None]:
            z = x.sub(align(mean, x)).mul_(align(spread, x))
            d_scale, d_bias = total(dy.mul(z), scale), total(dy, bias)
            d_mean = d_bias.mul(factor).neg_()
            d_var = d_scale.mul(scale).mul_(spread.square()).mul_(-0.5)
            back = BatchNorm(d_scale, d_bias, d_mean, d_var)
            back = back if affine else of(BatchNorm, (), (), *back[2:])
            return back, dy.mul(align(factor, x)) if need_dx else None

        return y, vjp

    own, same = "*models features", "*models … features"
    learnt: list[Any] = [own, own] if affine else [(), ()]
    draws: list[Any] = [ones, zeros] if affine else [(), ()]
    takes = Signature(of(BatchNorm, *learnt, own, own), same, same)
    draw = of(BatchNorm, *draws, zeros, ones)
    return declared("batch_norm", takes, apply, draw, ", ".join(said), needs_rng=True)
