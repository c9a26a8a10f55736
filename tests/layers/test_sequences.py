"""Layers over sequences: laws, what is out of range, and what does not fit."""

import math

import pytest
import torch
from helpers import close
from hypothesis import given, settings
from hypothesis import strategies as st
from table import normal

import funcdl as f
from funcdl import tree

law = settings(deadline=None, max_examples=40)
SEEDS = st.integers(0, 2**32 - 1)


def start(layer, shape, seed=0):
    rng = torch.Generator().manual_seed(seed)
    params, _ = layer.init(rng, shape)
    return tree.map(lambda p: p.double() + 0.1 * normal(p.shape, rng), params), rng


UNITS = {
    "gru": (f.gru, f.gru_cell),
    "lstm": (f.lstm, f.lstm_cell),
    "rnn": (f.rnn, f.rnn_cell),
}
EVERY_UNIT = pytest.mark.parametrize("unit", UNITS)


def states(unit, shape, rng, count=1):
    """Draw a state for each of some units."""
    drawn = tuple(
        (normal(shape, rng), normal(shape, rng)) if unit == "lstm" else normal(shape, rng)
        for _ in range(count)
    )
    return drawn[0] if count == 1 else drawn


@EVERY_UNIT
@law
@given(SEEDS, st.integers(1, 5), st.integers(1, 4), st.integers(1, 4))
def test_a_sequence_is_a_scan_of_its_cell(unit, seed, time, length, features):
    make, cell = UNITS[unit]
    params, rng = start(make(features), (2, time, length), seed)
    x, h = normal((2, time, length), rng), states(unit, (2, features), rng)
    layer = make(features, initial=True, final=True)
    (y, last), vjp = layer(params, (x, h))
    every, vjps = f.scan(cell(features))(params, (h, x))
    hs = every[0] if unit == "lstm" else every
    close(y, hs)
    close(last, tree.map(lambda t: t[:, -1], every))
    dy = normal((2, time, features), rng)
    (dparams, (dx, dh)), (ds, (dfirst, dxs)) = (
        vjp((dy, None)),
        vjps((dy, None) if unit == "lstm" else dy),
    )
    close((dparams, dx, dh), (ds, dxs, dfirst))


@EVERY_UNIT
@law
@given(SEEDS, st.integers(0, 3), st.integers(1, 3))
def test_a_sequence_goes_on_where_another_one_ended(unit, seed, first, second):
    layer = UNITS[unit][0](3, layers=2, initial=True, final=True)
    params, rng = start(UNITS[unit][0](3, layers=2), (2, 4, 5), seed)
    x, h = normal((2, first + second, 5), rng), states(unit, (2, 3), rng, 2)
    (y, last), _ = layer(params, (x, h))
    (begun, between), _ = layer(params, (x[:, :first], h))
    (rest, end), _ = layer(params, (x[:, first:], between))
    close((y, last), (torch.cat([begun, rest], 1), end))


@EVERY_UNIT
@law
@given(SEEDS, st.lists(st.integers(0, 4), min_size=1, max_size=4), st.booleans())
def test_of_a_padded_batch_each_sequence_is_as_if_alone(unit, seed, ends, both):
    options = {"layers": 2, "bidirectional": both, "initial": True, "final": True}
    padded, alone = (UNITS[unit][0](3, **options, lengths=n) for n in (True, False))
    params, rng = start(UNITS[unit][0](3, layers=2, bidirectional=both), (2, 4, 5), seed)
    x, h = normal((len(ends), 4, 5), rng), states(unit, (len(ends), 3), rng, 2 * (1 + both))
    for i, end in enumerate(ends):
        x[i, end:] = [float("nan"), float("inf"), 1.0][i % 3]
    (y, last), vjp = padded(params, (x, h, torch.tensor(ends)))
    dy, dlast = normal(y.shape, rng), tree.map(lambda t: normal(t.shape, rng), last)
    dparams, (dx, dh, none) = vjp((dy, dlast))
    assert none is None
    total = tree.zeros_like(params)
    for i, end in enumerate(ends):
        row = lambda t, i=i: t[i : i + 1]  # noqa: E731
        (z, z_last), pull = alone(params, (x[i : i + 1, :end], tree.map(row, h)))
        dp, (dz, dz_first) = pull((dy[i : i + 1, :end], tree.map(row, dlast)))
        close((z, z_last), (y[i : i + 1, :end], tree.map(row, last)))
        close((dz, dz_first), (dx[i : i + 1, :end], tree.map(row, dh)))
        assert not y[i, end:].any()
        assert not dx[i, end:].any()
        total = tree.add(total, dp)
    close(dparams, total)


@EVERY_UNIT
@law
@given(SEEDS, st.integers(1, 5))
def test_the_second_direction_begins_at_the_end(unit, seed, time):
    make = UNITS[unit][0]
    params, rng = start(make(3, bidirectional=True), (2, 4), seed)
    x = normal((2, time, 4), rng)
    y, _ = make(3, bidirectional=True)(params, x)
    forwards, _ = make(3)(params[0], x)
    backwards, _ = make(3)(params[1], x.flip(1))
    close(y, torch.cat([forwards, backwards.flip(1)], -1))


@EVERY_UNIT
def test_layers_are_those_of_a_serial_with_noise_between(unit):
    make = UNITS[unit][0]
    net = f.serial(make(3), f.dropout(0.5), make(3))
    layer = make(3, layers=2, dropout=0.5)
    params, rng = start(layer, (2, 6, 4))
    x, dy = normal((2, 6, 4), rng), normal((2, 6, 3), rng)
    for seed in (None, 1):
        rngs = [None if seed is None else torch.Generator().manual_seed(seed) for _ in range(2)]
        (y, vjp), (z, vjps) = layer(params, x, rngs[0]), net((params[0], (), params[1]), x, rngs[1])
        (dparams, dx), (ds, dxs) = vjp(dy), vjps(dy)
        close((y, dparams, dx), (z, (ds[0], ds[2]), dxs))
    assert layer.needs_rng == unit
    assert not make(3, layers=2).needs_rng


@EVERY_UNIT
@pytest.mark.parametrize("ends", [[3, 6], [-1, 2]])
def test_a_length_that_there_is_not_is_refused(unit, ends):
    layer = UNITS[unit][0](3, lengths=True)
    params, _ = layer.init(torch.Generator().manual_seed(0), ((5, 4), ()))
    with pytest.raises(f.InputError, match=f"^{unit}: expected lengths from 0 to 5, got one of"):
        layer(params, (torch.ones(2, 5, 4), torch.tensor(ends)))


@law
@given(SEEDS, st.integers(1, 5))
def test_scan_is_the_loop_that_it_says(seed, time):
    cell = f.serial(f.join(), f.linear(3), f.tanh)
    params, rng = start(cell, ((2, 3), (2, 4)), seed)
    x, dy = normal((2, time, 4), rng), normal((2, time, 3), rng)
    h, steps = normal((2, 3), rng), []
    y, vjp = f.scan(cell)(params, (h, x))
    for t in range(time):
        h, pull = cell(params, (h, x[:, t]))
        steps.append(pull)
        close(y[:, t], h)
    dparams, dh, dxs = tree.zeros_like(params), 0, []
    for t in reversed(range(time)):
        dp, (dh, dx) = steps[t](dy[:, t] + dh)
        dparams = tree.add(dparams, dp)
        dxs.insert(0, dx)
    close(vjp(dy), (dparams, (dh, torch.stack(dxs, 1))))


@law
@given(SEEDS, st.integers(1, 5))
def test_scan_begins_with_zeros(seed, time):
    params, rng = start(f.gru_cell(3), ((2, 3), (2, 4)), seed)
    x, dy = normal((2, time, 4), rng), normal((2, time, 3), rng)
    y, vjp = f.scan(f.gru_cell(3), 3)(params, x)
    z, vjps = f.scan(f.gru_cell(3))(params, (torch.zeros(2, 3).double(), x))
    close(y, z)
    dparams, (_, dx) = vjps(dy)
    close(vjp(dy), (dparams, dx))


@law
@given(SEEDS)
def test_scan_of_one_time_is_its_cell(seed):
    params, rng = start(f.gru_cell(3), ((2, 3), (2, 4)), seed)
    h, x, dy = normal((2, 3), rng), normal((2, 4), rng), normal((2, 3), rng)
    y, vjp = f.gru_cell(3)(params, (h, x))
    z, vjps = f.scan(f.gru_cell(3))(params, (h, x[:, None]))
    close(y, z[:, 0])
    dparams, (dh, dx) = vjps(dy[:, None])
    close(vjp(dy), (dparams, (dh, dx[:, 0])))


@law
@given(SEEDS, st.integers(1, 3), st.integers(1, 3))
def test_scan_goes_on_where_another_one_ended(seed, first, second):
    params, rng = start(f.gru_cell(3), ((2, 3), (2, 4)), seed)
    h, x = normal((2, 3), rng), normal((2, first + second, 4), rng)
    layer = f.scan(f.gru_cell(3))
    y, _ = layer(params, (h, x))
    z, _ = layer(params, (h, x[:, :first]))
    rest, _ = layer(params, (z[:, -1], x[:, first:]))
    close(y, torch.cat([z, rest], 1))


@law
@given(SEEDS, st.integers(2, 6))
def test_causal_attention_does_not_look_ahead(seed, time):
    params, rng = start(f.attention(2, causal=True), (time, 4), seed)
    x = normal((time, 4), rng)
    y, _ = f.attention(2, causal=True)(params, x)
    other = x.clone()
    other[-1] += 1
    z, _ = f.attention(2, causal=True)(params, other)
    close(y[:-1], z[:-1])
    assert not torch.allclose(y[-1], z[-1])


@law
@given(SEEDS, st.lists(st.integers(0, 5), min_size=1, max_size=3), st.booleans())
def test_attention_of_a_padded_batch_is_that_of_each_sequence_alone(seed, ends, causal):
    padded, alone = (f.attention(2, causal=causal, lengths=n, weights=True) for n in (True, False))
    params, rng = start(f.attention(2), (5, 4), seed)
    x = normal((len(ends), 5, 4), rng)
    for i, end in enumerate(ends):
        x[i, end:] = [float("nan"), float("inf"), 1.0][i % 3]
    (y, p), vjp = padded(params, (x, torch.tensor(ends)))
    dy, dp = normal(y.shape, rng), normal(p.shape, rng)
    dparams, (dx, none) = vjp((dy, dp))
    assert none is None
    total = tree.zeros_like(params)
    for i, end in enumerate(ends):
        (z, q), pull = alone(params, x[i, :end])
        ds, dz = pull((dy[i, :end], dp[i, :, :end, :end]))
        close((z, q, dz), (y[i, :end], p[i, :, :end, :end], dx[i, :end]))
        assert not any(t[i, end:].any() for t in (y, dx))
        total = tree.add(total, ds)
    close(dparams, total)


@law
@given(SEEDS, st.booleans())
def test_attention_with_options_is_attention_without(seed, causal):
    params, rng = start(f.attention(2), (5, 4), seed)
    x, dy = normal((3, 5, 4), rng), normal((3, 5, 4), rng)
    y, vjp = f.attention(2, causal=causal)(params, x)
    bar = torch.full((5, 5), -math.inf).double().triu(1) if causal else torch.zeros(5, 5).double()
    z, vjps = f.attention(2, mask=True)(params, (x, bar.expand(3, 5, 5)))
    dparams, (dx, _) = vjps(dy)
    close((y, vjp(dy)), (z, (dparams, dx)))
    parts = zip(params.qkv.w.chunk(3, -1), params.qkv.b.chunk(3, -1))
    apart = f.CrossAttention(*(f.Affine(w, b) for w, b in parts), params.out)
    close(f.cross_attention(2, causal=causal)(apart, (x, x))[0], y)


@law
@given(SEEDS)
def test_others_that_end_are_as_if_cut_off(seed):
    layer = f.cross_attention(2, values=True)
    params, rng = start(layer, ((3, 4), (5, 2), (5, 6)), seed)
    q, k, v = (normal((2, n, size), rng) for n, size in ((3, 4), (5, 2), (5, 6)))
    k[1, 2:], v[1, 2:] = math.nan, math.inf
    found, _ = f.cross_attention(2, values=True, lengths=True)(
        params, (q, k, v, torch.tensor([0, 2]))
    )
    close(found[0], params.out.b.expand(3, 4))
    close(found[1], layer(params, (q[1], k[1, :2], v[1, :2]))[0])


@law
@given(SEEDS, st.integers(1, 6))
def test_turned_vectors_know_how_far_apart_they_are(seed, far):
    rng = torch.Generator().manual_seed(seed)
    a, b = normal((8,), rng), normal((8,), rng)
    turned = [f.rotary()((), t.expand(12, 8))[0] for t in (a, b)]
    products = [(turned[0][t + far] * turned[1][t]).sum() for t in range(12 - far)]
    close(torch.stack(products), products[0].expand(12 - far))


@law
@given(SEEDS, st.permutations(range(5)))
def test_attention_knows_no_order(seed, order):
    params, rng = start(f.attention(2), (5, 4), seed)
    x = normal((5, 4), rng)
    close(f.attention(2)(params, x[order])[0], f.attention(2)(params, x)[0][order])


def test_an_empty_sequence_gives_an_empty_one():
    for layer in (f.gru(3), f.lstm(3), f.rnn(3), f.scan(f.gru_cell(3), 3)):
        params, _ = start(layer, (2, 4))
        y, vjp = layer(params, torch.zeros(5, 0, 4, dtype=torch.float64))
        assert y.shape == (5, 0, 3)
        dparams, dx = vjp(y)
        assert dx.shape == (5, 0, 4)
        assert not any(d.any() for d in tree.leaves(dparams))


def test_attention_cuts_many_sequences_into_chunks(monkeypatch):
    params, rng = start(f.attention(2, causal=True), (5, 4))
    x, dy = normal((7, 5, 4), rng), normal((7, 5, 4), rng)
    y, vjp = f.attention(2, causal=True)(params, x)
    back = vjp(dy)
    monkeypatch.setattr("funcdl.ops.attention.MOST_SCORES", 2 * 2 * 5 * 5)
    z, vjps = f.attention(2, causal=True)(params, x)
    close(y, z)
    close(back, vjps(dy))


@pytest.mark.parametrize("shape", [(0, 5, 4), (3, 0, 4), (3, 1, 4)])
def test_attention_of_few_or_none(shape):
    params, rng = start(f.attention(2, causal=True), (5, 4))
    x = normal(shape, rng)
    y, vjp = f.attention(2, causal=True)(params, x)
    assert (y.shape, vjp(y)[1].shape) == (shape, shape)
    # The softmax of one score is 1.
    if shape[1] == 1:
        values = (x @ params.qkv.w + params.qkv.b)[..., 8:]
        close(y, values @ params.out.w + params.out.b)


def test_what_does_not_fit_at_a_later_step_is_said_with_its_place():
    look = f.serial(f.parallel(f.identity, f.serial(f.embedding(5, 4), f.select(-2, 0))), f.join())
    layer = f.scan(f.serial(look, f.linear(4)))
    params, _ = layer.init(torch.Generator().manual_seed(0), ((2, 4), (2, 3, 1)))
    x = torch.tensor([[[0], [1], [2]], [[1], [7], [2]]])
    where = r"^scan\[1\] serial\[0\] .* embedding: expected indices from 0 to 4, got one of 1 to 7$"
    with pytest.raises(f.InputError, match=where):
        layer(params, (torch.zeros(2, 4), x))


def test_what_fails_in_a_later_steps_backward_pass_is_said_with_its_place():
    def moody(params, pair):
        h, x = pair

        def vjp(dy):
            if float(x.sum()) == 2:
                raise f.InputError("moody: expected another day")
            return (), (dy, dy)

        return h + x, vjp

    y, vjp = f.scan(f.layer(moody, name="moody"), 2)((), torch.tensor([[[0.0, 0], [1, 1], [0, 0]]]))
    with pytest.raises(f.InputError, match=r"^scan\[1\] moody: expected another day$"):
        vjp(torch.ones_like(y))


def test_a_cell_that_changes_the_dtype_of_its_state_is_refused_at_the_next_step():
    def doubling(params, pair):
        h, x = pair
        return (h + x).double(), lambda dy: ((), (dy, dy))

    cell = f.serial(f.parallel(f.linear(2), f.identity), f.layer(doubling, name="doubling"))
    layer = f.scan(cell, 2)
    params = ((f.linear(2).init(torch.Generator().manual_seed(0), (2,))[0], ()), ())
    with pytest.raises(
        f.KindError, match=r"^scan\[1\] serial\[0\] parallel\[0\] linear: expected x"
    ):
        layer(params, torch.ones(1, 3, 2))


def test_the_row_of_the_padding_begins_with_nothing_and_stays_so(rng):
    net = f.serial(f.embedding(5, 3, padding=2), f.linear(1))
    params, _ = net.init(rng, (4,))
    assert not params[0].w[2].any()
    assert params[0].w[[0, 1, 3, 4]].all()
    x, t = torch.tensor([[2, 0, 2, 4]]), torch.ones(1, 4, 1)
    for models in (0, 1):
        held = tree.stack([params, params]) if models else params
        descent = f.sgd(0.1)
        step = f.training_step(f.supervised(net, f.mse(models=models)), descent)
        inputs = x.expand(2, 1, 4) if models else x
        for one in (step, f.stage(step)):
            moved, _, _ = one(held, descent.init(held), (inputs, t))
            assert not moved[0].w[..., 2, :].any()
            assert (moved[0].w != held[0].w)[..., [0, 4], :].any()


def test_transformers_drop_in_training_alone():
    rng = torch.Generator().manual_seed(0)
    shapes = {f.encoder_blocks: (5, 8), f.decoder_blocks: ((5, 8), (7, 8))}
    for make, shape in shapes.items():
        noisy, plain = make(2, 4, 16, 8, dropout=0.3), make(2, 4, 16, 8)
        assert noisy.needs_rng
        assert not plain.needs_rng
        params, _ = noisy.init(rng, shape)
        x = (
            normal(shape, rng).float()
            if isinstance(shape[0], int)
            else tuple(normal(part, rng).float() for part in shape)
        )
        y, _ = noisy(params, x)
        assert torch.equal(y, noisy(params, x)[0])
        drawn = [noisy(params, x, torch.Generator().manual_seed(seed))[0] for seed in (1, 1, 2)]
        assert torch.equal(drawn[0], drawn[1])
        assert not torch.equal(drawn[0], drawn[2])
        assert not torch.equal(drawn[0], y)
