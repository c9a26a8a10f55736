"""Attention of queries to keys and values from anywhere, with masks and weights."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from funcdl.contract import Layer, Shape, Value, Vjp
from funcdl.errors import ShapeError
from funcdl.layers.affine import Affine
from funcdl.layers.looking import Looking
from funcdl.ops.affine import affine
from funcdl.ops.attending import attend_to
from funcdl.ops.layout import cat
from funcdl.tensor import Generator, Tensor

__all__ = ["Extra", "Separate", "attending", "barred", "is_causal_mask"]


class Separate(NamedTuple):
    """Parameters where keys or values have other sizes: a weight for each, and one bias for all."""

    q: Tensor
    k: Tensor
    v: Tensor
    b: Tensor | tuple[()]
    out: Affine
    bias_k: Tensor | tuple[()] = ()
    bias_v: Tensor | tuple[()] = ()


class Extra(NamedTuple):
    """Parameters as `Attention` has them, and a key and a value, (1, 1, features), for all."""

    qkv: Affine
    out: Affine
    bias_k: Tensor
    bias_v: Tensor


def attending(
    heads: int,
    batch_first: bool = False,
    zero: bool = False,
    need: bool = True,
    average: bool = True,
    rate: float = 0.0,
) -> Layer:
    """Let each query look at all keys, each head by itself.

        p = softmax(q kᵀ / √d + m)        y = (p v) w' + b'        (see `funcdl.ops.attending`)

    Args:
        heads: they divide the features.
        batch_first: whether the batch stands before the time.
        zero: whether a key and a value of 0 are added.
        need: whether the weights p come out too.
        average: whether they are the mean over the heads.
        rate: at which they are dropped in training.

    Returns:
        A layer from (query, key, value) or (query, key, value, m) to (y, weights), or to y, with
        parameters `Attention`, `Extra` or `Separate`; m is added to the scores of (batch, heads,
        queries, keys).

    Vaswani et al., "Attention is all you need" (2017).
    """

    def inside(t: Tensor) -> Tensor:
        """View as (batch, time, features)."""
        if t.ndim == 2:
            return t.unsqueeze(0)
        return t if batch_first else t.transpose(0, 1)

    def outside(t: Tensor, like: Tensor) -> Tensor:
        if like.ndim == 2:
            return t.squeeze(0)
        return t if batch_first else t.transpose(0, 1)

    def apply(params: Any, x: Any, rng: Generator | None = None) -> tuple[Value, Vjp]:
        given, (mask,) = x[:3], x[3:] or (None,)
        ws, b, (w_out, b_out), rows = _weights(params)
        biases = ((), (), ()) if isinstance(b, tuple) else b.chunk(3, -1)
        each = [affine(inside(t), part, shift) for t, part, shift in zip(given, ws, biases)]
        (q, _), (k, _), (v, _) = each
        if len({t.shape[0] for t in (q, k, v)}) > 1 or k.shape[1] != v.shape[1]:
            shapes = ", ".join(str(tuple(t.shape)) for t in given)
            raise ShapeError(
                "MultiheadAttention: expected query, key and value of one batch, and as many "
                f"values as keys, got {shapes}"
            )
        keys = k.shape[1]
        k, v = (_more(t, row, zero) for t, row in zip((k, v), rows or (None, None)))
        if mask is not None:
            mask = _wider(mask, keys, k.shape[1])
        found = attend_to(q, k, v, heads, mask, None, Looking(heads, dropout=rate).noise(rng))
        y, pull_out = affine(found.y, w_out, b_out)

        def vjp(dy: Any, need_dx: bool = True) -> tuple[Any, Value]:
            d_output, d_weights = dy if need else (dy, None)
            back = y.new_zeros(y.shape) if d_output is None else inside(d_output)
            dw_out, db_out, dz = pull_out(back, True)
            if d_weights is not None:
                d_weights = d_weights.unsqueeze(0) if given[0].ndim == 2 else d_weights
                d_weights = d_weights.unsqueeze(1).mul(1 / heads) if average else d_weights
            dq, dk, dv, _ = found.pull(dz, d_weights)
            drows = [t.narrow(1, keys, 1).sum(0, keepdim=True) for t in (dk, dv)] if rows else []
            parts = zip(each, (dq, dk.narrow(1, 0, keys), dv.narrow(1, 0, keys)))
            pulled = [pull(d, need_dx) for (_, pull), d in parts]
            dws: Any = [d for d, _, _ in pulled]
            db: Any = () if isinstance(b, tuple) else cat([d for _, d, _ in pulled], -1)  # type: ignore[misc]
            if isinstance(params, Separate):
                ends: Any = drows or ((), ())
                dparams: Any = Separate._make([*dws, db, Affine(dw_out, db_out), *ends])
            else:
                qkv = Affine(cat(dws, -1), db)
                dparams = type(params)(qkv, Affine(dw_out, db_out), *drows)
            if not need_dx:
                return dparams, None
            dxs = [outside(dx, t) for (_, _, dx), t in zip(pulled, given)]  # type: ignore[arg-type]
            return dparams, (*dxs, None)[: len(x)]

        seen = outside(y, given[0])
        if not need:
            return seen, vjp
        weights = found.weights.mean(1) if average else found.weights
        return (seen, weights.squeeze(0) if given[0].ndim == 2 else weights), vjp

    return Layer("attending", _no_init, apply)


def barred(heads: int, batch: int, query: Tensor, padding: Any, mask: Any) -> Tensor | None:
    """Make one mask of both: what is added to the scores, −∞ for what is not to be seen.

    Args:
        heads: their number.
        batch: the number of sequences.
        query: whose dtype it has.
        padding: (batch, keys) or (keys,), or None.
        mask: (queries, keys) or (batch heads, queries, keys), or None.
    """
    both: Tensor | None = None
    for given, what in ((padding, "key_padding_mask"), (mask, "attn_mask")):
        if given is None:
            continue
        added = _added(what, given, query)
        if what == "key_padding_mask":
            fits = given.ndim in (1, 2) and given.numel() == batch * given.shape[-1]
            added = added.reshape(batch, 1, 1, given.shape[-1]) if fits else added
        else:
            fits = given.ndim == 2 or (given.ndim == 3 and len(given) == batch * heads)
            if fits and given.ndim == 3:
                added = added.reshape(batch, heads, *given.shape[1:])
        if not fits:
            raise ShapeError(
                f"MultiheadAttention: expected {what} for {batch} sequences and {heads} heads, got "
                f"{tuple(given.shape)}"
            )
        both = added if both is None else both.add(added)
    return both


def is_causal_mask(mask: Any) -> bool:
    """Tell whether a mask bars all later keys, and nothing else.

    >>> from funcdl.tensor import empty
    >>> is_causal_mask(empty(3, 3).fill_(1.0).triu_(1).bool()), is_causal_mask(empty(3, 3).zero_())
    (True, False)
    """
    if not isinstance(mask, Tensor) or mask.ndim < 2:
        return False
    later = mask.new_ones(mask.shape).triu(1).bool()
    wanted = later
    if mask.is_floating_point():
        wanted = mask.new_zeros(mask.shape).masked_fill(later, -math.inf)
    return bool(mask.eq(wanted).all())


def _added(what: str, mask: Any, query: Tensor) -> Tensor:
    if not isinstance(mask, Tensor):
        raise ShapeError(f"MultiheadAttention: expected {what} to be a tensor, got {mask!r:.40}")
    if mask.is_floating_point():
        return mask.to(query.dtype)
    none = query.new_zeros(mask.shape)
    return none.masked_fill(mask.bool(), -math.inf)


def _more(t: Tensor, row: Tensor | None, zero: bool) -> Tensor:
    """Put a row, and one of 0, behind those of each sequence."""
    rows = [t]
    if row is not None:
        rows.append(row.expand(t.shape[0], 1, t.shape[-1]))
    if zero:
        rows.append(t.new_zeros((t.shape[0], 1, t.shape[-1])))
    return cat(rows, -2) if len(rows) > 1 else t


def _wider(mask: Tensor, keys: int, count: int) -> Tensor:
    """Let the keys that were added be seen by all."""
    if mask.shape[-1] != keys:
        raise ShapeError(
            f"MultiheadAttention: expected masks for {keys} keys, got {tuple(mask.shape)}"
        )
    if count == keys:
        return mask
    return cat([mask, mask.new_zeros((*mask.shape[:-1], count - keys))], -1)


def _weights(params: Any) -> tuple[Any, Any, Affine, tuple[Tensor, ...]]:
    """List the weights to query, key and value, their bias, the map out, and the rows for all."""
    if isinstance(params, Separate):
        *ws, b, out, bias_k, bias_v = params
        return ws, b, out, () if isinstance(bias_k, tuple) else (bias_k, bias_v)  # type: ignore[return-value]
    (w, b), out, *rows = params
    return w.chunk(3, -1), b, out, tuple(rows)


def _no_init(rng: Generator, in_shape: Shape) -> Any:
    raise ShapeError("attending: expected to be initialised by MultiheadAttention")
