"""Embedding, attention, and layers over time."""

import torch
from torch.nn import functional as nnf

import funcdl as f
from cases.case import Case


def indices(*shape):
    return lambda rng: torch.randint(0, 5, shape, generator=rng)


def attended(heads, causal=False):
    def oracle(p, x):
        time, features = x.shape[-2:]
        rows = x.flatten(0, -3)
        bias, out_bias = [None if part.b == () else part.b for part in p]
        mask = torch.full((time, time), -torch.inf, dtype=x.dtype).triu(1) if causal else None
        y, _ = nnf.multi_head_attention_forward(
            *[rows.movedim(0, 1)] * 3, features, heads, p.qkv.w.T, bias, None, None, False, 0.0,
            p.out.w.T, out_bias, attn_mask=mask, need_weights=False,
        )  # fmt: skip
        return y.movedim(1, 0).reshape(x.shape)

    return oracle


def torch_gru(p, x):
    biases = p.x.b != ()
    weights = [p.x.w.T, p.h.w.T, *[p.x.b, p.h.b] * biases]
    rows = x.flatten(0, -3)
    h = x.new_zeros(1, len(rows), p.h.w.shape[0])
    y = torch._VF.gru(rows, h, weights, biases, 1, 0.0, False, False, True)[0]
    return y.reshape(*x.shape[:-1], -1)


def elman(p, x):
    return elman_from(p, (x.new_zeros(*x.shape[:-2], 4), x))


def elman_from(p, x):
    (h, xs), states = x, []
    for step in xs.unbind(-2):
        h = (torch.cat([h, step], -1) @ p[1].w + p[1].b).tanh()
        states.append(h)
    return torch.stack(states, -2)


def two_states(params, x):
    """A cell whose state is a pair."""
    (a, b), x = x
    return (b * x, a + b), lambda d: ((), ((d[1], d[0] * x + d[1]), d[0] * b))


ELMAN = f.serial(f.join(), f.linear(4), f.tanh)

CASES = [
    Case(
        f.embedding(5, 3),
        (4, 6),
        draw=indices(4, 6),
        oracle=lambda p, x: nnf.embedding(x, p.w),
    ),
    Case(f.embedding(5, 3), (7,), draw=indices(7), id="embedding of a row"),
    Case(
        f.serial(f.embedding(5, 4), f.gru(3), f.linear(2)),
        (2, 6),
        draw=indices(2, 6),
        oracle=lambda p, x: torch_gru(p[1], nnf.embedding(x, p[0].w)) @ p[2].w + p[2].b,
    ),
    Case(
        f.serial(f.reshape((3, 2)), f.shared(f.embedding(5, 3), axis=-2), f.flatten(2)),
        (4, 6),
        draw=indices(4, 6),
        id="embedding of indices that were moved",
    ),
    Case(
        f.serial(f.unstack_along(-1), f.parallel(f.embedding(5, 3), f.embedding(5, 2)), f.join()),
        (4, 2),
        draw=indices(4, 2),
    ),
    Case(
        f.vmap(f.embedding(5, 3), 1),
        (4, 2),
        draw=indices(4, 2),
        over_models=f.vmap(f.embedding(5, 3), 1, models=1),
    ),
    Case(f.attention(2), (3, 5, 4), oracle=attended(2)),
    Case(f.attention(1, causal=True), (3, 5, 4), oracle=attended(1, causal=True)),
    Case(f.attention(4, causal=True), (2, 1, 8), oracle=attended(4, causal=True)),
    Case(f.attention(2), (2, 3, 4, 6), id="attention on two leading axes", oracle=attended(2)),
    Case(f.attention(2, b_init=None), (3, 5, 4), id="attention without bias", oracle=attended(2)),
    Case(
        f.gru_cell(4),
        ((3, 4), (3, 2)),
        oracle=lambda p, x: torch._VF.gru_cell(x[1], x[0], p.x.w.T, p.h.w.T, p.x.b, p.h.b),
    ),
    Case(f.gru_cell(4), ((2, 3, 4), (2, 3, 2)), id="gru_cell on two leading axes"),
    Case(f.gru(4), (3, 6, 2), oracle=torch_gru),
    Case(f.gru(4), (3, 1, 2), oracle=torch_gru, id="gru of one step"),
    Case(f.gru(3), (2, 3, 4, 5), oracle=torch_gru, id="gru on two leading axes"),
    Case(f.gru(3, b_init=None), (3, 6, 2), oracle=torch_gru, id="gru without bias"),
    Case(f.scan(ELMAN, 4), (3, 6, 2), oracle=elman),
    Case(f.scan(ELMAN), ((3, 4), (3, 6, 2)), oracle=elman_from, id="scan from a state"),
    Case(f.scan(f.layer(two_states, lambda rng, s: ((), s[0]))), (((3, 2), (3, 2)), (3, 6, 2))),
    Case(f.scan(f.gru_cell(4), 4), (3, 6, 2), oracle=torch_gru),
    Case(f.serial(f.scan(ELMAN, 4), f.scan(f.gru_cell(2), 2)), (2, 2, 3, 5)),
]
