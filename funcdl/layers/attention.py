"""Attention of a sequence to itself."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from funcdl.arguments import generator, show, whole
from funcdl.contract import Layer, Shape, Vjp
from funcdl.errors import FuncdlError, KindError, ShapeError
from funcdl.initialisers import Initialiser, glorot_uniform, zeros
from funcdl.layers.affine import Affine, bias_of
from funcdl.ops.affine import affine
from funcdl.tensor import Generator, Tensor

__all__ = ["Attention", "attention"]


class Attention(NamedTuple):
    """Parameters of `attention`.

    Attributes:
        qkv: the maps to queries, keys and values side by side: `w` (*models, features,
            3 features) and `b` (*models, 3 features).
        out: the map of what the heads found: `w` (*models, features, features) and `b`.
    """

    qkv: Affine
    out: Affine


def attention(heads: int, *, causal: bool = False, w_init: Initialiser = glorot_uniform) -> Layer:
    """Let each step of a sequence look at all the others: multi-head self-attention.

        q, k, v = x w_q, x w_k, x w_v        a = softmax(q kᵀ / √d)        y = (a v) w_out
        dv = aᵀ dz        ds = a (da − Σ da a) / √d, da = dz vᵀ        dq = ds k        dk = dsᵀ q

    with a bias for each map, for each head on its own d = features / heads numbers.

    Args:
        heads: at least 1; they divide the features.
        causal: whether a step sees only itself and those before it.
        w_init: draws the weights; the biases begin with 0.

    Returns:
        A layer from (…, time, features) to the same, with parameters `Attention(qkv, out)`.

    Raises:
        InputError, KindError: `heads` is not a whole number of at least 1.
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
        if len(in_shape) < 2 or not all(isinstance(length, int) for length in in_shape):
            raise ShapeError(
                f"attention: expected sequences (…, time, features), got {show(in_shape)}"
            )
        features = in_shape[-1]
        if features % heads:
            raise ShapeError(
                f"attention: expected features that {heads} heads divide, got {show(in_shape)}"
            )
        generator("attention", rng)
        # Each of the three maps is drawn as the square matrix that it is.
        qkv = _side_by_side(w_init, rng, features)
        return Attention(
            Affine(qkv, zeros(rng, (3 * features,))),
            Affine(w_init(rng, (features, features)), zeros(rng, (features,))),
        ), in_shape

    def apply(params: Attention, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        try:
            (w_qkv, b_qkv), (w_out, b_out) = params
            flat, pull_qkv = affine(x, w_qkv, bias_of(b_qkv))
            time, features = x.shape[-2:]
            split = (*x.shape[:-1], 3, heads, features // heads)
            # (3, …, heads, time, d), a copy that makes each head's matrices contiguous.
            q, k, v = flat.reshape(split).movedim((-3, -2), (0, -3)).contiguous().unbind(0)
            scale = 1 / math.sqrt(features // heads)
            share = q.mul(scale).matmul(k.mT)
            if causal:
                share.add_(share.new_full((time, time), -math.inf).triu_(1))
            share = share.softmax(-1)
            found = share.matmul(v).movedim(-3, -2).reshape(x.shape)
            y, pull_out = affine(found, w_out, bias_of(b_out))
        except (RuntimeError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise _misfit(params, x, heads, error) from None

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Attention, Tensor | None]:
            dw_out, db_out, dfound = pull_out(dy, True)
            dz = dfound.reshape((*x.shape[:-1], heads, -1)).movedim(-2, -3)  # type: ignore[union-attr]
            ds = dz.matmul(v.mT).mul_(share)
            ds.addcmul_(share, ds.sum(-1, keepdim=True), value=-1).mul_(scale)
            dflat = dy.new_empty(split)
            for i, d in enumerate((ds.matmul(k), ds.mT.matmul(q), share.mT.matmul(dz))):
                dflat.select(-3, i).copy_(d.movedim(-3, -2))
            dw, db, dx = pull_qkv(dflat.reshape(flat.shape), need_dx)
            back: Any = Attention(Affine(dw, db), Affine(dw_out, db_out))  # type: ignore[arg-type]
            return back, dx

        return y, vjp

    return Layer("attention", init, apply, f"{heads}" + ", causal=True" * causal)


def _side_by_side(w_init: Initialiser, rng: Generator, features: int) -> Tensor:
    """Draw three square matrices side by side."""
    first = w_init(rng, (features, features))
    rows = first.new_empty((features, 3 * features))
    rows.narrow(-1, 0, features).copy_(first)
    for i in (1, 2):
        rows.narrow(-1, i * features, features).copy_(w_init(rng, (features, features)))
    return rows


def _misfit(params: Any, x: Any, heads: int, error: Exception) -> FuncdlError:
    """Say in one sentence why attention could not be applied."""
    if not isinstance(params, Attention):
        kind = type(params).__name__
        return KindError(f"attention: expected params Attention(qkv, out), got {kind}")
    if not isinstance(x, Tensor):
        return KindError(f"attention: expected a tensor, got {type(x).__name__}")
    w = params.qkv.w
    if x.dtype != w.dtype:
        return KindError(f"attention: expected x to be {w.dtype} as w is, got {x.dtype}")
    if w.shape[-2] % heads:
        return ShapeError(
            f"attention: expected features that {heads} heads divide, got {w.shape[-2]}"
        )
    return ShapeError(f"attention: expected (…, time, {w.shape[-2]}), got {show(x.shape)}")
