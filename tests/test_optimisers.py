"""Trajectories against torch.optim's, in float64, and the purity of a training step."""

import pytest
import torch
from cases import normal

import funcdl as f
from funcdl import tree

PAIRS = [
    (f.sgd(0.1), torch.optim.SGD, {"lr": 0.1}),
    (f.sgd(0.1, momentum=0.9), torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    (
        f.sgd(0.1, momentum=0.9, nesterov=True),
        torch.optim.SGD,
        {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    ),
    (
        f.sgd(0.1, momentum=0.5, weight_decay=0.3),
        torch.optim.SGD,
        {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.3},
    ),
    (f.adam(0.1), torch.optim.Adam, {"lr": 0.1}),
    (
        f.adam(0.1, betas=(0.5, 0.8), eps=1e-3),
        torch.optim.Adam,
        {"lr": 0.1, "betas": (0.5, 0.8), "eps": 1e-3},
    ),
    (
        f.adam(0.1, weight_decay=0.3),
        torch.optim.AdamW,
        {"lr": 0.1, "weight_decay": 0.3},
    ),
]
TREES = [
    lambda rng: normal((3,), rng),
    lambda rng: (normal((3,), rng), [normal((2, 2), rng), ()]),
    lambda rng: {"b": f.Affine(normal((2,), rng), ()), "a": normal((), rng)},
]


@pytest.mark.parametrize(("optimiser", "torchs", "settings"), PAIRS)
@pytest.mark.parametrize("make", TREES)
def test_trajectories_agree_with_torch(optimiser, torchs, settings, make, rng):
    params = make(rng)
    target = tree.map(lambda p: normal(p.shape, rng), params)
    theirs = [p.clone().requires_grad_() for p in tree.leaves(params)]
    reference = torchs(theirs, **settings)
    state = optimiser.init(params)
    for _ in range(20):
        # The gradient of Σ (p − t)⁴ / 4, which is no straight line.
        grads = tree.map(lambda p, t: (p - t) ** 3, params, target)
        params, state = optimiser.update(params, grads, state)
        for p, t in zip(theirs, tree.leaves(target)):
            p.grad = (p - t) ** 3
        reference.step()
        for p, q in zip(tree.leaves(params), theirs):
            torch.testing.assert_close(p, q, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("make", [f.sgd, f.adam])
def test_a_schedule_is_asked_for_every_step(make, rng):
    params = (normal((3,), rng),)
    scheduled, state = params, None
    optimiser = make(lambda count: 0.1 / (1 + count))
    state = optimiser.init(params)
    steps = []
    for i in range(3):
        grads = (torch.ones(3, dtype=torch.float64),)
        before = scheduled
        scheduled, state = optimiser.update(scheduled, grads, state)
        steps.append(float((before[0] - scheduled[0]).mean()))
        assert steps[-1] == pytest.approx(0.1 / (1 + i), rel=1e-6)


@pytest.mark.parametrize("optimiser", [f.sgd(0.1, momentum=0.9, nesterov=True), f.adam(0.1)])
def test_a_training_step_writes_to_nothing(optimiser, rng):
    net = f.serial(f.linear(5), f.relu, f.linear(1))
    objective = f.supervised(net, f.mse())
    params, _ = net.init(rng, (2,))
    state = optimiser.init(params)
    batch = (torch.rand(4, 2, generator=rng), torch.rand(4, 1, generator=rng))
    before = tree.map(torch.clone, (params, state, batch))
    step = f.training_step(objective, optimiser)
    first, again = step(params, state, batch), step(params, state, batch)
    for p, q in zip(tree.leaves((params, state, batch)), tree.leaves(before)):
        assert torch.equal(p, q)
    for p, q in zip(tree.leaves(first), tree.leaves(again)):
        assert torch.equal(p, q)


def test_an_ensemble_trains_as_each_of_its_models_alone(rng):
    net = f.serial(f.linear(8), f.tanh, f.linear(1))
    optimiser = f.sgd(0.1, momentum=0.9)
    inits = [tree.map(torch.Tensor.double, net.init(rng, (2,))[0]) for _ in range(3)]
    batches = [(normal((4, 2), rng), normal((4, 1), rng)) for _ in range(3)]
    together = tree.stack(inits), optimiser.init(tree.stack(inits)), tree.stack(batches)
    step = f.training_step(f.supervised(net, f.mse(models=1)), optimiser)
    params, state = together[:2]
    for _ in range(10):
        params, state, losses = step(params, state, together[2])
    alone = f.training_step(f.supervised(net, f.mse()), optimiser)
    for i, (p, batch) in enumerate(zip(inits, batches)):
        s = optimiser.init(p)
        for _ in range(10):
            p, s, loss = alone(p, s, batch)
        torch.testing.assert_close(losses[i], loss)
        for mine, its in zip(tree.leaves(tree.unstack(params)[i]), tree.leaves(p)):
            torch.testing.assert_close(mine, its)


def test_grads_of_another_structure_are_refused():
    params = (torch.ones(2),)
    for optimiser in (f.sgd(0.1), f.adam(0.1)):
        with pytest.raises(f.TreeError, match="tree: expected 1 entry, got 2"):
            optimiser.update(params, (torch.ones(2),) * 2, optimiser.init(params))
