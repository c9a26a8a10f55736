"""Norms, dropout and calibration where the table of cases does not look."""

import pytest
import torch
from helpers import seeded
from hypothesis import given, settings
from hypothesis import strategies as st
from table import normal

import funcdl as f
from funcdl import tree


def double(params):
    return tree.map(torch.Tensor.double, params)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(2, 6), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_calibration_is_exact_for_one_norm(sizes, seed):
    rng = seeded(seed)
    batches = [3 * normal((size, 2, 4), rng) + 5 for size in sizes]
    params = double(f.batch_norm().init(rng, (4,))[0])
    found = f.calibrate(f.batch_norm(), params, batches, rng)
    rows = torch.cat(batches).flatten(0, 1)
    torch.testing.assert_close(found.mean, rows.mean(0))
    torch.testing.assert_close(found.var, rows.var(0, correction=0))
    assert found.scale is params.scale


def test_calibration_normalises_earlier_norms_by_their_batches():
    rng = seeded()
    net = f.serial(f.linear(3), f.batch_norm(), f.relu, f.linear(2), f.batch_norm())
    params = double(net.init(rng, (4,))[0])
    batches = [normal((size, 4), rng) for size in (5, 9, 2)]
    found = f.calibrate(net, params, batches, rng)
    seen = [f.serial(*net.layers[:4])(params[:4], batch, rng)[0] for batch in batches]
    rows = torch.cat(seen)
    torch.testing.assert_close(found[4].mean, rows.mean(0))
    torch.testing.assert_close(found[4].var, rows.var(0, correction=0))
    first = torch.cat([f.linear(3)(params[0], batch)[0] for batch in batches])
    torch.testing.assert_close(found[1].mean, first.mean(0))
    assert torch.equal(params[4].mean, torch.zeros(2).double())


WRAPS = [
    f.residual,
    f.remat,
    lambda part: f.named("it", part),
    lambda part: f.repeat(part, 1),
    lambda part: f.freeze(part, "[0].w"),
    lambda part: f.debug(part, len),
]


@pytest.mark.parametrize("wrap", WRAPS)
def test_calibration_sees_into_combinators(wrap):
    rng = seeded()
    part = f.serial(f.linear(4), f.batch_norm())
    net = wrap(part)
    params = double(net.init(rng, (4,))[0])
    x = normal((8, 4), rng)
    inner = params[0] if net.name == "repeat" else params
    seen = f.linear(4)(inner[0], x)[0]
    found = f.calibrate(net, params, [x], rng)
    found = found[0] if net.name == "repeat" else found
    torch.testing.assert_close(found[1].mean, seen.mean(0))


def test_a_shared_norm_gets_the_moments_of_all_its_inputs():
    rng = seeded()
    net = f.shared(f.batch_norm())
    params = double(net.init(rng, ((3,), (3,)))[0])
    a, b = normal((4, 3), rng), normal((6, 3), rng) + 2
    found = f.calibrate(net, params, [(a, b)], rng)
    rows = torch.cat([a, b])
    torch.testing.assert_close(found.mean, rows.mean(0))
    torch.testing.assert_close(found.var, rows.var(0, correction=0))


def test_calibrated_models_in_one_pass_are_those_alone():
    rng = seeded()
    net = f.serial(f.linear(3), f.batch_norm(), f.relu)
    models = [double(net.init(rng, (4,))[0]) for _ in range(3)]
    xs = [normal((5, 4), rng) for _ in range(3)]
    together = f.calibrate(net, tree.stack(models), [torch.stack(xs)], rng)
    for one, model, x in zip(tree.unstack(together), models, xs):
        alone = f.calibrate(net, model, [x], rng)
        for p, q in zip(tree.leaves(one), tree.leaves(alone)):
            torch.testing.assert_close(p, q)


def test_after_calibration_on_one_batch_inference_is_training():
    rng = seeded()
    net = f.serial(f.linear(3), f.batch_norm(), f.tanh, f.batch_norm())
    params = double(net.init(rng, (4,))[0])
    x = normal((16, 4), rng)
    trained, _ = net(params, x, rng)
    calibrated, _ = net(f.calibrate(net, params, [x], rng), x)
    torch.testing.assert_close(calibrated, trained)


def test_calibration_tells_norms_apart_that_begin_with_the_same_tensors():
    params, _ = f.batch_norm().init(seeded(), (3,))
    x = torch.rand(8, 3, generator=seeded())
    net = f.parallel(f.batch_norm(), f.batch_norm())
    first, second = f.calibrate(net, (params, params), [(x, x + 5)], seeded())
    torch.testing.assert_close(first.mean, x.mean(0))
    torch.testing.assert_close(second.mean, x.mean(0) + 5)


def test_calibration_sees_what_a_norm_inside_a_users_layer_sees():
    norm = f.batch_norm()

    def doubled(params, x, rng):
        return norm(params, 2 * x, rng)

    params, _ = norm.init(seeded(), (3,))
    x = torch.rand(8, 3, generator=seeded())
    found = f.calibrate(f.layer(doubled, norm.init), params, [x], seeded())
    torch.testing.assert_close(found.mean, 2 * x.mean(0))


def test_calibration_leaves_a_norm_alone_whose_parameters_are_not_the_networks():
    norm = f.batch_norm()
    fixed, params = (norm.init(seeded(), (3,))[0] for _ in range(2))

    def normalised(_, x, rng):
        return norm(fixed, x, rng)

    x = torch.rand(8, 3, generator=seeded())
    _, found = f.calibrate(f.serial(normalised, norm), ((), params), [x], seeded())
    seen, _ = norm(fixed, x, seeded())
    torch.testing.assert_close(found.mean, seen.mean(0))
    torch.testing.assert_close(found.var, seen.var(0, correction=0))
    assert torch.equal(fixed.mean, torch.zeros(3))


def test_calibration_measures_each_model_of_a_loop():
    params, _ = f.batch_norm().init(seeded(), (3,))
    xs = torch.rand(2, 8, 3, generator=seeded())
    net = f.vmap(f.batch_norm(), 2, models=1)
    found = f.calibrate(net, tree.stack([params, params]), [xs], seeded())
    torch.testing.assert_close(found.mean, xs.mean(1))
    torch.testing.assert_close(found.var, xs.var(1, correction=0))


def in_own_memory(params, x):
    y = torch.empty(x.shape)
    y.copy_(x)
    return y, lambda dy: ((), dy)


def test_a_norm_that_calibration_cannot_see_is_named():
    net = f.serial(in_own_memory, f.batch_norm())
    params = (), f.batch_norm().init(seeded(), (3,))[0]
    with pytest.raises(f.InputError, match=r"expected every batch_norm to be seen, but not \[1\]"):
        f.calibrate(net, params, [torch.ones(4, 3)], seeded())


def test_a_network_without_norms_stays_as_it_is():
    params, _ = f.linear(3).init(seeded(), (4,))
    found = f.calibrate(f.linear(3), params, [torch.ones(2, 4)], seeded())
    assert all(p is q for p, q in zip(found, params))


def test_calibration_needs_a_batch_and_a_generator():
    params, _ = f.batch_norm().init(seeded(), (4,))
    with pytest.raises(f.InputError, match="calibrate: expected one batch or more, got none"):
        f.calibrate(f.batch_norm(), params, [], seeded())
    with pytest.raises(f.KindError, match=r"^calibrate: expected batches, got int$"):
        f.calibrate(f.batch_norm(), params, 3, seeded())
    with pytest.raises(f.KindError, match=r"calibrate: expected rng to be a torch\.Generator"):
        f.calibrate(f.batch_norm(), params, [torch.ones(2, 4)], None)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_dropout_keeps_the_mean_and_drops_at_its_rate(dtype):
    x = torch.ones(1000, 1000, dtype=dtype)
    y, vjp = f.dropout(0.3)((), x, seeded())
    assert y.dtype == dtype
    assert float((y == 0).double().mean()) == pytest.approx(0.3, abs=0.002)
    assert float(y.double().mean()) == pytest.approx(1, abs=0.005)
    assert torch.equal(vjp(x)[1], y)
    assert f.dropout(0.3)((), x)[0] is x


def test_dropout_of_channels_drops_whole_ones():
    y, _ = f.dropout(0.5, 2)((), torch.ones(6, 4, 5, 8), seeded())
    flat = y.flatten(1, 2)
    assert torch.equal(flat, flat[:, :1].expand_as(flat))
    assert 0 < float((y == 0).float().mean()) < 1


def test_a_constant_input_has_no_nan():
    x = torch.ones(4, 3)
    for layer in (f.layer_norm(), f.rms_norm(), f.group_norm(1, 1), f.batch_norm()):
        params, _ = layer.init(seeded(), (3,))
        y, vjp = layer(params, x, seeded())
        assert y.isfinite().all()
        assert all(d.isfinite().all() for d in tree.leaves(vjp(x)))
