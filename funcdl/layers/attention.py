"""Attention of a sequence to itself."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from funcdl.arguments import filled, sequence_shape, show, whole
from funcdl.contract import Layer, Shape, Vjp
from funcdl.errors import FuncdlError, KindError, ShapeError
from funcdl.initialisers import Initialiser, glorot_uniform, zeros
from funcdl.layers.affine import Affine, bias_of, draw, misfit_parts
from funcdl.ops.affine import affine
from funcdl.ops.attention import attend
from funcdl.tensor import Generator, Tensor

__all__ = ["Attention", "attention"]


class Attention(NamedTuple):
    """Parameters of `attention`, two affine maps.

    Attributes:
        qkv: to queries, keys and values side by side: `w` (*models, features, 3 features) and
            `b` (*models, 3 features). One product of matrices is faster than three.
        out: of what the heads found: `w` (*models, features, features) and `b`.
    """

    qkv: Affine
    out: Affine


def attention(
    heads: int,
    *,
    causal: bool = False,
    w_init: Initialiser = glorot_uniform,
    b_init: Initialiser | None = zeros,
) -> Layer:
    """Let each time step of a sequence look at all others: multi-head self-attention.

        q, k, v = the thirds of x w + b        p = softmax(q kᵀ / √d)        y = (p v) w' + b'

    where each head has d = features / heads numbers of q, k and v for itself. In the backward
    pass, with dz = dy w'ᵀ the cotangent of z = p v:

        dv = pᵀ dz        ds = p (dz vᵀ − Σ dz z)        dq = ds k / √d        dk = dsᵀ q / √d
        dw = xᵀ (dq, dk, dv)        dw' = zᵀ dy        dx = (dq, dk, dv) wᵀ

    Args:
        heads: at least 1; they divide the features.
        causal: whether a time step sees only itself and those before it: the later scores are −∞.
        w_init: draws both `w`, of shapes (features, 3 features) and (features, features).
        b_init: draws both `b`; None for no bias.

    Returns:
        A layer from (…, time, features) to the same, with parameters
        `Attention(Affine(w, b), Affine(w, b))`.

    Raises:
        InputError, KindError: `heads` is not an integer of at least 1.
        ShapeError: the heads do not divide the features, or `x` does not fit the parameters.

    Vaswani et al., "Attention is all you need" (2017).

    >>> import torch
    >>> params, shape = attention(2).init(torch.Generator().manual_seed(0), (20, 8))
    >>> params.qkv.w.shape, shape
    (torch.Size([8, 24]), (20, 8))
    >>> y, vjp = attention(2)(params, torch.ones(5, 20, 8))
    >>> y.shape, vjp(y)[1].shape
    (torch.Size([5, 20, 8]), torch.Size([5, 20, 8]))
    """
    whole("attention", "heads", heads, 1)

    def init(rng: Generator, in_shape: Shape) -> tuple[Attention, Shape]:
        _, features = sequence_shape("attention", in_shape)
        if features % heads:
            raise ShapeError(
                f"attention: expected features that {heads} heads divide, got {show(in_shape)}"
            )
        qkv = draw("attention", rng, (features, 3 * features), w_init, b_init)
        return Attention(
            qkv, draw("attention", rng, (features, features), w_init, b_init)
        ), in_shape

    def apply(params: Attention, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        try:
            (w, b), (w_out, b_out) = params
            models = w.shape[:-2]
            if x.ndim < w.ndim or x.shape[: len(models)] != models or x.shape[-1] % heads:
                raise ValueError("axes")
            if w_out.shape[-1] != x.shape[-1]:
                raise ValueError("features")
            flat, pull_in = affine(x, w, bias_of(b))
            rows = (math.prod(x.shape[:-2]), *flat.shape[-2:])
            z, pull = attend(flat.reshape(rows), heads, causal)
            y, pull_out = affine(z.reshape(x.shape), w_out, bias_of(b_out))
        except (RuntimeError, TypeError, ValueError, AttributeError, IndexError):
            raise _misfit(params, x, heads) from None

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Attention, Tensor | None]:
            dw_out, db_out, dz = pull_out(dy, True)
            dqkv = pull(dz.reshape(z.shape)).reshape(flat.shape)  # type: ignore[union-attr]
            dw, db, dx = pull_in(dqkv, need_dx)
            dparams = [Affine(w, () if b is None else b) for w, b in ((dw, db), (dw_out, db_out))]
            return Attention(*dparams), dx

        return y, vjp

    args = f"{heads}" + (", causal=True" if causal else "")
    return Layer("attention", init, apply, args, floats=True)


def _misfit(params: Any, x: Any, heads: int) -> FuncdlError:
    """Say in one sentence why attention could not be applied."""
    if not isinstance(params, Attention):
        kind = type(params).__name__
        return KindError(f"attention: expected params Attention(qkv, out), got {kind}")
    if not isinstance(x, Tensor):
        return KindError(f"attention: expected a tensor, got {type(x).__name__}")
    w = params.qkv.w
    if x.dtype != w.dtype:
        return KindError(f"attention: expected x to be {w.dtype} as w is, got {x.dtype}")
    features = w.shape[-2]
    if features % heads:
        return ShapeError(f"attention: expected features that {heads} heads divide, got {features}")
    parts = {"qkv": (params.qkv, features, 3 * features), "out": (params.out, features, features)}
    if (problem := misfit_parts("attention", parts, x)) is not None:
        return problem
    filled("attention", x.shape)
    models = "".join(f"{length}, " for length in w.shape[:-2])
    return ShapeError(f"attention: expected ({models}…, time, {features}), got {show(x.shape)}")
