"""Attention with its options: each sequence alone, cut at its end, in PyTorch's words."""

from __future__ import annotations

from math import inf
from typing import Any

from funcdl import layers
from funcdl.cases.case import Case, Oracle

__all__ = ["CASES", "attended"]


def attended(
    heads: int,
    *,
    causal: bool = False,
    mask: bool = False,
    lengths: bool = False,
    weights: bool = False,
) -> Oracle:
    """Give PyTorch's attention, of a sequence to itself or to others, with our parameters."""

    def oracle(nnf: Any, p: Any, x: Any) -> Any:
        ours = hasattr(p, "qkv")
        count = len(x) - mask - lengths if isinstance(x, tuple) else 1
        given = x[:count] if isinstance(x, tuple) else (x,)
        others = x[count:] if isinstance(x, tuple) else ()
        q, k, v = given * 3 if ours else (given[0], given[1], given[-1])
        lead = q.shape[:-2]
        rows = [t.flatten(0, -3) for t in (q, k, v)]
        keys = k.shape[-2]
        ends = others[-1].flatten().tolist() if lengths else [keys] * len(rows[0])
        bars = others[0].flatten(0, -3) if mask else [None] * len(rows[0])
        ys, ps = [], []
        for *each, end, bar in zip(*rows, ends, bars):
            y, w = _alone(nnf, p, each, heads, end, bar, causal, ours)
            ys.append(y)
            ps.append(w)
        y = nnf.torch.stack(ys).unflatten(0, lead)
        return (y, nnf.torch.stack(ps).unflatten(0, lead)) if weights else y

    return oracle


def _alone(
    nnf: Any, p: Any, qkv: Any, heads: int, end: int, bar: Any, causal: bool, ours: bool
) -> Any:
    """Attend in one sequence, of which what stands behind its end is cut off."""
    q, k, v = qkv
    time, keys = q.shape[-2], k.shape[-2]
    last = end if ours else time
    if not end:  # nobody is seen, and the output's bias is left
        bias = 0 if ours or p.out.b == () else p.out.b
        return q.new_zeros(q.shape) + bias, q.new_zeros(heads, time, keys)
    if ours:
        w, b = p.qkv.w.chunk(3, -1), None if p.qkv.b == () else p.qkv.b
    else:
        parts = p[:3]
        w = [part.w for part in parts]
        b = None if parts[0].b == () else nnf.torch.cat([part.b for part in parts])
    seen = q.new_zeros(last, end) if bar is None else bar[:last, :end]
    if causal:
        seen = seen + q.new_full((last, end), -inf).triu(1)
    y, found = nnf.multi_head_attention_forward(
        q[:last, None], k[:end, None], v[:end, None], q.shape[-1], heads, None, b, None, None,
        False, 0.0, p.out.w.T, None if p.out.b == () else p.out.b, attn_mask=seen,
        use_separate_proj_weight=True, average_attn_weights=False,
        q_proj_weight=w[0].T, k_proj_weight=w[1].T, v_proj_weight=w[2].T,
    )  # fmt: skip
    y, found = y[:, 0], found[0]
    return nnf.pad(y, (0, 0, 0, time - last)), nnf.pad(found, (0, keys - end, 0, time - last))


def _noisy(nnf: Any, p: Any, x: Any) -> Any:
    """With weights dropped as the generator says that rows of the table are given."""
    q, k, v = (x @ p.qkv.w + p.qkv.b).chunk(3, -1)
    w = (q @ k.mT / k.shape[-1] ** 0.5).softmax(-1)
    rng = nnf.torch.Generator().manual_seed(1)
    w, _ = layers.dropout(0.4)((), w.unsqueeze(-3), rng)
    return w.squeeze(-3) @ v @ p.out.w + p.out.b


def _waves(nnf: Any, x: Any) -> Any:
    """Give sin and cos of position over frequency, pair by pair, (time, pairs, 2)."""
    time, features = x.shape[-2:]
    pairs = nnf.torch.arange((features + 1) // 2, dtype=x.dtype)
    angles = nnf.torch.arange(time, dtype=x.dtype)[:, None] / 10000 ** (2 * pairs / features)
    return nnf.torch.stack([angles.sin(), angles.cos()], -1)


def _turned(nnf: Any, x: Any) -> Any:
    """Turn pairs of features as complex numbers."""
    waves = nnf.torch.view_as_complex(_waves(nnf, x).flip(-1).contiguous())
    pairs = nnf.torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    return nnf.torch.view_as_real(pairs * waves).flatten(-2)


def _rotary(nnf: Any, p: Any, x: Any) -> Any:
    parts = (x @ p.qkv.w + p.qkv.b).chunk(3, -1)
    q, k, v = (t.unflatten(-1, (2, -1)).transpose(-2, -3) for t in parts)
    y = nnf.scaled_dot_product_attention(_turned(nnf, q), _turned(nnf, k), v, is_causal=True)
    return y.transpose(-2, -3).flatten(-2) @ p.out.w + p.out.b


CASES = [
    Case(
        layers.sinusoidal(),
        (3, 5, 4),
        oracle=lambda nnf, p, x: x + _waves(nnf, x).flatten(-2)[:, : x.shape[-1]],
    ),
    Case(
        layers.sinusoidal(),
        (2, 6, 3),
        oracle=lambda nnf, p, x: x + _waves(nnf, x).flatten(-2)[:, : x.shape[-1]],
        id="sinusoidal of an odd number of features",
    ),
    Case(
        layers.learnt_positions(7),
        (3, 5, 4),
        oracle=lambda nnf, p, x: x + p.w[: x.shape[-2]],
    ),
    Case(layers.rotary(), (3, 5, 4), oracle=lambda nnf, p, x: _turned(nnf, x)),
    Case(
        layers.attention(2, causal=True, rotary=10000.0),
        (3, 5, 8),
        oracle=_rotary,
        specials=False,
    ),
    Case(
        layers.attention(2, mask=True, lengths=True, weights=True),
        ((3, 5, 4), (3, 5, 5), (3,)),
        oracle=attended(2, mask=True, lengths=True, weights=True),
        specials=False,
    ),
    Case(
        layers.attention(2, causal=True, lengths=True),
        ((2, 3, 5, 4), (2, 3)),
        oracle=attended(2, causal=True, lengths=True),
        specials=False,
    ),
    Case(
        layers.attention(2, weights=True, b_init=None),
        (3, 5, 4),
        oracle=attended(2, weights=True),
        specials=False,
        id="attention without bias, with its weights",
    ),
    Case(layers.attention(1, dropout=0.4), (3, 5, 4), oracle=_noisy, random=True, specials=False),
    Case(layers.cross_attention(2), ((3, 5, 4), (3, 7, 3)), oracle=attended(2), specials=False),
    Case(
        layers.cross_attention(2, values=True, mask=True, lengths=True, weights=True),
        ((3, 5, 4), (3, 7, 3), (3, 7, 2), (3, 5, 7), (3,)),
        oracle=attended(2, mask=True, lengths=True, weights=True),
        specials=False,
    ),
    Case(
        layers.cross_attention(2, causal=True, lengths=True, b_init=None),
        ((2, 3, 5, 4), (2, 3, 7, 3), (2, 3)),
        oracle=attended(2, causal=True, lengths=True),
        specials=False,
        id="cross_attention without bias, causal",
    ),
]
