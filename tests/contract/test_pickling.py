"""Layers, losses, modules, optimisers, schedules and steps are copied and pickled."""

import copy
import math
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import pytest
import torch
from helpers import same, seeded
from table import CASES

import funcdl as f
from funcdl import initialisers, schedules, tree


def again(value):
    return pickle.loads(pickle.dumps(value))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_layer_is_the_same_after_pickling(case):
    layer = f.as_layer(case.layer)
    if str(case) == "scan(two_states)":
        with pytest.raises(f.KindError, match=r"got <lambda> of table"):
            again(layer)  # a function of a user's own, without a name
        return
    other = again(layer)
    assert repr(other) == repr(layer)
    params, x = case.params(seeded()), case.inputs(seeded(1))
    same(other.init(seeded(), case.shape)[0], layer.init(seeded(), case.shape)[0])
    (y, vjp), (z, pull) = (part(params, x, *case.generator()) for part in (layer, other))
    same(y, z)
    dy = tree.map(lambda t: torch.rand(t.shape, dtype=t.dtype, generator=seeded(2)), y)
    same(vjp(dy), pull(dy))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_copy_of_a_layer_is_the_layer(case):
    layer = f.as_layer(case.layer)
    assert copy.copy(layer) is layer
    assert copy.deepcopy([layer])[0] is layer


def test_parts_stay_the_parts():
    net = again(f.serial(f.relu, f.shared(f.linear(2), axis=-2), f.remat(f.relu)))
    assert net.layers[0] is f.relu
    assert net.layers[2].layers[0] is f.relu
    table = f.summary(net, (3, 4), seeded())
    assert [row.layer for row in table.rows] == [
        row.layer for row in f.summary(f.serial(*net.layers), (3, 4), seeded()).rows
    ]


OPTIMISERS = {
    "sgd": lambda: f.sgd(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: f.adam(schedules.cosine(0.1, 10)),
    "adamw": lambda: f.adamw(schedules.warm_up(2, schedules.one_cycle(0.1, 10))),
    "chain": lambda: f.optimiser(f.clip_by_global_norm(1.0), f.scale_by_adam(), f.decay(0.1, where=is_weight), lr=0.1),
    "own": lambda: f.optimiser(doubled(2.0), lr=partial(rate, 0.1)),
}  # fmt: skip


def is_weight(path):
    return path.endswith("w")


def rate(start, steps):
    return start / (steps + 1)


def doubled(factor, *, also=1.0):
    """A transform of a user's own."""

    def update(grads, state, params, *, more=also):
        return tree.map(lambda g: factor * more * g, grads), state

    return f.Transform(lambda params: (), update)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_every_optimiser_takes_the_same_steps(name):
    net = f.serial(f.linear(4), f.relu, f.dropout(0.5), f.linear(1))
    params, _ = net.init(seeded(), (3,))
    batch = torch.rand(8, 3, generator=seeded()), torch.rand(8, 1, generator=seeded())
    descent = OPTIMISERS[name]()
    step = f.training_step(f.supervised(net, f.mse()), descent)
    ends = []
    for taken in (
        step,
        again(step),
        copy.deepcopy(step),
        again(f.stage(step)),
        copy.deepcopy(f.stage(step)),
    ):
        drawn = seeded(3)
        state = again(descent).init(params)
        p = params
        for _ in range(3):
            p, state, loss = taken(p, state, batch, drawn)
        ends.append((tree.map(torch.clone, p), loss))
    for p, loss in ends[1:]:
        torch.testing.assert_close(tree.ravel(p)[0], tree.ravel(ends[0][0])[0])
        torch.testing.assert_close(loss, ends[0][1])
    assert copy.deepcopy(descent) is descent


@pytest.mark.parametrize(
    "schedule",
    [
        schedules.constant(0.1), schedules.exponential(0.1, 0.5), schedules.inverse_time(1.0, 0.5),
        schedules.polynomial(1.0, 0.1, 5), schedules.piecewise(1.0, {2: 0.1, 4: 0.5}), schedules.cosine(1.0, 5),
        schedules.warm_up(2, schedules.cosine(1.0, 5)), schedules.one_cycle(1.0, 6),
    ],
)  # fmt: skip
def test_schedules(schedule):
    for other in (again(schedule), copy.deepcopy(schedule)):
        assert [float(other(t)) for t in range(8)] == [float(schedule(t)) for t in range(8)]


def test_the_gradient():
    net = f.supervised(f.linear(1), f.mse())
    params, _ = net.init(seeded(), ((3,), (1,)))
    batch = torch.ones(2, 3), torch.ones(2, 1)
    same(again(f.value_and_grad(net))(params, batch), f.value_and_grad(net)(params, batch))


def digits():
    return f.Sequential(
        f.Conv2d(1, 2, 3), f.ReLU(), f.Flatten(), f.Dropout(0.5), f.Linear(8, 2), f.BatchNorm1d(2)
    )


class Own(f.Module):
    """A module of a user's own, with a generator and a function."""

    def __init__(self, layer, generator):
        super().__init__(layer, (3,), generator)
        self.generator = generator


@pytest.mark.parametrize("copied", [again, copy.deepcopy], ids=["pickled", "copied"])
@pytest.mark.parametrize("own", [False, True])
def test_a_copy_of_a_module_goes_its_own_way(copied, own):
    net = Own(f.serial(f.linear(2), f.dropout(0.5)), seeded()) if own else digits()
    x = torch.rand(5, 3) if own else torch.rand(5, 1, 4, 4)
    net.forward(x)  # a vjp is there
    torch.manual_seed(1)
    twin = copied(net)
    assert repr(twin) == repr(net)
    for (p, g), (q, h) in zip(net.param(), twin.param()):
        assert torch.equal(p, q)
        assert torch.equal(g, h)
        assert p.data_ptr() != q.data_ptr()
    torch.manual_seed(2)
    y = net.forward(x)
    torch.manual_seed(2)
    assert torch.equal(twin.forward(x), y)
    before = [q.clone() for q, _ in twin.param()]
    net.backward(torch.ones_like(y))
    f.SGD(net.param(), lr=0.1).step()
    assert all(torch.equal(q, b) for (q, _), b in zip(twin.param(), before))
    twin.backward(torch.ones_like(y))
    assert all(torch.equal(g, h) for (_, g), (_, h) in zip(net.param(), twin.param()))


@pytest.mark.parametrize("copied", [again, copy.deepcopy], ids=["pickled", "copied"])
def test_a_copy_of_a_module_begins_anew_as_it_did(copied):
    net = f.Linear(3, 2, w_init=initialisers.full(0.5), b_init=initialisers.ones, rng=seeded())
    twin = copied(net)
    assert repr(twin) == repr(net)
    again = twin._drawn()
    assert torch.equal(again.w, torch.full((3, 2), 0.5))
    assert torch.equal(again.b, torch.ones(2))


@pytest.mark.parametrize("copied", [again, copy.deepcopy], ids=["pickled", "copied"])
def test_a_copy_of_a_module_waits_for_a_forward_pass(copied):
    net = f.Linear(3, 2)
    net.forward(torch.ones(4, 3))
    with pytest.raises(f.UsageError, match=r"^Linear: expected forward before backward$"):
        copied(net).backward(torch.ones(4, 2))


@pytest.mark.parametrize("copied", [again, copy.deepcopy], ids=["pickled", "copied"])
def test_a_module_and_its_optimiser_stay_together(copied):
    net = f.Linear(3, 1)
    both = [net, f.Adam(net.param(), lr=0.1), f.LossMSE()]
    ends = []
    for module, descent, loss in (copied(both), both):
        for _ in range(3):
            descent.zero_grad()
            loss.forward(module.forward(torch.ones(4, 3)), torch.zeros(4, 1))
            module.backward(loss.backward())
            descent.step()
        ends.append(module.params)
    same(*ends)


def test_torchs_own_generator_stays_it():
    for copied in (again, copy.deepcopy, copy.copy):
        assert copied(f.Dropout(0.5))._rng is f.Dropout(0.5)._rng


def swish(beta):
    """A layer of a user's own, of functions within a function."""

    def factor(x):
        return (beta * x).sigmoid()

    def apply(params, x):
        s = factor(x)
        return x * s, lambda dy: ((), dy * s * (1 + beta * x * (1 - s)))

    return f.layer(apply, name="swish")


def outputs(layer, params, x):
    y, vjp = layer(params, x)
    return y, vjp(y)


def test_in_another_process():
    net = f.serial(f.conv2d(2, 3), f.relu, f.flatten(), swish(2.0), f.linear(3), f.max_pool2d(1))
    net = f.serial(
        *net.layers[:-1], f.residual(f.remat(f.linear(3))), f.named("top", f.log_softmax)
    )
    params, _ = net.init(seeded(), (4, 4, 1))
    x = torch.rand(5, 4, 4, 1, generator=seeded())
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        there = pool.submit(outputs, net, params, x).result()
    same(there, outputs(net, params, x))


def test_in_a_process_that_has_imported_nothing(tmp_path):
    params, _ = f.linear(2).init(seeded(), (3,))
    step = f.training_step(f.supervised(f.linear(2), f.mse()), f.adam(schedules.cosine(0.1, 5)))
    state = f.adam().init(params)
    (tmp_path / "step").write_bytes(pickle.dumps((step, f.tanh)))
    code = (
        "import pickle, sys; step, tanh = pickle.load(open(sys.argv[1], 'rb'));"
        "import funcdl; assert tanh is funcdl.tanh; print(step)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "step"], capture_output=True, text=True, check=True
    )
    assert "training_step.<locals>.step" in done.stdout
    assert state


def test_what_cannot_be_imported_is_named():
    made = eval("lambda params, x: (x, lambda dy: ((), dy))", {"__name__": "nowhere"})
    text = "^pickle: expected functions that a module defines by def, or that a function of one returns, got <lambda> of nowhere$"
    with pytest.raises(f.KindError, match=text):
        pickle.dumps(f.serial(f.relu, made))


def test_another_version_of_a_factory_is_refused(monkeypatch):
    text = pickle.dumps(swish(2.0))

    def other(beta):
        return beta

    other.__qualname__ = "swish"
    monkeypatch.setattr(sys.modules[__name__], "swish", other)
    with pytest.raises(
        f.KindError, match=r"^pickle: expected the swish that this was pickled with"
    ):
        pickle.loads(text)


def test_a_loss_of_a_users_own():
    def rule(y, t):
        d = y - t
        return d.cosh().log(), lambda dl: d.tanh() * dl

    from funcdl.losses.loss import loss

    made = again(loss("log_cosh", rule, "mean", 0))
    assert math.isclose(
        float(made((), (torch.ones(3), torch.zeros(3)))[0]), math.log(math.cosh(1)), rel_tol=1e-5
    )
