"""Rates, decays, momenta and loss weights of a model each: a stack's models are lone ones."""

import pytest
import torch

import funcdl as f
from funcdl import tree
from funcdl.errors import InputError, KindError, ShapeError

RATES = torch.tensor([0.3, 0.01, 0.1], dtype=torch.float64)
SHARES = torch.tensor([0.0, 0.5, 0.9], dtype=torch.float64)

MADE = {
    "sgd": lambda lr, share: f.sgd(lr),
    "momentum": lambda lr, share: f.sgd(lr, momentum=share, weight_decay=share),
    "nesterov": lambda lr, share: f.optimiser(f.momentum(share, nesterov=True), lr=lr),
    "adam": lambda lr, share: f.adam(lr),
    "adamw": lambda lr, share: f.adamw(lr, weight_decay=share),
    "masked": lambda lr, share: f.adam(lr, weight_decay=share, where=lambda p: p.endswith(".w")),
    "rmsprop": lambda lr, share: f.rmsprop(lr, momentum=share, weight_decay=share),
    "adagrad": lambda lr, share: f.adagrad(lr, weight_decay=share),
    "radam": lambda lr, share: f.radam(lr, weight_decay=share),
    "lion": lambda lr, share: f.lion(lr, weight_decay=share),
    "damped": lambda lr, share: f.optimiser(f.momentum(share, dampening=0.5), lr=lr),
    "adadelta": lambda lr, share: f.adadelta(lr, eps=1e-3, weight_decay=share),
    "adamax": lambda lr, share: f.adamax(lr, weight_decay=share),
    "nadam": lambda lr, share: f.nadam(lr, weight_decay=share),
    "muon": lambda lr, share: f.muon(
        lr, weight_decay=share, rest=f.adam(lr), models=getattr(lr, "ndim", 0)
    ),
    "accumulated": lambda lr, share: f.accumulated(f.adam(lr, weight_decay=share), 2),
    "careful": lambda lr, share: f.finite_only(f.sgd(lr), models=getattr(lr, "ndim", 0)),
    "grouped": lambda lr, share: f.grouped({"*.b": f.sgd(lr)}, f.adam(lr)),
    "by path": lambda lr, share: f.optimiser(
        f.scale_by_adam(), f.by_path({"*.b": f.scaled(share), "[0]": f.decay(share)}), lr=lr
    ),
    "averaged": lambda lr, share: f.averaged(f.adam(lr), 0.5),
    "scheduled": lambda lr, share: f.adam(lambda t: f.schedules.cosine(1.0, 6)(t) * lr),
}
# At 0 a momentum cannot look ahead: its model is compared with one that has none.
ALONE = {"nesterov": lambda lr, share: f.sgd(lr, momentum=share, nesterov=bool(share))}


def start(dtype):
    rng = torch.Generator().manual_seed(1)
    net = f.serial(f.linear(4), f.tanh, f.linear(2))
    each = [net.init(rng, (3,))[0] for _ in RATES]
    each = [tree.map(lambda p: p.to(dtype), params) for params in each]
    x = torch.rand(3, 5, 3, generator=rng, dtype=torch.float64).to(dtype)
    return net, each, x, x[..., :2] * 3


# How far the numbers may be from each other after how many steps: rounding grows with them.
ROOM = {torch.float64: (1e-12, 5), torch.float32: (1e-4, 2), torch.bfloat16: (3e-2, 1)}


def course(step, state, params, batch, steps):
    for _ in range(steps):
        params, state, loss = step(params, state, batch)
    return tree.map(torch.clone, params), loss.clone()


@pytest.mark.parametrize("staged", [False, True], ids=["plain", "staged"])
@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_each_model_of_a_stack_is_as_it_is_alone(name, dtype, staged):
    net, each, x, t = start(dtype)
    made = MADE[name](RATES, SHARES)
    stacked = f.tree.stack(each)
    step = f.training_step(f.supervised(net, f.mse(models=1)), made)
    found, losses = course(
        f.stage(step) if staged else step, made.init(stacked), stacked, (x, t), ROOM[dtype][1]
    )
    room, steps = ROOM[dtype]
    for i, params in enumerate(each):
        lone = ALONE.get(name, MADE[name])(float(RATES[i]), float(SHARES[i]))
        step = f.training_step(f.supervised(net, f.mse()), lone)
        expected, loss = course(step, lone.init(params), params, (x[i], t[i]), steps)
        torch.testing.assert_close(losses[i], loss, rtol=room, atol=room)
        for a, b in zip(tree.leaves(found), tree.leaves(expected), strict=True):
            torch.testing.assert_close(a[i], b, rtol=room, atol=room)


def test_a_rate_is_set_for_each_model_by_hand():
    _, each, _, _ = start(torch.float32)
    stacked = f.tree.stack(each)
    descent = f.sgd(RATES)
    state = descent.init(stacked)
    assert torch.equal(state.lr, RATES)
    state = state._replace(lr=state.lr * torch.tensor([0.0, 1.0, 1.0]))
    moved, _ = descent.update(stacked, tree.map(torch.ones_like, stacked), state)
    for p, q in zip(tree.leaves(stacked), tree.leaves(moved)):
        assert torch.equal(p[0], q[0])
        assert (p[1:] != q[1:]).all()


@pytest.mark.parametrize("name", MADE)
def test_rates_that_are_not_as_many_as_the_models_are_refused(name):
    _, each, _, _ = start(torch.float64)
    stacked = f.tree.stack(each[:2])
    descent = MADE[name](RATES, SHARES)
    with pytest.raises(
        ShapeError, match=r"one for each model.* got \(3,\) and a parameter \(2, [34]"
    ):
        descent.update(stacked, stacked, descent.init(stacked))


def test_a_rate_out_of_range_is_refused():
    for make in (f.sgd, f.decay, lambda rate: f.adam(0.1, weight_decay=rate)):
        with pytest.raises(InputError, match=r"each of .* at least 0, got -"):
            make(torch.tensor([0.1, -0.5]))
        with pytest.raises(InputError, match="got nan"):
            make(torch.tensor([0.1, float("nan")]))
        with pytest.raises(KindError, match=r"numbers or floats, got torch.int64"):
            make(torch.tensor([1, 2]))
        with pytest.raises(InputError, match="at least one model, got none"):
            make(torch.tensor([]))
    with pytest.raises(InputError, match=r"below 1, got 1"):
        f.momentum(torch.tensor([0.1, 1.0]))


WEIGHTS = torch.tensor([1.0, 0.0, 0.25], dtype=torch.float64)


def test_a_loss_has_a_weight_for_each_model():
    _, _, x, _ = start(torch.float64)
    both = f.weighted_sum((1.0, f.mse(models=1)), (WEIGHTS, f.l1(models=1)))
    loss, vjp = both((), ((x, x), (x + 1, 2 * x)))
    _, ((dy, dz), _) = vjp(torch.ones(3, dtype=torch.float64))
    for i, weight in enumerate(WEIGHTS.tolist()):
        alone = f.weighted_sum((1.0, f.mse()), (weight, f.l1()))
        value, pull = alone((), ((x[i], x[i]), (x[i] + 1, 2 * x[i])))
        torch.testing.assert_close(loss[i], value)
        _, ((d, e), _) = pull(torch.ones((), dtype=torch.float64))
        torch.testing.assert_close(dy[i], d)
        torch.testing.assert_close(dz[i], e)


def test_a_loss_without_weight_contributes_nothing_to_its_model_be_it_infinite():
    x = torch.ones(2, 3)
    x[0, 0] = float("inf")
    weights = torch.tensor([0.0, 2.0])
    both = f.weighted_sum((1.0, f.mse(models=1)), (weights, f.mse(models=1)))
    loss, vjp = both((), ((torch.ones(2, 3), x), (torch.zeros(2, 3), torch.zeros(2, 3))))
    assert loss.tolist() == [1.0, 3.0]
    _, ((_, dz), _) = vjp(torch.ones(2))
    assert dz[0].tolist() == [0.0] * 3
    assert dz[1].isfinite().all()


def test_weights_that_are_not_as_many_as_the_losses_are_refused():
    x = torch.ones(2, 3)
    both = f.weighted_sum((1.0, f.mse(models=1)), (WEIGHTS, f.mse(models=1)))
    with pytest.raises(ShapeError, match=r"weighted_sum\[1\]: expected a weight for each loss, \("):
        both((), ((x, x), (x, x)))
    assert repr(both) == "weighted_sum((1, mse(models=1)), (a tensor (3,), mse(models=1)))"
