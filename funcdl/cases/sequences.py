"""Embedding and attention."""

from __future__ import annotations

from math import inf
from typing import Any

from funcdl import combinators, layers
from funcdl.cases.case import Case, Oracle
from funcdl.cases.draws import indices
from funcdl.cases.recurrent import recurrent


def _attended(heads: int, causal: bool = False) -> Oracle:
    def oracle(nnf: Any, p: Any, x: Any) -> Any:
        time, features = x.shape[-2:]
        rows = x.flatten(0, -3)
        bias, out_bias = [None if part.b == () else part.b for part in p]
        mask = x.new_full((time, time), -inf).triu(1) if causal else None
        y, _ = nnf.multi_head_attention_forward(
            *[rows.movedim(0, 1)] * 3, features, heads, p.qkv.w.T, bias, None, None, False, 0.0,
            p.out.w.T, out_bias, attn_mask=mask, need_weights=False,
        )  # fmt: skip
        return y.movedim(1, 0).reshape(x.shape)

    return oracle


GRU = recurrent("gru")

CASES = [
    Case(
        layers.embedding(5, 3),
        (4, 6),
        oracle=lambda nnf, p, x: nnf.embedding(x, p.w),
        module=("Embedding", 5, 3),
    ),
    Case(layers.embedding(5, 3), (7,), id="embedding of a row"),
    # Of the padding's row there is no gradient: it is not to be among the indices.
    Case(
        layers.embedding(5, 3, padding=4),
        (4, 6),
        draw=indices(4),
        oracle=lambda nnf, p, x: nnf.embedding(x, p.w, padding_idx=4),
        module=("Embedding", 5, 3, 4),
    ),
    Case(
        combinators.serial(layers.embedding(5, 4), layers.gru(3), layers.linear(2)),
        (2, 6),
        draw=indices(5),
        oracle=lambda nnf, p, x: (
            recurrent("gru")(nnf, p[1], nnf.embedding(x, p[0].w)) @ p[2].w + p[2].b
        ),
        specials=False,
        of="embedding",
    ),
    Case(
        combinators.serial(
            layers.reshape((3, 2)),
            combinators.shared(layers.embedding(5, 3), axis=-2),
            layers.flatten(2),
        ),
        (4, 6),
        draw=indices(5),
        of="embedding",
        id="embedding of indices that were moved",
    ),
    Case(
        combinators.serial(
            layers.unstack_along(-1),
            combinators.parallel(layers.embedding(5, 3), layers.embedding(5, 2)),
            layers.join(),
        ),
        (4, 2),
        draw=indices(5),
        of="embedding",
    ),
    Case(
        combinators.vmap(layers.embedding(5, 3), 1),
        (4, 2),
        draw=indices(5),
        over_models=combinators.vmap(layers.embedding(5, 3), 1, models=1),
        of="embedding",
    ),
    # Causal attention knows infinities better than PyTorch's, which has NaN where nothing is seen.
    Case(layers.attention(2), (3, 5, 4), oracle=_attended(2), specials=False),
    Case(
        layers.attention(1, causal=True),
        (3, 5, 4),
        oracle=_attended(1, causal=True),
        specials=False,
    ),
    Case(
        layers.attention(4, causal=True),
        (2, 1, 8),
        oracle=_attended(4, causal=True),
        module=("SelfAttention", 8, 4, True),
        specials=False,
    ),
    Case(
        layers.attention(2),
        (2, 3, 4, 6),
        id="attention on two leading axes",
        oracle=_attended(2),
        specials=False,
    ),
    Case(
        layers.attention(2, b_init=None),
        (3, 5, 4),
        id="attention without bias",
        oracle=_attended(2),
        specials=False,
    ),
]
