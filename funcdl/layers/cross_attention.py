"""Attention of one sequence to another."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcdl.arguments import integer
from funcdl.contract import Layer, Vjp, declared
from funcdl.errors import KindError
from funcdl.initialisers import Initialiser, glorot_uniform, zeros
from funcdl.layers.affine import Affine
from funcdl.layers.half import in_float32
from funcdl.layers.looking import Looking
from funcdl.misuse import short
from funcdl.ops.affine import affine
from funcdl.ops.padding import beyond, ended
from funcdl.shown import named_defaults
from funcdl.signature import Signature, of
from funcdl.tensor import Generator

__all__ = ["CrossAttention", "cross_attention"]


class CrossAttention(NamedTuple):
    """Parameters of `cross_attention`: affine maps to queries, keys and values, and from heads."""

    q: Affine
    k: Affine
    v: Affine
    out: Affine


@named_defaults
def cross_attention(
    heads: int,
    *,
    values: bool = False,
    causal: bool = False,
    dropout: float = 0.0,
    mask: bool = False,
    lengths: bool = False,
    weights: bool = False,
    w_init: Initialiser = glorot_uniform,
    b_init: Initialiser | None = zeros,
) -> Layer:
    """Let each time step of a sequence look at those of another one.

        q = x w_q + b_q        k = o w_k + b_k        v = o w_v + b_v
        p = softmax(q kᵀ / √d + m)        y = (p v) w' + b'

    where o are the others, and each head has d = features / heads numbers of q, k and v for itself.
    In the backward pass, with dz = dy w'ᵀ the cotangent of z = p v:

        dv = pᵀ dz        ds = p (dz vᵀ − Σ p dz vᵀ)        dq = ds k / √d        dk = dsᵀ q / √d
        dx = dq w_qᵀ      do = dk w_kᵀ + dv w_vᵀ            dm = ds, summed over the heads

    Args:
        heads: at least 1; they divide the features of x.
        values: whether keys and values are made of two sequences, each with features of its own.
        causal: whether the i-th time step sees only the first i of the others.
        dropout: the rate at which weights p are dropped in training.
        mask: whether m is handed in behind the others, (…, time, others): −∞ for what is not to be
            seen.
        lengths: whether the number of the others is handed in, as the last input: (…), int64.
            Whatever the padding behind them is, it is of no weight; who sees none finds z = 0.
        weights: whether p is returned, behind y: (…, heads, time, others).
        w_init: draws each `w`, (features in, features of x).
        b_init: draws each `b`; None for no bias.

    Returns:
        A layer from (x, others), or (x, keys, values), and behind them (mask, lengths) where these
        are asked for, to y in the shape of x (…, time, features), or (y, p). Its parameters are
        `CrossAttention(q, k, v, out)`, each `Affine(w, b)`.

    Raises:
        InputError, KindError: an argument is out of its range, or a length is.
        ShapeError: the heads do not divide the features, or an input does not fit.

    Vaswani et al., "Attention is all you need" (2017).

    >>> import torch
    >>> layer = cross_attention(2)
    >>> params, shape = layer.init(torch.Generator().manual_seed(0), ((20, 8), (7, 5)))
    >>> params.q.w.shape, params.k.w.shape, shape
    (torch.Size([8, 8]), torch.Size([5, 8]), (20, 8))
    >>> y, vjp = layer(params, (torch.ones(3, 20, 8), torch.ones(3, 7, 5)))
    >>> y.shape, [dx.shape for dx in vjp(y)[1]]
    (torch.Size([3, 20, 8]), [torch.Size([3, 20, 8]), torch.Size([3, 7, 5])])
    """
    name = "cross_attention"
    integer(name, "heads", heads, 1)
    options = Looking(heads, causal, dropout, mask, lengths, weights)
    options.expect(name)
    if not isinstance(values, bool):
        raise KindError(f"{name}: expected values to be True or False, got {short(values)}")
    count = 3 if values else 2

    @in_float32
    def apply(params: CrossAttention, x: Any, rng: Generator | None = None) -> tuple[Any, Vjp]:
        seen, others = x[:count], x[count:]
        over = None
        if lengths:
            over = ended(others[-1], seen[1].shape[-2])
            seen = (seen[0], *(t.masked_fill(over.unsqueeze(-1), 0) for t in seen[1:]))
        *each, (w_out, b_out) = params
        maps = [affine(t, *p) for t, p in zip((*seen, seen[-1]), each)]
        barred = None if over is None else over.unsqueeze(-2)
        found = options.look([t for t, _ in maps], others[0] if mask else None, barred, rng)
        y, pull_out = affine(found.z, w_out, b_out)

        def vjp(dy: Any, need_dx: bool = True) -> tuple[CrossAttention, Any]:
            back, dweights = dy if weights else (dy, None)
            dw, db, dz = pull_out(y.new_zeros(y.shape) if back is None else back, True)
            *parts, dmask = found.pull(dz, dweights)
            pulled: Any = [pull(d, need_dx) for (_, pull), d in zip(maps, parts)]
            dparams = of(CrossAttention, *(Affine(*d[:2]) for d in pulled), Affine(dw, db))
            if not need_dx:
                return dparams, None
            dx, *dothers = [d for _, _, d in pulled]
            if not values:
                dothers = [dothers[0].add_(dothers[1])]
            if over is not None:
                dothers = [d.masked_fill(over.unsqueeze(-1), 0) for d in dothers]
            return dparams, (dx, *dothers, *(dmask,) * mask, *(None,) * lengths)

        return (y, found.weights) if weights else y, vjp

    width = "heads*size"
    sizes = (width, "others", "others") if not values else (width, "keys", "values")
    maps = [of(Affine, f"*models {n} {width}", f"*models {width} | ()") for n in (*sizes, width)]
    x = (
        f"x: *models … time>=0 {width}",
        *(f"{name}: *models … count>=0 {name}" for name in dict.fromkeys(sizes[1:])),
        *options.inputs("count"),
    )
    takes = Signature(
        of(CrossAttention, *maps),
        x,
        options.outputs(f"*models … time {width}", "count"),
        heads=heads,
        limit=("count", beyond),
    )
    draw = of(CrossAttention, *[of(Affine, w_init, b_init)] * 4)
    args = options.args(values=(values, False))
    return declared(name, takes, apply, draw, args, needs_rng=dropout > 0)
