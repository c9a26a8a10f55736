"""Trajectories against torch.optim's, in float64, and the purity of a training step."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from table import normal

import funcdl as f
from funcdl import tree

law = settings(deadline=None, max_examples=60)
TENSORS = st.integers(0, 2**32 - 1).map(
    lambda seed: tuple(
        normal(shape, torch.Generator().manual_seed(seed)) for shape in ((3,), (2, 2), ())
    )
)

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
    (f.adamw(0.1), torch.optim.AdamW, {"lr": 0.1}),
    (f.adagrad(0.1), torch.optim.Adagrad, {"lr": 0.1}),
    (
        f.adagrad(0.1, eps=1e-2, weight_decay=0.3),
        torch.optim.Adagrad,
        {"lr": 0.1, "eps": 1e-2, "weight_decay": 0.3},
    ),
    (f.rmsprop(0.1), torch.optim.RMSprop, {"lr": 0.1}),
    (
        f.rmsprop(0.1, rate=0.8, eps=1e-3, centred=True, momentum=0.5, weight_decay=0.3),
        torch.optim.RMSprop,
        {
            "lr": 0.1,
            "alpha": 0.8,
            "eps": 1e-3,
            "centered": True,
            "momentum": 0.5,
            "weight_decay": 0.3,
        },
    ),
    (
        f.sgd(0.1, momentum=0.5, dampening=0.3, weight_decay=0.3),
        torch.optim.SGD,
        {"lr": 0.1, "momentum": 0.5, "dampening": 0.3, "weight_decay": 0.3},
    ),
    (f.adam(0.1, amsgrad=True), torch.optim.Adam, {"lr": 0.1, "amsgrad": True}),
    (f.adamw(0.1, amsgrad=True), torch.optim.AdamW, {"lr": 0.1, "amsgrad": True}),
    (f.adadelta(), torch.optim.Adadelta, {}),
    (
        f.adadelta(0.5, rate=0.8, eps=1e-3, weight_decay=0.3),
        torch.optim.Adadelta,
        {"lr": 0.5, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.3},
    ),
    (f.adamax(0.1), torch.optim.Adamax, {"lr": 0.1}),
    (
        f.adamax(0.1, betas=(0.5, 0.8), eps=1e-3),
        torch.optim.Adamax,
        {"lr": 0.1, "betas": (0.5, 0.8), "eps": 1e-3},
    ),
    (f.nadam(0.1), torch.optim.NAdam, {"lr": 0.1}),
    (
        f.nadam(0.1, betas=(0.5, 0.8), eps=1e-3, warming=0.1, weight_decay=0.3),
        torch.optim.NAdam,
        {
            "lr": 0.1,
            "betas": (0.5, 0.8),
            "eps": 1e-3,
            "momentum_decay": 0.1,
            "weight_decay": 0.3,
            "decoupled_weight_decay": True,
        },
    ),
    (f.radam(0.1), torch.optim.RAdam, {"lr": 0.1}),
    (
        f.radam(0.1, betas=(0.5, 0.8), eps=1e-3, weight_decay=0.3),
        torch.optim.RAdam,
        {
            "lr": 0.1,
            "betas": (0.5, 0.8),
            "eps": 1e-3,
            "weight_decay": 0.3,
            "decoupled_weight_decay": True,
        },
    ),
]
TREES = [
    lambda rng: normal((3,), rng),
    lambda rng: (normal((3,), rng), [normal((2, 2), rng), ()]),
    lambda rng: {"b": f.Affine(normal((2,), rng), ()), "a": normal((), rng)},
]


def quartic(p, t):
    """The gradient of Σ (p − t)⁴ / 4."""
    return (p - t) ** 3


def quadratic(p, t):
    """The gradient of Σ (p − t)² / 2."""
    return p - t


def rosenbrock(p, t):
    """The gradient of a bent valley: Σ (1 − p)² / 20 + (t − p²)² / 40."""
    return 0.1 * (p - 1) - 0.1 * p * (t - p * p)


@pytest.mark.parametrize(("optimiser", "torchs", "settings"), PAIRS)
@pytest.mark.parametrize("gradient", [quartic, quadratic, rosenbrock])
@pytest.mark.parametrize("make", TREES)
def test_trajectories_agree_with_torch(optimiser, torchs, settings, gradient, make, rng):
    # NAdam keeps a product of its decays in torch's default dtype.
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        agree(optimiser, torchs, settings, gradient, make, rng)
    finally:
        torch.set_default_dtype(before)


def agree(optimiser, torchs, settings, gradient, make, rng):
    params = make(rng)
    target = tree.map(lambda p: normal(p.shape, rng), params)
    theirs = [p.clone().requires_grad_() for p in tree.leaves(params)]
    reference = torchs(theirs, **settings)
    state = optimiser.init(params)
    for _ in range(20):
        grads = tree.map(gradient, params, target)
        params, state = optimiser.update(params, grads, state)
        for p, t in zip(theirs, tree.leaves(target)):
            p.grad = gradient(p.detach(), t)
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


def test_the_structure_expected_is_that_of_the_parameters():
    params = {"a": (torch.ones(2), torch.ones(3))}
    grads = {"a": (torch.ones(2),)}
    for optimiser in (f.sgd(0.1, weight_decay=0.1), f.adam(0.1), f.optimiser(f.clip(1.0), lr=0.1)):
        with pytest.raises(f.TreeError, match=r"tree\.a: expected 2 entries, got 1"):
            optimiser.update(params, grads, optimiser.init(params))


@pytest.mark.parametrize("shape", [(3,), (2, 2)])
@pytest.mark.parametrize(
    "make", [f.sgd, f.adagrad, f.rmsprop, f.adam, f.radam, f.lion], ids=lambda make: make.__name__
)
@pytest.mark.parametrize("lr", [0.1, lambda steps: 0.1 / (1 + steps)])
def test_a_gradient_of_another_shape_is_named_and_never_broadcast(make, lr, shape):
    params = {"a": torch.ones(4), "b": torch.ones(2)}
    optimiser = make(lr)
    with pytest.raises(f.ShapeError) as caught:
        optimiser.update(
            params, {"a": torch.ones(4), "b": torch.ones(shape)}, optimiser.init(params)
        )
    expected = f"optimiser: expected a gradient of shape (2,) for params.b, got {shape}"
    assert str(caught.value) == expected


@pytest.mark.parametrize("models", [0, 1])
def test_clipping_by_norm_keeps_every_dtype(models):
    grads = torch.ones(3), torch.ones(3, 2, dtype=torch.float64), torch.ones(3).bfloat16()
    for make in (f.clip_by_norm, f.clip_by_global_norm):
        clipped, _ = make(0.5, models=models).update(grads, (), ())
        assert [u.dtype for u in clipped] == [g.dtype for g in grads]
        with pytest.raises(f.ShapeError, match=f"^{make.__name__}: expected gradients with 2 axes"):
            make(0.5, models=2).update(grads, (), ())


def test_lion_follows_its_formula(rng):
    p, m = normal((3,), rng), torch.zeros(3, dtype=torch.float64)
    optimiser = f.lion(0.1, betas=(0.6, 0.8), weight_decay=0.3)
    params, state = (p,), optimiser.init((p,))
    for _ in range(10):
        g = p**3 - 1
        params, state = optimiser.update(params, (g,), state)
        p = p - 0.1 * (torch.sign(0.6 * m + 0.4 * g) + 0.3 * p)
        m = 0.8 * m + 0.2 * g
        torch.testing.assert_close(params[0], p)


ALL = [
    f.sgd(0.05),
    f.sgd(0.05, momentum=0.9, nesterov=True),
    f.adagrad(0.1),
    f.rmsprop(0.01),
    f.adam(0.05),
    f.adamw(0.05),
    f.radam(0.05),
    f.lion(0.01),
    f.sgd(0.05, momentum=0.9, dampening=0.5),
    f.adam(0.05, amsgrad=True),
    f.adadelta(1.0, eps=1e-3),
    f.adamax(0.05),
    f.nadam(0.05),
    f.accumulated(f.adam(0.1), 2),
    f.finite_only(f.adam(0.05)),
    f.optimiser(f.by_path({"*": f.scaled(0.5)}), f.scale_by_adam(), lr=0.05),
    f.grouped({"*": f.adam(0.05)}, f.sgd(0.1)),
    f.averaged(f.adam(0.05), 0.9),
    f.optimiser(f.clip_by_global_norm(1.0), f.scale_by_adam(), f.decay(0.01), lr=0.05),
    f.adam(f.schedules.one_cycle(0.05, 60)),
]


@pytest.mark.parametrize("optimiser", ALL)
@pytest.mark.parametrize("loss", [f.mse, f.cross_entropy, f.huber], ids=lambda m: m.__name__)
@pytest.mark.parametrize("net", [f.serial(f.linear(5), f.tanh, f.linear(3)), f.linear(3)], ids=repr)
def test_every_optimiser_lowers_every_loss(optimiser, loss, net, rng):
    x = torch.rand(20, 4, generator=rng)
    t = (x @ torch.rand(4, 3, generator=rng)).sub_(1)
    t = t.argmax(-1) if loss is f.cross_entropy else t
    params, _ = net.init(rng, (4,))
    step, state = f.training_step(f.supervised(net, loss()), optimiser), optimiser.init(params)
    losses = []
    for _ in range(60):
        params, state, value = step(params, state, (x, t))
        losses.append(float(value))
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("optimiser", ALL)
def test_a_state_is_a_pytree_of_tensors(optimiser, rng):
    params = (normal((3,), rng), {"b": f.Affine(normal((2, 2), rng), ())})
    state = optimiser.init(params)
    assert all(isinstance(leaf, torch.Tensor) for leaf in tree.leaves(state))
    _, after = optimiser.update(params, params, state)
    assert tree.to_leaves(after)[1] == tree.to_leaves(state)[1]
    for one, other in zip(tree.leaves(state), tree.leaves(after)):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)


@pytest.mark.parametrize("lr", [0.1, lambda steps: 0.1 / (1 + steps)])
def test_the_learning_rate_is_read_from_the_state(lr):
    optimiser = f.adam(lr)
    params = (torch.ones(2),)
    state = optimiser.init(params)
    for i in range(3):
        params, state = optimiser.update(params, params, state)
        assert float(state.lr) == pytest.approx(lr(i) if callable(lr) else lr)


@law
@given(
    TENSORS, st.floats(0.1, 10), st.sampled_from([f.clip, f.clip_by_norm, f.clip_by_global_norm])
)
def test_what_is_within_the_limit_stays_to_the_last_bit(grads, limit, make):
    grads = tuple(g * 1e-3 for g in grads)
    clipped, _ = make(limit).update(grads, (), ())
    assert all(torch.equal(g, u) for g, u in zip(grads, clipped))


@law
@given(TENSORS, st.floats(0.01, 1))
def test_clipping_by_norm_keeps_the_direction(grads, limit):
    by_norm, _ = f.clip_by_norm(limit).update(grads, (), ())
    by_all, _ = f.clip_by_global_norm(limit).update(grads, (), ())
    total = torch.cat([g.flatten() for g in grads]).norm()
    for g, u, v in zip(grads, by_norm, by_all):
        assert float(u.norm()) <= limit * (1 + 1e-9)
        torch.testing.assert_close(u * max(float(g.norm()), limit), g * limit)
        torch.testing.assert_close(v * max(float(total), limit), g * limit)
    assert float(torch.cat([v.flatten() for v in by_all]).norm()) <= limit * (1 + 1e-9)


@pytest.mark.parametrize("make", [f.clip_by_norm, f.clip_by_global_norm])
def test_each_model_has_a_norm_of_its_own(make, rng):
    models = [(normal((3,), rng), normal((2, 2), rng)) for _ in range(3)]
    together, _ = make(0.5, models=1).update(tree.stack(models), (), ())
    for one, other in zip(tree.unstack(together), models):
        alone, _ = make(0.5).update(other, (), ())
        for p, q in zip(one, alone):
            torch.testing.assert_close(p, q)


def test_what_the_mask_leaves_out_does_not_decay(rng):
    params = (f.Affine(normal((3, 2), rng), normal((2,), rng)), {"w": normal((2,), rng)})
    zero = tree.zeros_like(params)
    optimiser = f.adam(0.1, weight_decay=0.5, where=lambda path: path.endswith(".w"))
    moved, _ = optimiser.update(params, zero, optimiser.init(params))
    torch.testing.assert_close(moved[0].w, params[0].w * 0.95)
    assert torch.equal(moved[0].b, params[0].b)
    torch.testing.assert_close(moved[1]["w"], params[1]["w"] * 0.95)


def test_the_average_is_the_sum_that_it_says(rng):
    optimiser = f.averaged(f.sgd(0.1), 0.75)
    params = (normal((3,), rng),)
    state, expected = optimiser.init(params), params[0]
    for _ in range(5):
        params, state = optimiser.update(params, (params[0] ** 3,), state)
        expected = 0.75 * expected + 0.25 * params[0]
    torch.testing.assert_close(state.average[0], expected)


@law
@given(TENSORS)
def test_chain_is_associative_with_nothing_as_its_unit(grads):
    a, b, c = f.clip(0.5), f.decay(0.1), f.clip_by_global_norm(0.7)
    outs = [
        both.update(grads, both.init(grads), grads)[0]
        for both in (
            f.chain(a, b, c),
            f.chain(f.chain(a, b), c),
            f.chain(a, f.chain(b, c)),
            f.chain(f.chain(), a, b, f.chain(), c),
        )
    ]
    for out in outs[1:]:
        assert all(torch.equal(p, q) for p, q in zip(out, outs[0]))


@pytest.mark.parametrize("optimiser", [f.sgd(0.1), f.adam(lambda steps: 0.1 / (1 + steps))])
@pytest.mark.parametrize(
    ("param", "grad", "text"),
    [
        (torch.ones(2), torch.ones(2).double(), "optimiser: expected a gradient of torch.float32 for params[0], got torch.float64"),
        (torch.ones(2), None, "optimiser: expected a gradient of torch.float32 for params[0], got NoneType"),
        (torch.ones(2), torch.ones(2, device="meta"), "optimiser: expected a gradient on cpu for params[0], got meta"),
        (torch.ones(2).long(), torch.ones(2), "optimiser: expected params[0] to be a tensor of floats, got torch.int64"),
        (3.0, torch.ones(2), "optimiser: expected params[0] to be a tensor of floats, got float"),
    ],
)  # fmt: skip
def test_a_gradient_of_another_kind_is_named(optimiser, param, grad, text):
    with pytest.raises(f.KindError) as caught:
        optimiser.update((param,), (grad,), optimiser.init((torch.ones(2),)))
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("state", "error", "words"),
    [
        (lambda state: state._replace(transforms=()), f.TreeError, "chain: expected the states of 1 transforms, got 0"),
        (lambda state: (), f.KindError, "optimiser: expected the state that init made for such params"),
        (lambda state: f.adam().init((torch.ones(3),)), f.ShapeError, r"optimiser: expected the state that init made for such params, with state.transforms\[0\].mean\[0\] of shape \(2,\), got \(3,\)$"),
    ],
)  # fmt: skip
def test_a_state_of_another_optimiser_is_refused(state, error, words):
    optimiser, params = f.adam(), (torch.ones(2),)
    with pytest.raises(error, match=f"^{words}"):
        optimiser.update(params, params, state(optimiser.init(params)))


@pytest.mark.parametrize("state", [(), None, {}, "fast", torch.ones(2), (torch.ones(2),)], ids=repr)
@pytest.mark.parametrize(
    ("optimiser", "kind"),
    [(f.sgd(0.1), "optimiser"), (f.adam(), "optimiser"), (f.averaged(f.sgd(0.1), 0.9), "averaged")],
    ids=["sgd", "adam", "averaged"],
)
def test_what_is_no_state_is_called_by_its_class(optimiser, kind, state):
    expected = {"optimiser": "OptimiserState", "averaged": "Averaged"}[kind]
    said = (
        f"{kind}: expected the state that init made for such params, of class {expected}, "
        f"got {type(state).__name__}"
    )
    with pytest.raises(f.KindError) as caught:
        optimiser.update((torch.ones(2),), (torch.ones(2),), state)
    assert str(caught.value) == said


def test_the_average_of_other_parameters_is_refused():
    optimiser = f.averaged(f.sgd(0.1), 0.9)
    with pytest.raises(f.KindError, match=r"^averaged: expected the state that init made for such"):
        optimiser.update((torch.ones(2),), (torch.ones(2),), optimiser.init((torch.ones(3),)))


@pytest.mark.parametrize("error", [TypeError("mine"), f.InputError("mine")], ids=repr)
def test_an_error_of_a_transform_of_a_users_own_comes_through_as_it_is(error):
    def fail(grads, state, params):
        raise error

    optimiser = f.optimiser(f.Transform(lambda params: (), fail), lr=0.1)
    params = (torch.ones(2),)
    with pytest.raises(type(error)) as caught:
        optimiser.update(params, params, optimiser.init(params))
    assert caught.value is error


@pytest.mark.parametrize("make", [f.clip, f.clip_by_norm, f.clip_by_global_norm])
def test_of_no_parameters_nothing_is_clipped(make):
    optimiser = f.optimiser(make(1.0), lr=0.1)
    params, state = optimiser.update({"a": ()}, {"a": ()}, optimiser.init({"a": ()}))
    assert params == {"a": ()}
    assert state.transforms == ((),)


HALVES = [torch.float16, torch.bfloat16]
MAGNITUDES = [1.0, 300.0, 6e4, 1e-4, 6e-8, 0.0]


@pytest.mark.parametrize("size", MAGNITUDES)
@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize(
    "make",
    [*(f.adagrad, f.rmsprop, f.adam, f.adamw, f.radam, f.lion), f.adadelta, f.adamax, f.nadam],
    ids=lambda m: m.__name__,
)
def test_half_precision_takes_the_steps_of_float64(make, dtype, size, rng):
    optimiser = make(0.1)
    params = tree.map(lambda p: p.to(dtype), (normal((30,), rng), [normal((2, 2), rng)]))
    exact = tree.map(torch.Tensor.double, params)
    state, right = optimiser.init(params), optimiser.init(exact)
    for _ in range(12):
        grads = tree.map(lambda p: (normal(p.shape, rng).clamp(-1, 1) * size).to(dtype), params)
        params, state = optimiser.update(params, grads, state)
        exact, right = optimiser.update(exact, tree.map(torch.Tensor.double, grads), right)
    for p, q in zip(tree.leaves(params), tree.leaves(exact)):
        assert p.dtype == dtype
        # Each of 12 steps is rounded, and so is the update before it.
        room = 12 * 2 * torch.finfo(dtype).eps * max(float(q.abs().max()), 1)
        assert float((p.double() - q).abs().max()) <= room


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_what_is_summed_up_for_half_precision_is_float32(dtype):
    params = (torch.ones(3, dtype=dtype),)
    centred = f.rmsprop(0.1, centred=True, momentum=0.9)
    for optimiser in (*ALL, centred):
        state = optimiser.init(params)
        after = optimiser.update(params, params, state)[1]
        kinds = [t.dtype for t in tree.leaves(state)]
        assert kinds == [t.dtype for t in tree.leaves(after)]
        kept = [t.dtype for t in tree.leaves(state) if t.ndim]
        assert set(kept) <= {torch.float32}


@pytest.mark.parametrize("make", [f.clip_by_norm, f.clip_by_global_norm])
@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("size", [300.0, 6e4, 1e-4])
def test_norms_of_half_precision_neither_overflow_nor_vanish(make, dtype, size):
    grads = (torch.full((500,), size, dtype=dtype),)
    norm = float(grads[0].double().norm())
    for limit in (norm / 8, norm * 2):
        (clipped,), _ = make(limit).update(grads, (), ())
        expected = grads[0].double() * min(limit / norm, 1)
        torch.testing.assert_close(clipped.double(), expected, rtol=0.01, atol=1e-7)


@pytest.mark.parametrize("special", [math.inf, -math.inf, math.nan])
def test_infinite_gradients_are_clipped_as_torch_has_it(special):
    grads = torch.tensor([1.0, special, -2.0]), torch.tensor([0.5])
    theirs = [g.clone().requires_grad_() for g in grads]
    for p, g in zip(theirs, grads):
        p.grad = g.clone()
    torch.nn.utils.clip_grad_norm_(theirs, 1.0)
    ours, _ = f.clip_by_global_norm(1.0).update(grads, (), ())
    for u, p in zip(ours, theirs):
        torch.testing.assert_close(u, p.grad, equal_nan=True)
    alone, _ = f.clip_by_norm(1.0).update(grads, (), ())
    torch.testing.assert_close(alone[0], theirs[0].grad, equal_nan=True)
    assert torch.equal(alone[1], grads[1])
    for p, g in zip(theirs, grads):
        p.grad = g.clone()
    torch.nn.utils.clip_grad_value_(theirs, 1.5)
    ours, _ = f.clip(1.5).update(grads, (), ())
    torch.testing.assert_close(ours[0], theirs[0].grad, equal_nan=True)


@pytest.mark.parametrize(("optimiser", "torchs", "settings"), PAIRS)
@pytest.mark.parametrize("special", [math.inf, -math.inf, math.nan, 0.0, 1e30])
def test_special_gradients_do_what_they_do_in_torch(optimiser, torchs, settings, special):
    params = (torch.ones(3),)
    state, theirs = optimiser.init(params), [torch.ones(3, requires_grad=True)]
    reference = torchs(theirs, **settings)
    for k in range(8):
        grad = torch.tensor([0.5, special if k == 5 else 0.1, special if special == 0 else -1.0])
        theirs[0].grad = grad.clone()
        reference.step()
        params, state = optimiser.update(params, (grad,), state)
        known = ~theirs[0].detach().isnan()
        expected = theirs[0].detach()[known]
        torch.testing.assert_close(params[0][known], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.5, 0.6, 2 / 3, 0.7, 0.9])
def test_radam_never_divides_where_it_is_not_sure(beta, rng):
    optimiser, params = f.radam(0.1, betas=(0.9, beta)), (normal((4,), rng),)
    theirs = [params[0].clone().requires_grad_()]
    reference = torch.optim.RAdam(theirs, lr=0.1, betas=(0.9, beta))
    state = optimiser.init(params)
    for _ in range(12):
        theirs[0].grad = normal((4,), rng)
        params, state = optimiser.update(params, (theirs[0].grad,), state)
        reference.step()
        torch.testing.assert_close(params[0], theirs[0].detach())


def test_a_large_square_is_nothing_to_radam_before_it_is_sure():
    optimiser, params = f.radam(0.1), (torch.ones(1),)
    params, _ = optimiser.update(params, (torch.tensor([1e30]),), optimiser.init(params))
    assert float(params[0]) == pytest.approx(-1e29)


def test_lion_does_not_keep_quiet_about_nan():
    for kind, tiny in ((torch.float32, 1e-44), (torch.float64, 1e-322)):
        g = torch.tensor([math.nan, math.inf, -math.inf, 0.0, tiny, -tiny], dtype=kind)
        lion = f.sign_of_momentum(betas=(0.75, 0.9))
        signs, _ = lion.update((g,), (torch.zeros_like(g),), (g,))
        expected = torch.tensor([math.nan, 1.0, -1.0, 0.0, 1.0, -1.0], dtype=kind)
        torch.testing.assert_close(signs[0], expected, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("rate", [0.5, 0.9, 0.99])
def test_the_variance_of_equal_gradients_is_never_negative(rate):
    scale = f.scale_by_rms(rate, eps=0.0, centred=True)
    params = (torch.full((50,), 3.0),)
    state = scale.init(params)
    for _ in range(300):
        _, state = scale.update((torch.linspace(0.1, 7.7, 50),), state, params)
        assert bool((state.square[0] >= 0).all())


# The rate in the state.


def of(state):
    """The state that has the rate, whatever is around it."""
    return state.optimiser if isinstance(state, f.Averaged) else state


def slower(state, factor):
    inner = of(state)._replace(lr=of(state).lr * factor)
    return state._replace(optimiser=inner) if isinstance(state, f.Averaged) else inner


RATED = {
    "sgd": f.sgd,
    "momentum": lambda lr: f.sgd(lr, momentum=0.9, weight_decay=0.1),
    "adagrad": f.adagrad,
    "rmsprop": f.rmsprop,
    "adam": f.adam,
    "adamw": f.adamw,
    "radam": f.radam,
    "lion": f.lion,
    "chain": lambda lr: f.optimiser(f.clip(1.0), f.chain(f.scale_by_adam(), f.decay(0.1)), lr=lr),
    "averaged": lambda lr: f.averaged(f.adam(lr), 0.9),
}


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.parametrize("models", [0, 1])
@pytest.mark.parametrize("make", RATED.values(), ids=RATED)
def test_a_rate_that_is_set_is_that_of_the_next_steps(make, models, staged, rng):
    net = f.serial(f.linear(4), f.tanh, f.linear(1))
    params = tree.map(torch.Tensor.double, net.init(rng, (2,))[0])
    batch = normal((5, 2), rng), normal((5, 1), rng)
    if models:
        params, batch = tree.stack([params, params]), tree.stack([batch, batch])
    objective = f.supervised(net, f.mse(models=models))
    step = f.training_step(objective, make(0.1))
    plain = f.training_step(objective, make(0.1)), f.training_step(objective, make(0.05))
    step = f.stage(step) if staged else step
    state, expected = make(0.1).init(params), (params, make(0.1).init(params))
    for i in range(6):
        if i == 3:
            state = slower(state, 0.5)
            expected = expected[0], slower(expected[1], 0.5)
        params, state, _ = step(params, state, batch)
        *expected, _ = plain[i >= 3](*expected, batch)
        assert float(of(state).lr) == (0.1 if i < 3 else 0.05)
        for p, q in zip(tree.leaves(params), tree.leaves(expected[0])):
            torch.testing.assert_close(p, q, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.parametrize("make", RATED.values(), ids=RATED)
def test_after_a_rate_that_was_set_a_schedule_goes_on(make, staged, rng):
    def lr(steps):
        return 0.1 / (1 + steps)

    params = (normal((3,), rng),)
    optimiser = make(lr)

    def step(params, state, batch):
        params, state = optimiser.update(params, (batch,), state)
        return params, state, batch.sum()

    step = f.stage(step) if staged else step
    state = optimiser.init(params)
    assert float(of(state).lr) == pytest.approx(0.1)
    for i in range(6):
        before = params[0].clone()
        if i == 3:
            state = slower(state, 0.0)
        params, state, _ = step(params, state, normal((3,), rng))
        assert float(of(state).lr) == pytest.approx(0.0 if i == 3 else 0.1 / (1 + i))
        assert torch.equal(before, params[0]) == (i == 3)


def test_a_rate_can_be_set_as_a_number():
    params = (torch.ones(2),)
    for optimiser in (f.sgd(0.1), f.sgd(lambda steps: 0.1 / (1 + steps))):
        state = optimiser.init(params)._replace(lr=0.5)
        moved, after = optimiser.update(params, params, state)
        torch.testing.assert_close(moved[0], torch.full((2,), 0.5))
        assert float(after.lr) == 0.5


@pytest.mark.parametrize("make", RATED.values(), ids=RATED)
@pytest.mark.parametrize("shape", [(3,), (1,), (2, 1)])
def test_a_rate_with_axes_that_no_parameter_begins_with_is_refused(make, shape):
    params = (torch.ones(2),)
    wanted = (
        "optimiser: expected one rate, or one for each model, with whose axes each parameter "
        f"begins, got {shape} and a parameter (2,)"
    )
    optimiser = make(0.1)
    wide = slower(optimiser.init(params), torch.ones(shape, dtype=torch.float64))
    scheduled = make(lambda steps: torch.ones(shape, dtype=torch.float64) * 0.1)
    for descent, state in ((optimiser, wide), (scheduled, scheduled.init(params))):
        with pytest.raises(f.ShapeError) as caught:
            descent.update(params, params, state)
        assert str(caught.value) == wanted


@pytest.mark.parametrize("rate", ["x", None, [0.1], -0.1])
def test_a_rate_that_is_none_is_refused(rate):
    params = (torch.ones(2),)
    optimiser = f.adam(0.1)
    state = optimiser.init(params)._replace(lr=rate)
    with pytest.raises(f.FuncdlError, match=r"^optimiser: expected the rate to be "):
        optimiser.update(params, params, state)


@pytest.mark.parametrize(
    "lr", [0.1, lambda steps: steps.mul(0).add(0.1)], ids=["number", "schedule"]
)
def test_a_staged_step_takes_a_rate_of_another_dtype(lr, rng):
    optimiser = f.sgd(lr)
    net = f.linear(1)
    params, _ = net.init(rng, (2,))
    batch = torch.ones(4, 2), torch.ones(4, 1)
    plain = f.training_step(f.supervised(net, f.mse()), optimiser)
    step, state = f.stage(plain), optimiser.init(params)
    params, state, _ = step(params, state, batch)
    state = state._replace(lr=torch.tensor(0.05))
    expected = plain(params, state, batch)[0]
    for i in range(3):
        params, state, _ = step(params, state, batch)
        assert float(state.lr) == pytest.approx(0.1 if i and callable(lr) else 0.05)
        if not i:
            torch.testing.assert_close(params.w, expected.w)


@pytest.mark.parametrize(
    "make",
    [f.SGD, f.Adagrad, f.Adam, f.AdamW, f.Lion, f.RAdam, f.RMSprop],
    ids=lambda m: m.__name__,
)
def test_a_modules_optimiser_takes_the_rate_that_is_set(make):
    p, grad = torch.ones(2), torch.ones(2)
    optimiser = make([(p, grad)], lr=0.1)
    assert optimiser.lr == 0.1
    optimiser.step()
    moved = p.clone()
    optimiser.lr = 0.0
    optimiser.step()
    assert torch.equal(p, moved)
    optimiser.lr = 0.2
    optimiser.step()
    assert not torch.equal(p, moved)
    assert optimiser.lr == 0.2
    with pytest.raises(f.InputError, match=rf"^{make.__name__}: expected lr to be at least 0"):
        optimiser.lr = -1.0
