"""Attention of a sequence to itself."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from funcdl.arguments import integer
from funcdl.contract import Apply, Layer, Vjp, declared
from funcdl.initialisers import Initialiser, glorot_uniform, zeros
from funcdl.layers.affine import Affine
from funcdl.layers.half import in_float32
from funcdl.layers.looking import Looking
from funcdl.ops.affine import affine
from funcdl.ops.attention import attend
from funcdl.ops.layout import cat
from funcdl.ops.padding import beyond, ended
from funcdl.shown import named_defaults
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


@named_defaults
def attention(
    heads: int,
    *,
    causal: bool = False,
    dropout: float = 0.0,
    mask: bool = False,
    lengths: bool = False,
    weights: bool = False,
    rotary: float | None = None,
    w_init: Initialiser = glorot_uniform,
    b_init: Initialiser | None = zeros,
) -> Layer[Attention, Tensor, Tensor]:
    """Let each time step of a sequence look at all others: multi-head self-attention.

        q, k, v = the thirds of x w + b        p = softmax(q kᵀ / √d)        y = (p v) w' + b'

    where each head has d = features / heads numbers of q, k and v for itself. In the backward
    pass, with dz = dy w'ᵀ the cotangent of z = p v:

        dv = pᵀ dz        ds = p (dz vᵀ − Σ dz z)        dq = ds k / √d        dk = dsᵀ q / √d
        dw = xᵀ (dq, dk, dv)        dw' = zᵀ dy        dx = (dq, dk, dv) wᵀ

    Args:
        heads: at least 1; they divide the features.
        causal: whether a time step sees only itself and those before it: the later scores are −∞.
        dropout: the rate at which weights p are dropped in training.
        mask: whether a mask is handed in behind x, (…, time, time), which is added to the scores of
            all heads: −∞ for what is not to be seen. It has a cotangent.
        lengths: whether the number of time steps of each sequence is handed in, as the last input:
            (…), 0 to time, int64. Of a sequence that was padded, y is 0 behind its end, and
            whatever the padding is, it is of no weight.
        weights: whether p is returned, behind y: (…, heads, time, time).
        rotary: the base by which queries and keys of each head are turned, as the layer `rotary`
            does, usually 10000; None for no turn.
        w_init: draws both `w`, of shapes (features, 3 features) and (features, features).
        b_init: draws both `b`; None for no bias.

    Returns:
        A layer from x (…, time, features) to y of the same shape, with parameters
        `Attention(Affine(w, b), Affine(w, b))`; from (x, mask, lengths) where these are asked for,
        and to (y, p).

    Raises:
        InputError, KindError: an argument is out of its range, or a length is.
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
    options = Looking(heads, causal, dropout, mask, lengths, weights, rotary)
    options.expect("attention")

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

    width = "heads*size" if rotary is None else "heads*2*half"
    params = of(
        Attention,
        of(Affine, f"*models {width} 3*{width}", f"*models 3*{width} | ()"),
        of(Affine, f"*models {width} {width}", f"*models {width} | ()"),
    )
    more = options.inputs("time")
    takes = Signature(
        params,
        (f"x: *models … time>=0 {width}", *more) if more else f"*models … time>=0 {width}",
        options.outputs(f"*models … time {width}", "time"),
        heads=heads,
        limit=("time", beyond),
    )
    draw = of(Affine, w_init, b_init)
    return declared(
        "attention",
        takes,
        apply if options.is_plain else _looking(options),
        of(Attention, draw, draw),
        options.args(),
        needs_rng=dropout > 0,
    )


def _looking(options: Looking) -> Apply:
    """Make `apply` for whatever options."""

    @in_float32
    def apply(params: Attention, x: Any, rng: Generator | None = None) -> tuple[Any, Vjp]:
        (w, b), (w_out, b_out) = params
        seen, *others = x if isinstance(x, tuple) else (x,)
        over = ended(others[-1], seen.shape[-2]) if options.lengths else None
        barred = None
        if over is not None:
            barred = over.unsqueeze(-1).logical_or(over.unsqueeze(-2))
            seen = seen.masked_fill(over.unsqueeze(-1), 0)
        flat, pull_in = affine(seen, w, b)
        mask = others[0] if options.mask else None
        found = options.look(flat.chunk(3, -1), mask, barred, rng)
        y, pull_out = affine(found.z, w_out, b_out)

        def finite(t: Tensor) -> Tensor:
            return t if over is None else t.masked_fill(over.unsqueeze(-1), 0)

        def vjp(dy: Any, need_dx: bool = True) -> tuple[Attention, Any]:
            back, dweights = dy if options.weights else (dy, None)
            back = y.new_zeros(y.shape) if back is None else finite(back)
            dw_out, db_out, dz = pull_out(back, True)
            *parts, dmask = found.pull(dz, dweights)
            dw, db, dx = pull_in(cat(parts, -1), need_dx)
            dparams = Attention(Affine(dw, db), Affine(dw_out, db_out))
            if dx is None or not others:
                return dparams, dx
            return dparams, (finite(dx), *(dmask,) * options.mask, *(None,) * options.lengths)

        value = finite(y)
        return (value, found.weights) if options.weights else value, vjp

    return apply
