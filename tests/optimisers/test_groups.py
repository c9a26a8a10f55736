"""Groups of parameters, steps that are not taken, a rate that waits: beside what they mean by hand."""

import math

import pytest
import torch
from table import normal

import funcdl as f
from funcdl import tree


def start(rng, models=0):
    net = f.serial(f.linear(4), f.tanh, f.linear(2))
    params = tree.map(torch.Tensor.double, net.init(rng, (3,))[0])
    batch = normal((6, 3), rng), normal((6, 2), rng)
    return f.supervised(net, f.mse(models=models)), params, batch


def same(a, b, **room):
    for x, y in zip(tree.leaves(a), tree.leaves(b), strict=True):
        torch.testing.assert_close(x, y, **room)


@pytest.mark.parametrize("staged", [False, True], ids=["plain", "staged"])
def test_groups_move_as_their_optimisers_do_alone(staged, rng):
    objective, params, batch = start(rng)
    descent = f.grouped({"*.b": f.sgd(0.1), "[0]": f.adam(0.01)}, f.sgd(0.5, momentum=0.9))
    step = f.training_step(objective, descent)
    step, state = f.stage(step) if staged else step, descent.init(params)
    by_hand = [f.sgd(0.1), f.adam(0.01), f.sgd(0.5, momentum=0.9)]
    paths = tree.paths(params)
    owner = {path: 0 if path.endswith(".b") else 1 if path[1] == "0" else 2 for path in paths}
    parts = [
        {path: p.clone() for path, p in zip(paths, tree.leaves(params)) if owner[path] == i}
        for i in range(3)
    ]
    states = [one.init(part) for one, part in zip(by_hand, parts)]
    plain = params
    for _ in range(5):
        _, grads = f.value_and_grad(objective)(plain, batch)
        slopes = dict(zip(paths, tree.leaves(grads)))
        for i, one in enumerate(by_hand):
            mine = {path: slopes[path] for path in parts[i]}
            parts[i], states[i] = one.update(parts[i], mine, states[i])
        everything = {**parts[0], **parts[1], **parts[2]}
        plain = tree.map_with_path(lambda path, _, now=everything: now[path], plain)
        params, state, _ = step(params, state, batch)
        same(params, plain, rtol=1e-12, atol=1e-14)
    assert float(state.groups[0].lr) == 0.1


def test_a_group_has_statistics_like_any_other(rng):
    net = f.serial(f.linear(3), f.batch_norm(), f.linear(1))
    params, _ = net.init(rng, (2,))
    descent = f.grouped({"[1]": f.sgd(0.1)}, f.adam(0.1))
    moved, _ = descent.update(params, tree.map(torch.ones_like, params), descent.init(params))
    torch.testing.assert_close(moved[1].scale, params[1].scale - 0.1)
    assert torch.equal(moved[1].var, params[1].var)


@pytest.mark.parametrize("make", [f.by_path, f.grouped])
@pytest.mark.parametrize("pattern", ["*.x", "[3]"])
def test_a_pattern_that_fits_nothing_is_refused(make, pattern, rng):
    _, params, _ = start(rng)
    part = f.clip(1.0) if make is f.by_path else f.sgd(0.1)
    with pytest.raises(f.InputError, match=r"expected a path of the parameters that no other"):
        make({pattern: part}, part).init(params)
    with pytest.raises(f.InputError, match=r"no other group has"):
        make({"*": part, "[0]": part}, part).init(params)
    with pytest.raises(f.KindError, match=r"expected a(n optimiser| transform) for '\*'"):
        make({"*": 3}, part)


@pytest.mark.parametrize("staged", [False, True], ids=["plain", "staged"])
@pytest.mark.parametrize("models", [0, 1])
def test_gathered_gradients_are_those_of_the_whole_batch(models, staged, rng):
    objective, params, (x, t) = start(rng, models)
    inner = f.adam(f.schedules.exponential(0.1, 0.5))
    if models:
        params, x, t = tree.stack([params, tree.map(lambda p: 0.5 * p, params)]), x, t
        x, t = x.expand(2, 6, 3), t.expand(2, 6, 2)
    whole, descent = f.training_step(objective, inner), f.accumulated(inner, 3)
    part = f.training_step(objective, descent)
    part = f.stage(part) if staged else part
    one, kept, state = params, inner.init(params), descent.init(params)
    for _ in range(3):
        one, kept, _ = whole(one, kept, (x, t))
        for k in range(3):
            before = tree.map(torch.clone, params)
            small = x[..., 2 * k : 2 * k + 2, :], t[..., 2 * k : 2 * k + 2, :]
            params, state, _ = part(params, state, small)
            if k < 2:
                same(params, before, rtol=0, atol=0)
        same(params, one, rtol=1e-12, atol=1e-14)
        same(state.optimiser, kept, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("staged", [False, True], ids=["plain", "staged"])
@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_a_step_that_is_not_finite_is_passed_over(wrong, staged, rng):
    params, descent = (normal((3,), rng), normal((2, 2), rng)), f.finite_only(f.adam(0.1))

    def step(params, state, grads):
        params, state = descent.update(params, grads, state)
        return params, state, grads[0].sum()

    step, state = f.stage(step) if staged else step, descent.init(params)
    plain, kept = params, f.adam(0.1).init(params)
    for i in range(6):
        grads = normal((3,), rng), normal((2, 2), rng)
        if i in (2, 3):
            grads[1][0, 1] = wrong
        else:
            plain, kept = f.adam(0.1).update(plain, grads, kept)
        params, state, _ = step(params, state, grads)
        same(params, plain, rtol=1e-12, atol=1e-14)
    same(state.optimiser, kept, rtol=1e-12, atol=1e-14)
    assert int(state.skipped) == 2


def test_each_model_passes_over_its_own_steps(rng):
    params = (normal((3, 2), rng), normal((3,), rng))
    descent = f.finite_only(f.sgd(0.1, momentum=0.9), models=1)
    grads = torch.ones(3, 2).double(), torch.ones(3).double()
    grads[0][1, 0] = math.nan
    moved, state = descent.update(params, grads, descent.init(params))
    assert state.skipped.tolist() == [0, 1, 0]
    for p, q in zip(params, moved):
        assert torch.equal(p[1], q[1])
        torch.testing.assert_close(q[[0, 2]], p[[0, 2]] - 0.1)
    velocity = state.optimiser.transforms[0]
    assert not velocity[0][1].any()


def test_large_finite_gradients_are_no_infinity():
    params = (torch.zeros(100),)
    descent = f.finite_only(f.optimiser(f.clip_by_norm(1.0), lr=1.0))
    _, state = descent.update(params, (torch.full((100,), 3e38),), descent.init(params))
    assert int(state.skipped) == 0


def test_muon_takes_the_steps_of_pytorchs(rng):
    w = normal((6, 3), rng)
    theirs = [w.T.clone().requires_grad_()]
    reference = torch.optim.Muon(theirs, lr=0.1, weight_decay=0.1)
    descent = f.muon(0.1, matrices="*", weight_decay=0.1)
    params = (w,)
    state = descent.init(params)
    for _ in range(4):
        grad = normal((6, 3), rng)
        theirs[0].grad = grad.T.clone()
        reference.step()
        params, state = descent.update(params, (grad,), state)
        # Its iteration is of bfloat16.
        torch.testing.assert_close(params[0].T, theirs[0].detach(), rtol=0.05, atol=0.01)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (2, 2, 3, 4)])
def test_what_is_orthogonalised_has_equal_singular_values(shape, rng):
    one = normal(shape, rng)
    (u,), _ = f.orthogonalise().update((one,), (), ())
    values = torch.linalg.svdvals(u.reshape(-1, shape[-1]))
    assert float(values.max() / values.min()) < 2
    several = torch.stack([one, 1e30 * one, 1e-3 * one])
    (each,), _ = f.orthogonalise(models=1).update((several,), (), ())
    torch.testing.assert_close(each, torch.stack([u, u, u]))
    with pytest.raises(f.ShapeError, match=r"orthogonalise: expected matrices .*, got \(3,\)"):
        f.orthogonalise().update((torch.ones(3),), (), ())


LOSSES = [3.0, 2.0, 2.0, 2.1, 1.9999, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.4, 1.4, 1.4, 1.4, 1.4, 1.4]


@pytest.mark.parametrize("settings", [{}, {"cooldown": 2}, {"threshold": 0.1}])
def test_the_rate_falls_on_a_plateau_as_in_pytorch(settings):
    theirs = torch.optim.SGD([torch.zeros(1)], 1.0)
    named = {"min_lr": 0.1, "patience": 1, "factor": 0.5, **settings}
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **named)
    watch = f.plateau(0.5, patience=1, least=0.1, **settings)
    lr = torch.ones(()).double()
    seen, both = watch.init(lr), None
    rates = torch.ones(2).double()
    both = watch.init(rates)
    for loss in LOSSES:
        reference.step(loss)
        lr, seen = watch.update(lr, loss, seen)
        assert float(lr) == pytest.approx(theirs.param_groups[0]["lr"], rel=1e-12)
        # Of two models the second gets better all the time.
        falling = torch.tensor([loss, float(both.best[1].clamp_max(10)) / 2]).double()
        rates, both = watch.update(rates, falling, both)
        assert rates.tolist() == [float(lr), 1.0]


def test_a_scaled_group_follows_a_schedule(rng):
    params = (normal((3,), rng), normal((2,), rng))
    later = f.scaled(f.schedules.joined(0.0, {2: 1.0}))
    descent = f.optimiser(f.by_path({"[0]": later}), lr=0.1)
    state, before = descent.init(params), params
    for i in range(4):
        params, state = descent.update(params, tree.map(torch.ones_like, params), state)
        torch.testing.assert_close(params[0], before[0] - 0.1 * max(i - 1, 0))
        torch.testing.assert_close(params[1], before[1] - 0.1 * (i + 1))
