"""Staged steps of random networks against the pure ones, step by step, in float64."""

import pytest
import torch
from hypothesis import given, reject
from hypothesis import strategies as st
from networks import images, sequences, vectors
from users import UNSEEN, twice_the_same

import funcdl as f
from funcdl import tree

OPTIMISERS = {
    "sgd": f.sgd(0.1),
    "scheduled": f.sgd(lambda count: 0.1 / (1 + count), weight_decay=0.1),
    "momentum": f.sgd(0.1, momentum=0.9),
    "nesterov": f.sgd(0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": f.adam(0.01),
    "adamw": f.adamw(0.01, where=lambda path: not path.endswith(".b")),
    "adagrad": f.adagrad(0.01),
    "rmsprop": f.rmsprop(0.01, centred=True, momentum=0.5),
    "radam": f.radam(0.01),
    "lion": f.lion(0.001, weight_decay=0.1),
    "averaged": f.averaged(f.adam(0.01), 0.9),
    "clipped": f.optimiser(f.clip_by_global_norm(0.1), f.scale_by_adam(), lr=0.01),
    "by norm": f.optimiser(f.clip_by_norm(0.1), f.clip(0.05), f.momentum(0.9), lr=0.1),
    "one cycle": f.adam(f.schedules.one_cycle(0.01, 5)),
}
LOSSES = {"mse": f.mse(), "l1": f.l1(), "huber": f.huber(), "sum": f.mse(reduction="sum")}
SHAPES = {"vector": (3,), "image": (6, 6, 2), "sequence": (4, 2)}


def generator(seed):
    return torch.Generator().manual_seed(seed)


def normal(shape, seed):
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64)


def moved(value, seed):
    """Move each number by what rounding might."""
    rng = generator(seed)
    return tree.map(
        lambda t: (
            t * (1 + 1e-15 * torch.randn(t.shape, generator=rng, dtype=torch.float64))
            if isinstance(t, torch.Tensor) and t.is_floating_point()
            else t
        ),
        value,
    )


def shaken(loss, seed):
    """Let a loss move its cotangent by what rounding might: signs and their like have no error."""

    def apply(params, x, rng=None):
        value, vjp = loss(params, x, rng)

        def pull(dl, need_dx=True):
            dparams, dx = vjp(dl, need_dx)
            return dparams, moved(dx, seed) if need_dx else None

        return value, pull

    return f.Layer("shaken", loss.init, apply)


def sizes(one, other):
    """Measure how far two results are from each other, tensor by tensor."""
    found = []
    for a, b in zip(tree.leaves(one), tree.leaves(other)):
        if isinstance(a, torch.Tensor):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            same = (a == b) | (a.isnan() & b.isnan())
            found.append(float((a - b).masked_fill(same, 0).double().norm()))
        else:
            assert a == b
    return found


def trained(net, loss, optimiser):
    """Make the training step, and what makes one that rounds otherwise."""

    def step(seed=None):
        objective = f.supervised(net, loss if seed is None else shaken(loss, seed))
        return f.training_step(objective, optimiser)

    return step


def assert_the_same(fast, step, arguments, state):
    """Compare a staged step's results with the pure one's, which rounding may move."""

    def pure(seed=None):
        rng = generator(0)
        rng.set_state(state)
        args = arguments if seed is None else moved(arguments, seed)
        return step(seed)(*args, rng), rng.get_state()

    slow, end = pure()
    rooms = [
        1e-12 * (1 + float(t.double().norm())) for t in tree.leaves(slow) if hasattr(t, "norm")
    ]
    away = sizes(fast, slow)
    for seed in range(16):
        # What has grown out of all bounds leaves no room, and may be equal.
        if all(distance == 0 or distance <= room for distance, room in zip(away, rooms)):
            return end
        spread = sizes(pure(seed)[0], slow)
        rooms = [max(room, 100 * most) for room, most in zip(rooms, spread)]
    raise AssertionError(f"the staged step is away by {away}, where {rooms} is due to rounding")


@pytest.mark.filterwarnings("ignore")
@given(
    data=st.data(),
    shape=st.sampled_from(["vector"] * 3 + ["image", "sequence"]),
    optimiser=st.sampled_from(sorted(OPTIMISERS)),
    loss=st.sampled_from(sorted(LOSSES)),
    leads=st.lists(st.sampled_from([(), (1,), (5,), (7,), (2, 3)]), min_size=1, max_size=3),
    seed=st.integers(0, 2**31),
    edits=st.integers(0, 31),
)
def test_a_staged_step_gives_the_pure_steps_numbers(
    data, shape, optimiser, loss, leads, seed, edits
):
    strategy = {"vector": vectors(), "image": images(), "sequence": sequences()}[shape]
    net, shape = data.draw(strategy), SHAPES[shape]
    try:
        params, out = net.init(generator(seed), shape)
        pairs = []
        for i in range(5):
            lead = leads[i % len(leads)]
            pairs.append((normal((*lead, *shape), seed + i), normal((*lead, *out), seed + 9 + i)))
        params = tree.map(lambda p: p.double() + 0.01, params)
        state = OPTIMISERS[optimiser].init(params)
        step = trained(net, LOSSES[loss], OPTIMISERS[optimiser])
        for pair in pairs:
            step()(params, state, pair, generator(seed))
    except f.FuncdlError:
        reject()
    fast, rng = f.stage(step()), generator(seed)
    for i, pair in enumerate(pairs):
        if edits >> i & 1:  # parameters from elsewhere
            params = tree.map(lambda p: p * 0.9, params)
        arguments = tree.map(
            lambda t: t.clone() if isinstance(t, torch.Tensor) else t, (params, state, pair)
        )
        before = rng.get_state()
        params, state, value = fast(params, state, pair, rng)
        end = assert_the_same((params, state, value), step, arguments, before)
        assert torch.equal(rng.get_state(), end)


@pytest.mark.parametrize("layer", UNSEEN, ids=repr)
def test_what_a_recording_does_not_see_is_called_as_it_is(layer):
    net = f.serial(f.linear(4), layer, f.linear(2))
    params = tree.map(torch.Tensor.double, net.init(generator(0), (3,))[0])
    optimiser = f.adam(0.01)
    step = trained(net, f.mse(), optimiser)
    fast, rng, state = f.stage(step()), generator(1), optimiser.init(params)
    for i in range(5):
        pair = normal((7, 3), i), normal((7, 2), 9 + i)
        arguments = tree.map(torch.clone, (params, state, pair))
        before = rng.get_state()
        params, state, value = fast(params, state, pair, rng)
        end = assert_the_same((params, state, value), step, arguments, before)
        assert torch.equal(rng.get_state(), end)


def test_one_gradient_of_two_parameters_is_packed_once():
    net = f.serial(f.linear(3), twice_the_same(), f.linear(3), twice_the_same())
    params = tree.map(torch.Tensor.double, net.init(generator(0), (3,))[0])
    optimiser = f.sgd(0.1, momentum=0.9)
    step = f.training_step(f.supervised(net, f.mse()), optimiser)
    slow = quick = params, optimiser.init(params)
    fast = f.stage(step)
    for i in range(5):
        pair = normal((7, 3), i), normal((7, 3), 9 + i)
        slow, quick = step(*slow[:2], pair), fast(*quick[:2], pair)
        assert max(sizes(slow, quick)) < 1e-12
