"""Attention of a sequence to itself."""

from __future__ import annotations

import math
from typing import NamedTuple

from funcdl.arguments import integer
from funcdl.contract import Layer, Vjp, declared
from funcdl.initialisers import Initialiser, glorot_uniform, zeros
from funcdl.layers.affine import Affine
from funcdl.ops.affine import affine
from funcdl.ops.attention import attend
from funcdl.signature import Signature, of
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
    integer("attention", "heads", heads, 1)

    def apply(params: Attention, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        (w, b), (w_out, b_out) = params
        flat, pull_in = affine(x, w, b)
        z, pull = attend(flat.reshape(math.prod(x.shape[:-2]), *flat.shape[-2:]), heads, causal)
        y, pull_out = affine(z.reshape(x.shape), w_out, b_out)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Attention, Tensor | None]:
            dw_out, db_out, dz = pull_out(dy, True)
            dqkv = pull(dz.reshape(z.shape)).reshape(flat.shape)  # type: ignore[union-attr]
            dw, db, dx = pull_in(dqkv, need_dx)
            return Attention(Affine(dw, db), Affine(dw_out, db_out)), dx

        return y, vjp

    args = f"{heads}" + (", causal=True" if causal else "")
    width = "heads*size"
    takes = Signature(
        of(
            Attention,
            of(Affine, f"*models {width} 3*{width}", f"*models 3*{width} | ()"),
            of(Affine, f"*models {width} {width}", f"*models {width} | ()"),
        ),
        f"*models … time>=0 {width}",
        f"*models … time {width}",
        heads=heads,
    )
    draw = of(Affine, w_init, b_init)
    return declared("attention", takes, apply, of(Attention, draw, draw), args)
