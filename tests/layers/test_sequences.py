"""Layers over sequences: laws, what is out of range, and what does not fit."""

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


@law
@given(SEEDS, st.integers(1, 5), st.integers(1, 4), st.integers(1, 4))
def test_gru_is_a_scan_of_its_cell(seed, time, length, features):
    params, rng = start(f.gru(features), (2, time, length), seed)
    x, dy = normal((2, time, length), rng), normal((2, time, features), rng)
    (y, vjp), (z, vjps) = (
        f.gru(features)(params, x),
        f.scan(f.gru_cell(features), features)(params, x),
    )
    close(y, z)
    close(vjp(dy), vjps(dy))


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
@given(SEEDS, st.permutations(range(5)))
def test_attention_knows_no_order(seed, order):
    params, rng = start(f.attention(2), (5, 4), seed)
    x = normal((5, 4), rng)
    close(f.attention(2)(params, x[order])[0], f.attention(2)(params, x)[0][order])


def test_an_empty_sequence_gives_an_empty_one():
    for layer in (f.gru(3), f.scan(f.gru_cell(3), 3)):
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
