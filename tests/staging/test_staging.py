"""A staged step against the pure step, which is its definition."""

import random
import signal
from collections import deque
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass

import pytest
import torch
from table import CASES
from torch.overrides import handle_torch_function, has_torch_function
from users import by_autograd, in_own_memory, looking

import funcdl as f
from funcdl import tree
from funcdl.errors import FuncdlError, InputError, KindError, ShapeError, UsageError

OPTIMISERS = {
    "sgd": f.sgd(0.1),
    "scheduled": f.sgd(lambda count: 0.1 / (1 + count)),
    "momentum": f.sgd(0.1, momentum=0.9),
    "nesterov": f.sgd(0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": f.adam(0.01),
    "adamw": f.adam(lambda count: 0.01 / (1 + count), weight_decay=0.1),
    "adagrad": f.adagrad(0.01),
    "rmsprop": f.rmsprop(0.01),
    "centred": f.rmsprop(0.01, centred=True, momentum=0.5),
    "radam": f.radam(0.01),
    "lion": f.lion(0.001),
    "averaged": f.averaged(f.adam(0.01), 0.9),
    "clipped": f.optimiser(f.clip_by_global_norm(0.1), f.scale_by_adam(), lr=0.01),
    "by norm": f.optimiser(f.clip_by_norm(0.1), f.clip(0.05), f.momentum(0.9), lr=0.1),
    "masked": f.adam(0.01, weight_decay=0.1, where=lambda path: path.endswith(".w")),
    "one cycle": f.adam(f.schedules.one_cycle(0.01, 5)),
    "warm": f.sgd(f.schedules.warm_up(2, f.schedules.cosine(0.1, 3))),
    "piecewise": f.sgd(f.schedules.piecewise(0.1, {1: 0.5, 3: 0.5})),
    "polynomial": f.sgd(f.schedules.polynomial(0.1, 0.0, 5)),
    "exponential": f.sgd(f.schedules.exponential(0.1, 0.5)),
}


def total(layer):
    """A layer's outputs squared and summed: an objective of any layer."""
    part = f.as_layer(layer)

    def apply(params, x, rng=None):
        y, vjp = part(params, x, rng)
        value = sum((leaf * leaf).sum() for leaf in tree.leaves(y))

        def pull(dl, need_dx=True):
            return vjp(tree.map(lambda leaf: leaf * (2 * dl), y), need_dx)

        return value, pull

    return f.Layer("total", part.init, apply, layers=(part,))


def train(step, params, state, batches, *rng):
    losses = []
    for batch in batches:
        params, state, loss = step(params, state, batch, *rng)
        losses.append(loss)
    return params, state, torch.stack(losses)


def assert_same(fast, slow):
    for a, b in zip(tree.leaves(fast), tree.leaves(slow)):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-10)


def network(*widths):
    return f.serial(*(part for width in widths for part in (f.linear(width), f.relu)), f.linear(2))


def start(net, loss, optimiser, in_shape=(3,), dtype=torch.float64):
    rng = torch.Generator().manual_seed(0)
    params = tree.map(lambda p: p.to(dtype), net.init(rng, in_shape)[0])
    return f.training_step(f.supervised(net, loss), optimiser), params, optimiser.init(params), rng


def batches(rng, *sizes):
    return [
        tuple(torch.rand(size, n, generator=rng, dtype=torch.float64) for n in (3, 2))
        for size in sizes
    ]


@pytest.mark.parametrize(
    ("case", "stacked"),
    [
        (case, stacked)
        for case in CASES
        for stacked in (False, True)
        if not (case.random and stacked)
    ],
    ids=str,
)
def test_every_layer_trains_to_the_same_numbers(case, stacked):
    rng = torch.Generator().manual_seed(0)
    models = [(case.params(rng), case.inputs(rng)) for _ in range(3)]
    params, x = tree.stack(models) if stacked else models[0]
    layer = case.stacked if stacked else f.as_layer(case.layer)
    optimiser = f.sgd(0.01)
    step = f.training_step(total(layer), optimiser)
    data = [x] * 3
    slow = train(step, params, optimiser.init(params), data, *case.generator())
    fast = train(f.stage(step), params, optimiser.init(params), data, *case.generator())
    assert_same(fast, slow)


@pytest.mark.parametrize("optimiser", OPTIMISERS.values(), ids=OPTIMISERS)
@pytest.mark.parametrize("widths", [(), (4,), (4, 5), (4, 4, 4)], ids=str)
def test_every_optimiser_trains_to_the_same_numbers(optimiser, widths):
    step, params, state, rng = start(network(*widths), f.mse(), optimiser)
    data = batches(rng, 7, 7, 7, 7, 7)
    before = tree.map(torch.clone, params)
    slow = train(step, params, state, data)
    assert_same(train(f.stage(step), params, state, data), slow)
    assert_same(params, before)


@pytest.mark.parametrize("where", [".w", ".b", "[0]"])
@pytest.mark.parametrize("make", [f.adam, f.radam, f.lion], ids=lambda make: make.__name__)
@pytest.mark.parametrize("lr", [0.05, lambda count: 0.05 / (1 + count)], ids=["rate", "schedule"])
@pytest.mark.parametrize("widths", [(), (4,), (3, 3)], ids=str)
def test_what_is_done_to_some_parameters_alone_is_done_to_them(where, make, lr, widths):
    optimiser = make(lr, weight_decay=0.1, where=lambda path: where in path)
    step, params, state, rng = start(network(*widths), f.mse(), optimiser)
    params = tree.map(lambda p: p + 0.5, params)
    data = batches(rng, 7, 7, 7, 7)
    slow = train(step, params, state, data)
    assert_same(train(f.stage(step), params, state, data), slow)


@pytest.mark.parametrize("activation", [f.relu, f.tanh, f.sigmoid, f.softmax], ids=repr)
def test_a_bias_folds_into_its_weight_with_any_activation(activation):
    net = f.serial(f.linear(4), activation, f.linear(2))
    step, params, state, rng = start(net, f.mse(), f.sgd(0.1))
    data = batches(rng, 7, 7, 7)
    assert_same(train(f.stage(step), params, state, data), train(step, params, state, data))


def test_what_is_frozen_stays_as_it_is():
    net = f.serial(f.linear(4), f.freeze(f.serial(f.linear(4), f.tanh), "[0].w"), f.linear(2))
    step, params, state, rng = start(net, f.mse(), f.adam())
    data = batches(rng, 7, 7, 7)
    slow = train(step, params, state, data)
    assert_same(train(f.stage(step), params, state, data), slow)
    assert torch.equal(slow[0][1][0].w, params[1][0].w)
    assert not torch.equal(slow[0][1][0].b, params[1][0].b)


@dataclass
class Batch:
    target: torch.Tensor
    x: torch.Tensor


@pytest.mark.parametrize(
    "make",
    [
        lambda x, t: {"x": x, "target": t},
        lambda x, t: Batch(t, x),
        lambda x, t: {"target": t, "rest": [{"x": x}]},
    ],
)
def test_a_batch_may_be_any_pytree(make):
    pure, params, state, rng = start(f.linear(2), f.mse(), f.sgd(0.1))

    def step(params, state, batch):
        (x,), (t,) = (tree.find(batch, f"*.{name}").values() for name in ("x", "target"))
        return pure(params, state, (x, t))

    data = [make(x, t) for x, t in batches(rng, 7, 7, 5, 7)]
    assert_same(train(f.stage(step), params, state, data), train(step, params, state, data))


@pytest.mark.parametrize("wrapped", [lambda layer: layer, f.remat], ids=["recorded", "as it is"])
def test_what_has_no_cotangent_gives_zeros(wrapped):
    def first(params, x):
        return x[0], lambda dy: ((), (dy, None))

    net = f.serial(f.fan_out(f.linear(4), wrapped(f.linear(4))), first, f.linear(2))
    step, params, state, rng = start(net, f.mse(), f.adam())
    data = batches(rng, 7, 7, 7)
    slow = train(step, params, state, data)
    assert_same(train(f.stage(step), params, state, data), slow)
    assert torch.equal(slow[0][0][1].w, params[0][1].w)
    assert not torch.equal(slow[0][0][0].w, params[0][0].w)


def test_another_batch_size_is_staged_anew_and_the_old_one_is_kept():
    step, params, state, rng = start(network(4), f.mse(), f.adam())
    fast = f.stage(step)
    data = batches(rng, 7, 3, 7, 1, 3, 7)
    assert_same(train(fast, params, state, data), train(step, params, state, data))
    assert len(fast.replays) == 3


def test_parameters_of_another_shape_are_staged_anew():
    fast = f.stage(f.training_step(f.supervised(network(), f.mse()), f.sgd(0.1)))
    for features in (3, 5):
        step, params, state, rng = start(network(), f.mse(), f.sgd(0.1), (features,))
        x = torch.rand(4, features, dtype=torch.float64, generator=rng)
        data = [(x, torch.zeros(4, 2, dtype=torch.float64))] * 2
        assert_same(train(fast, params, state, data), train(step, params, state, data))


def test_parameters_from_elsewhere_are_taken_in():
    step, params, state, rng = start(network(4), f.mse(), f.sgd(0.1, momentum=0.9))
    fast = f.stage(step)
    (batch,) = batches(rng, 7)
    p, _, _ = fast(params, state, batch)
    halved = tree.map(lambda leaf: leaf / 2, p)
    expected = step(halved, state, batch)
    assert_same(fast(halved, state, batch), expected)
    expected = step(*fast(params, state, batch)[:2], batch)
    assert_same(fast(tuple(fast(params, state, batch)[0]), fast.carried.state, batch), expected)


def test_losses_that_were_returned_stay():
    step, params, state, rng = start(network(4), f.mse(), f.sgd(0.5))
    fast = f.stage(step)
    (batch,) = batches(rng, 7)
    params, state, first = fast(params, state, batch)
    kept = first.clone()
    fast(params, state, batch)
    assert torch.equal(first, kept)


def looking_back(params, x):
    return x * 2, lambda dy: ((), dy * (2.0 if bool(dy.abs().sum() >= 0) else 0.0))


def scaled_and_viewed(x):
    """A function of two outputs, which asks PyTorch to see it as one operation."""
    if has_torch_function((x,)):
        return handle_torch_function(scaled_and_viewed, (x,), x)
    return x * 2, x.view(x.shape)


def with_views_and_new_tensors(params, x):
    doubled, same = scaled_and_viewed(x)
    return doubled + same, lambda dy: ((), dy * 3)


@pytest.mark.parametrize(
    "layer", [looking, looking_back, by_autograd, in_own_memory, with_views_and_new_tensors]
)
def test_a_layer_that_cannot_be_recorded_runs_as_it_is(layer):
    calls = []

    def counted(params, x):
        calls.append(x)
        return layer(params, x)

    net = f.serial(f.linear(4), f.fan_out(counted, f.relu), f.join(), f.linear(2))
    step, params, state, rng = start(net, f.mse(), f.adam())
    data = batches(rng, 7, 7, 7)
    data = [(x * sign, t) for (x, t), sign in zip(data, (1, -1, 1))]
    slow = train(step, params, state, data)
    calls.clear()
    assert_same(train(f.stage(step), params, state, data), slow)
    # By the first step, in two recordings, twice to prove each half of it, and in two replays.
    assert len(calls) == 8


def into_a_copy(params, x):
    y = x.clone()
    torch.mul(x, 3, out=y)
    return y, lambda dy: ((), dy * 3)


def from_ones(params, x):
    y = x.new_ones(x.shape)
    y.mul_(x)
    return y.mul_(y), lambda dy: ((), dy * 2 * x)


def counting(params, x):
    """Scale by how many numbers of each feature are above 0: a sum of what are no floats."""
    count = x.gt(0).sum(-2).to(x.dtype)
    return x * count, lambda dy: ((), dy * count)


@pytest.mark.parametrize("layer", [into_a_copy, from_ones, counting])
def test_what_is_recorded_of_a_layer_gives_its_numbers(layer):
    calls = []

    def counted(params, x):
        calls.append(x)
        return layer(params, x)

    net = f.serial(f.linear(4), f.layer(counted, lambda rng, s: ((), s)), f.linear(2))
    step, params, state, rng = start(net, f.mse(), f.adam())
    data = batches(rng, 7, 7, 7)
    slow = train(step, params, state, data)
    calls.clear()
    assert_same(train(f.stage(step), params, state, data), slow)
    assert len(calls) == 2  # by the first step itself, and by its recording


def test_a_copy_in_another_shape_goes_where_a_column_of_ones_is():
    def regroup(params, x):
        y = x.mT.reshape(2, 8)
        return y, lambda dy: ((), dy.reshape(4, 4).mT)

    net = f.serial(f.linear(4), f.layer(regroup, lambda rng, s: ((), (2, 8))), f.linear(2))
    step, params, state, rng = start(net, f.mse(), f.adam(), (4, 3))
    data = [
        tuple(torch.rand(s, generator=rng, dtype=torch.float64) for s in ((4, 3), (2, 2)))
        for _ in range(4)
    ]
    assert_same(train(f.stage(step), params, state, data), train(step, params, state, data))


def dropout(params, x, rng):
    if rng is None:
        return x, lambda dy: ((), dy)
    mask = x.new_empty(x.shape).bernoulli_(0.5, generator=rng)
    return x * mask, lambda dy: ((), dy * mask)


def dropout_of_a_plain_tensor(params, x, rng):
    mask = (torch.rand(x.shape, generator=rng) < 0.5).to(x.dtype)
    return looking(params, x * mask)[0], lambda dy: ((), looking(params, dy)[0] * mask)


@pytest.mark.parametrize("layer", [dropout, dropout_of_a_plain_tensor])
def test_numbers_are_drawn_anew_from_the_generator(layer):
    step, params, state, rng = start(f.serial(f.linear(8), layer, f.linear(2)), f.mse(), f.sgd(0.1))
    data = batches(rng, 7, 7, 7)
    gens = [torch.Generator().manual_seed(1) for _ in range(2)]
    slow = train(step, params, state, data, gens[0])
    assert_same(train(f.stage(step), params, state, data, gens[1]), slow)
    assert torch.equal(gens[0].get_state(), gens[1].get_state())


def test_numbers_drawn_from_elsewhere_are_refused():
    def noisy(params, x):
        return x + 9 * torch.rand(x.shape, dtype=x.dtype), lambda dy: ((), dy)

    step, params, state, rng = start(f.serial(noisy, f.linear(2)), f.mse(), f.sgd(0.1))
    with pytest.raises(UsageError, match="generator that was not handed in"):
        f.stage(step)(params, state, *batches(rng, 7))


def test_a_schedule_that_looks_is_refused():
    optimiser = f.sgd(lambda count: count * (0.1 if float(count) < 3 else 0.2))
    step, params, state, rng = start(network(), f.mse(), optimiser)
    with pytest.raises(KindError, match="calls __float__ on a tensor"):
        f.stage(step)(params, state, *batches(rng, 7))


@pytest.mark.parametrize("second", [False, True], ids=["first", "later"])
def test_wrong_input_gets_the_words_of_the_pure_step(second):
    step, params, state, rng = start(network(), f.mse(), f.sgd(0.1))
    fast = f.stage(step)
    if second:
        params, state, _ = fast(params, state, *batches(rng, 7))
    wrong = torch.zeros(7, 5, dtype=torch.float64), torch.zeros(7, 2, dtype=torch.float64)
    with pytest.raises(ShapeError, match=r"serial\[0\] linear: expected"):
        fast(params, state, wrong)


def test_a_class_out_of_range_in_a_replay_gets_our_words():
    step, params, state, rng = start(network(), f.cross_entropy(), f.sgd(0.1))
    fast = f.stage(step)
    x = torch.rand(4, 3, dtype=torch.float64, generator=rng)
    params, state, _ = fast(params, state, (x, torch.tensor([0, 1, 0, 1])))
    with pytest.raises(
        FuncdlError, match=r"cross_entropy: expected target from 0 to 1, got one of 0 to 2$"
    ):
        fast(params, state, (x, torch.tensor([0, 1, 0, 2])))


def test_of_many_kinds_of_batches_the_last_16_are_kept():
    step, params, state, rng = start(network(), f.mse(), f.sgd(0.1))
    asked = []

    def counted(*args):
        asked.append(len(args[2][0]))
        return step(*args)

    fast = f.stage(counted)
    data = batches(rng, *range(1, 18), 2, 17, 1)
    assert_same(train(fast, params, state, data), train(step, params, state, data))
    assert len(fast.replays) == 16
    # Twice each, by the first step itself and by its recording: 2 and 17 were kept, 1 was not.
    assert asked == [size for size in (*range(1, 18), 1) for _ in range(2)]


def test_an_error_in_a_replay_that_the_step_does_not_have_comes_through():
    error, errors = ValueError("mine"), []

    def seldom(params, x):
        if errors:
            raise errors.pop()
        return looking(params, x)

    step, params, state, rng = start(f.serial(seldom, f.linear(2)), f.mse(), f.sgd(0.1))
    fast = f.stage(step)
    params, state, _ = fast(params, state, *batches(rng, 7))
    errors.append(error)
    with pytest.raises(ValueError, match=r"^mine$") as caught:
        fast(params, state, *batches(rng, 7))
    assert caught.value is error


def by_hand(params, state, batch):
    """A step of a user's own: a batch and a state with what is no tensor, and two results."""
    (w,), (steps, label), (rate, x) = params, state, batch
    y = (w * x).sum()
    return (w - rate * y * x,), (steps + 1, label), y, {"rate": rate, "w": w}


def test_what_is_no_tensor_stays_as_it_is():
    fast, x = f.stage(by_hand), torch.rand(3, generator=torch.Generator().manual_seed(0))
    mine = theirs = ((torch.ones(3),), (torch.zeros(()), "mine"))
    results = []
    for i, rate in enumerate((0.1, 0.1, 0.2, 0.1, 0.2)):
        mine, theirs = fast(*mine[:2], (rate, x + i)), by_hand(*theirs[:2], (rate, x + i))
        assert tree.paths(mine) == tree.paths(theirs)
        results.append((mine[2:], theirs[2:]))
        for a, b in zip(tree.leaves(mine), tree.leaves(theirs)):
            assert torch.allclose(a, b) if isinstance(a, torch.Tensor) else a == b
    assert len(fast.replays) == 2
    # What is not carried on is the caller's.
    for (y, rest), (expected, others) in results:
        torch.testing.assert_close((y, rest["w"]), (expected, others["w"]))


def test_a_batch_of_more_tensors_is_staged_anew():
    def step(params, state, batch):
        total = sum(x.sum() for x in batch)
        return (params[0] + total,), state, total

    fast, x = f.stage(step), torch.ones(3)
    mine = theirs = ((torch.zeros(2),), ())
    for count in (2, 2, 3, 2, 1):
        mine, theirs = fast(*mine[:2], (x,) * count), step(*theirs[:2], (x,) * count)
        assert_same(mine, theirs)
    assert len(fast.replays) == 3


def test_what_a_step_hands_on_or_swaps_is_not_written_over():
    def swap(params, state, batch):
        a, b = params
        return (b, a), state, (a * batch).sum(), a

    fast = f.stage(swap)
    mine = theirs = ((torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])), ())
    for i in range(3):
        batch = torch.tensor([1.0, 10.0]) * (i + 1)
        mine, theirs = fast(*mine[:2], batch), swap(*theirs[:2], batch)
        assert_same(mine, theirs)


def test_a_step_that_keeps_all_may_hand_on_its_parameters():
    fast = f.stage(lambda params, state, batch: (params, state, params))
    params, _, rest = fast((torch.ones(3),), (), torch.ones(1))
    params[0].zero_()
    assert torch.equal(rest[0], torch.ones(3))


@pytest.mark.parametrize(
    "step",
    [
        lambda params, state, batch: (params, state + 1, batch.sum()),
        lambda params, state, batch: ((params[0].double(),), state, batch.sum()),
        lambda params, state, batch: ((params[0].sum(),), state, batch.sum()),
        lambda params, state, batch: (params[0], state, batch.sum()),
    ],
    ids=["a number that changes", "another dtype", "another shape", "another structure"],
)
def test_a_step_that_gives_another_kind_of_params_or_state_is_refused(step):
    with pytest.raises(KindError) as caught:
        f.stage(step)((torch.ones(3),), 3, torch.ones(3))
    assert str(caught.value) == (
        "stage: expected a step that returns params and state of the structure, shapes and "
        "dtypes that it takes, all tensors but what never changes"
    )


def test_only_a_function_can_be_staged():
    with pytest.raises(KindError, match="expected a training step, got int"):
        f.stage(3)
    with pytest.raises(KindError, match="returns"):
        f.stage(lambda params, state, batch: batch)((torch.ones(1),), (), torch.ones(1))


def test_the_studys_networks_train_to_the_same_numbers():
    from pairs.models import MODELS

    rng = torch.Generator().manual_seed(0)
    x = torch.rand(6, 2, 14, 14, generator=rng, dtype=torch.float64)
    classes = torch.randint(0, 10, (6, 2), generator=rng)
    target = (classes[:, 0] <= classes[:, 1]).long()
    for model in MODELS.values():
        params = tree.map(torch.Tensor.double, model.net.init(rng, (2, 14, 14))[0])
        optimiser = f.adam(0.01)
        step = f.training_step(f.supervised(model.net, model.loss), optimiser)
        data = [(x, (target, classes)[: model.outputs])] * 3
        slow, fast = (
            train(how, params, optimiser.init(params), data, torch.Generator().manual_seed(1))
            for how in (step, f.stage(step))
        )
        assert_same(fast, slow)


@dataclass(frozen=True)
class Stretch:
    """Parameters of a user's own layer, as a dataclass."""

    by: torch.Tensor


def stretch():
    def apply(params, x):
        return x * params.by, lambda dy: (Stretch((dy * x).sum(0)), dy * params.by)

    return f.layer(apply, lambda rng, s: (Stretch(f.initialisers.ones(rng, s[-1:])), s), "stretch")


def test_parameters_may_be_dataclasses(rng):
    net = f.serial(f.linear(4), stretch(), f.linear(2))
    step, params, state, _ = start(net, f.mse(), f.adam())
    data = batches(rng, 7, 7, 7)
    slow = train(step, params, state, data)
    fast = train(f.stage(step), params, state, data)
    assert isinstance(fast[0][1], Stretch)
    assert_same(fast, slow)
    assert f.check(net, params, data[0][0], rng).keys() >= {"params[1].by", "x"}


# What is not refused, and what is.

GRADIENTS_OF_NOTHING = {
    "bias, batch norm": (f.serial(f.linear(5), f.batch_norm(), f.relu, f.linear(2)), (4,)),
    "convolution, batch norm": (
        f.serial(f.conv2d(4, 3), f.batch_norm(), f.relu, f.global_avg_pool2d, f.linear(2)),
        (6, 6, 2),
    ),
    "convolution, group norm": (
        f.serial(f.conv2d(4, 3), f.group_norm(4), f.relu, f.flatten(3), f.linear(2)),
        (6, 6, 2),
    ),
    "the keys' bias": (f.serial(f.attention(2), f.select(-2, -1), f.linear(2)), (5, 4)),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("rule", ["sgd", "adam", "lion", "adagrad"])
@pytest.mark.parametrize("name", GRADIENTS_OF_NOTHING)
def test_a_gradient_that_is_0_but_for_rounding_is_not_refused(name, rule, dtype):
    net, shape = GRADIENTS_OF_NOTHING[name]
    for seed in range(3):
        optimiser, rng = OPTIMISERS[rule], torch.Generator().manual_seed(seed)
        params = tree.map(lambda p: p.to(dtype), net.init(rng, shape)[0])
        step = f.training_step(f.supervised(net, f.mse()), optimiser)
        fast = f.stage(step)
        x, t = torch.randn(16, *shape, generator=rng), torch.randn(16, 2, generator=rng)
        *_, loss = fast(params, optimiser.init(params), (x.to(dtype), t.to(dtype)), rng)
        expected = step(params, optimiser.init(params), (x.to(dtype), t.to(dtype)), rng)[2]
        torch.testing.assert_close(loss, expected)
        (replay,) = fast.replays.values()
        assert replay.loss is not None


def hold(step, params, state, batches):
    """Compare a staged step with the pure one, each on its own results; give the staged one."""
    fast, slow = f.stage(step), (params, state)
    quick = slow
    for batch in batches:
        quick, slow = fast(*quick[:2], batch), step(*slow[:2], batch)
        assert_same(quick, slow)
    return fast


def ones(*shape):
    return torch.ones(shape, dtype=torch.float64)


@pytest.mark.parametrize(
    "net",
    [
        f.serial(f.bias(), f.bias()),
        f.serial(f.bias(), f.residual(f.bias())),
        f.serial(f.fan_out(f.bias(), f.bias()), f.fan_in()),
    ],
    ids=repr,
)
@pytest.mark.parametrize("optimiser", OPTIMISERS.values(), ids=OPTIMISERS)
def test_one_gradient_may_serve_two_parameters(net, optimiser):
    step, params, state, rng = start(net, f.mse(), optimiser)
    data = [(torch.rand(3, generator=rng, dtype=torch.float64), ones(3)) for _ in range(4)]
    hold(step, params, state, data)


@pytest.mark.parametrize(
    "step",
    [
        lambda p, s, b: ((p[1] * 0.5, p[0] * 0.5), (s[0] + p[0], s[1] + p[1]), b.sum()),
        lambda p, s, b: ((s[0], s[1]), (p[0], p[1]), b.sum()),
        lambda p, s, b: ((p[0] - b, (p[1] - b).clamp(-1, 1)), (p[0] - b, p[1] - b), b.sum()),
        lambda p, s, b: ((p[0] + b,) * 2, (s[1], p[1]), p[0].sum()),
        lambda p, s, b: ((p[0] + b, p[1] + b), (p[1], s[0] + p[0]), p[0]),
        lambda p, s, b: (tuple((q - g) * 0.5 for q, g in zip(p, (p[1] * b, p[0] * b))), s, b),
    ],
)
def test_what_is_swapped_kept_or_doubled_goes_where_it_belongs(step):
    start = (ones(3), 2 * ones(3)), (3 * ones(3), 4 * ones(3))
    hold(step, *start, [ones(3) * i for i in range(1, 5)])


def faint(params, x):
    return x + 1e-9 * torch.randn_like(x), lambda dy: ((), dy)


def faint_and_unseen(params, x):
    return x + 1e-9 * torch.randn(x.shape, dtype=x.dtype), lambda dy: ((), dy)


def counted():
    seen = []

    def layer(params, x):
        seen.append(None)
        factor = 1 + 1e-6 * len(seen)
        return x * factor, lambda dy: ((), dy * factor)

    return layer


@pytest.mark.parametrize("make", [lambda: faint, lambda: faint_and_unseen, counted])
def test_numbers_that_come_from_elsewhere_are_refused_however_small(make):
    step, params, state, rng = start(f.serial(make(), f.linear(2)), f.mse(), f.sgd(0.1))
    with pytest.raises(UsageError, match="when it was called again"):
        f.stage(step)(params, state, *batches(rng, 7))


def test_a_step_that_draws_where_no_layer_is_is_called_as_it_is():
    def step(params, state, batch, rng):
        noise = torch.rand(3, generator=rng, dtype=torch.float64)
        return (params[0] - 0.1 * noise * batch,), state, noise.sum()

    fast, rngs = f.stage(step), [torch.Generator().manual_seed(1) for _ in range(2)]
    slow = quick = (ones(3),), ()
    for i in range(3):
        slow, quick = (
            s(*r[:2], ones(3) * i, g) for s, r, g in zip((step, fast), (slow, quick), rngs)
        )
        assert_same(quick, slow)
    assert list(fast.replays.values()) == [None]


def test_as_many_numbers_as_others_say_are_as_many_in_each_step():
    def above(params, x):
        """A layer that hides how it chooses from the recorder, by its own memory."""
        y = torch.empty(x.shape, dtype=x.dtype).copy_(x)
        return y[y > 0].sum() + x * 0, lambda dy: ((), (x > 0) * dy.sum())

    def chosen(params, x):
        y = torch.empty(x.shape, dtype=x.dtype).copy_(x)
        return y[y[:, 0] > 0], lambda dy: ((), x * 0)

    step, params, state, rng = start(f.serial(f.linear(2), above), f.mse(), f.sgd(0.1))
    hold(step, params, state, batches(rng, 7, 7, 7))

    def picking(params, state, batch):
        y, _ = f.layer(chosen)((), batch)
        return (params[0] + y.sum(0),), state, y.sum()

    signs = torch.tensor([[1.0, 1, 1, -1], [-1, 1, 1, -1], [1, 1, 1, 1]], dtype=torch.float64)
    hold(picking, (ones(3),), (), [ones(4, 3) * row.unsqueeze(-1) for row in signs])


@pytest.mark.parametrize("inside", [False, True], ids=["", "in inference mode"])
def test_functions_that_write_into_their_argument_are_seen(inside):
    def clipped(params, x):
        mask = x > -50
        mask &= x < 0.5
        y = torch.nn.functional.relu(x * mask, inplace=True)
        y = torch.nn.functional.relu(y)
        return y, lambda dy: ((), dy * y.sign())

    step, params, state, rng = start(f.serial(f.linear(3), clipped, f.linear(2)), f.mse(), f.adam())
    data = batches(rng, 7, 7, 7)
    data = [(x.clamp(max=0.1) if i == 0 else x, t) for i, (x, t) in enumerate(data)]
    with torch.inference_mode(inside):
        hold(step, *tree.map(torch.clone, (params, state)), data)


def by_vmap(params, x):
    return torch.vmap(torch.sin)(x), lambda dy: ((), dy * x.cos())


def conjugated(params, x):
    """The spectrum's conjugate, which is a view until its numbers are asked for."""
    turned = torch.fft.irfft(torch.fft.rfft(x).mul(2).conj(), n=x.shape[-1])
    return turned, lambda dy: ((), dy)


def careful(params, x):
    """A layer that survives any error, the recorder's too if it could."""
    try:
        large = bool((x.abs() > 2).any())
    except Exception:
        large = False
    return x * (0.5 if large else 1.0), lambda dy: ((), dy)


def clamped(params, x):
    y = x * 1.0
    torch.nn.functional.relu(y, inplace=True)
    return y, lambda dy: ((), dy)


FIRST = {
    "zeros": lambda x: x * 0,
    "NaN": lambda x: x * torch.nan,
    "infinity": lambda x: x / 0,
    "small": lambda x: x.abs() * 0.1,
    "equal": lambda x: x[:, :1].repeat(1, 3),
}


@pytest.mark.parametrize("inside", [False, True], ids=["", "in inference mode"])
@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("layer", [by_vmap, conjugated, careful, clamped])
def test_the_first_batch_may_be_any(layer, first, inside):
    part = f.layer(layer)

    def step(params, state, batch):
        return (params[0] * 0.9,), state, (part((), batch)[0] * params[0]).sum()

    rng = torch.Generator().manual_seed(0)
    data = [torch.randn(5, 3, generator=rng, dtype=torch.float64) * k for k in (1, 1, 9, 1)]
    with torch.inference_mode(inside):
        data = [FIRST[first](data[0]), *data]
        fast, slow = f.stage(step), ((ones(3),), ())
        quick = slow
        for batch in data:
            quick, slow = fast(*quick[:2], batch), step(*slow[:2], batch)
            torch.testing.assert_close(quick[2], slow[2], equal_nan=True)


def filled(params, state, batch):
    x, mask = batch
    count = x.new_full((), mask.sum())
    rate = torch.full_like(params[0], state)
    return (params[0] - rate * x.sum(0),), state, (x.sum(-1) * mask).sum() / count


def sized(params, x):
    count = (x > 0).sum()
    some = x.new_ones((count,)).sum() + torch.nn.functional.pad(x[:1], (0, count)).shape[-1]
    return x * some, lambda dy: ((), dy * some)


def test_a_number_that_fills_or_sizes_a_tensor_counts():
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(7, 3, generator=rng, dtype=torch.float64)
    masks = [torch.tensor([1] * k + [0] * (7 - k)) for k in (3, 3, 5, 1)]
    hold(filled, (ones(3),), ones() * 0.1, [(x, mask) for mask in masks])
    step, params, state, rng = start(f.serial(f.linear(3), sized, f.linear(2)), f.mse(), f.adam())
    hold(step, params, state, batches(rng, 7, 7, 7))


def test_whole_numbers_that_are_all_the_same_may_change():
    def step(params, state, batch):
        return (params[0] * 0.9,), state, torch.vmap(torch.sin)(batch[None]).sum()

    hold(step, (ones(3),), (), [torch.tensor(k) for k in (1, 1, 2, 3)])


class Bag:
    """A batch, or results, in an object of a user's own."""


def test_objects_are_no_values():
    def step(params, state, batch):
        result = Bag()
        result.loss = (batch.x * params[0]).sum()
        return (params[0] * 0.9,), state, result

    bag, fast = Bag(), f.stage(step)
    slow = quick = (ones(3),), ()
    for i in range(4):
        bag.x = ones(3) * i
        quick, slow = fast(*quick[:2], bag), step(*slow[:2], bag)
        assert type(quick[2].loss) is torch.Tensor
        assert torch.equal(quick[2].loss, slow[2].loss)


def test_results_in_an_object_are_the_steps_own():
    def step(params, state, batch):
        return (params[0] * 0.9,), state, deque([(batch * params[0]).sum()])

    fast = f.stage(step)
    slow = quick = (ones(3),), ()
    for i in range(3):
        quick, slow = fast(*quick[:2], ones(3) * i), step(*slow[:2], ones(3) * i)
        assert quick[2] == slow[2]


def test_parameters_that_ask_for_a_gradient_may_be_asked_whether_they_do():
    def step(params, state, batch):
        with torch.no_grad():
            return tuple(p - 0.1 if p.requires_grad else p for p in params), state, batch.sum()

    params = (ones(3).requires_grad_(),)
    assert_same(f.stage(step)(params, (), ones(1)), step(params, (), ones(1)))


def test_a_layer_that_is_made_in_the_step_may_close_over_the_batch():
    def step(params, state, batch):
        def gate(params, x):
            float(x.sum())
            return x * batch, lambda dy: ((), dy * batch)

        return (params[0] * 0.9,), state, f.layer(gate)((), batch * 2)[0].sum() * params[0].sum()

    hold(step, (ones(3),), (), [ones(3) * i for i in range(4)])


def test_generators_may_take_turns():
    step, params, state, rng = start(
        f.serial(f.linear(8), f.dropout(0.5), f.linear(2)), f.mse(), f.sgd(0.1)
    )
    data = batches(rng, 7, 7, 7, 7)
    fast, results = f.stage(step), []
    for each in (step, fast):
        carried = params, state
        rngs = [torch.Generator().manual_seed(i) for i in range(3)]
        for i, batch in enumerate(data):
            carried = each(*carried[:2], batch, rngs[i % 3])
        results.append((carried, [r.get_state() for r in rngs]))
    assert_same(*results)
    assert len(fast.replays) == 1


def test_a_number_may_stand_for_a_rate():
    optimiser = f.sgd(lambda count: 0.1 / (1 + count))
    step, params, state, rng = start(network(4), f.mse(), optimiser)
    slow, fast = (params, state), f.stage(step)
    quick = slow
    for batch in batches(rng, 7, 7, 7):
        quick, slow = fast(*quick[:2], batch), step(*slow[:2], batch)
        quick, slow = ((p, s._replace(lr=0.7), *rest) for p, s, *rest in (quick, slow))
    assert_same(quick[:1], slow[:1])


# What the caller does with what it was given.


def test_models_that_take_turns_stay_apart():
    step, params, state, rng = start(network(4), f.mse(), f.adam())
    fast = f.stage(step)
    slow = [(tree.map(lambda p, s=s: p * s, params), state) for s in (1.0, 0.5, 2.0)]
    quick = list(slow)
    data = batches(rng, 7, 7, 5, 7)
    for batch in data:
        for i in range(3):
            slow[i], quick[i] = step(*slow[i][:2], batch), fast(*quick[i][:2], batch)
    for one, other in zip(quick, slow):
        assert_same(one, other)
    assert len(fast.replays) == 2


def in_dicts(params, state, batch):
    gradient = params["w"] - batch
    moved = {"w": params["w"] - state["lr"] * gradient, "rest": [params["rest"][0] + 1]}
    return moved, {"lr": state["lr"]}, gradient.square().sum()


def test_what_is_put_into_a_container_that_was_returned_counts():
    fast = f.stage(in_dicts)
    mine = theirs = {"w": ones(3), "rest": [ones(1)]}, {"lr": ones() * 0.1}

    def edit(params, state, turn):
        if turn == 1:
            state["lr"] = ones() * 0
        if turn == 2:
            params["w"] = ones(3) * 5
        if turn == 3:
            params["rest"][0] = ones(1) * 7
        if turn == 4:
            params["w"].mul_(2)

    for turn in range(6):
        for params, state, *_ in (mine, theirs):
            edit(params, state, turn) if turn else None
        mine, theirs = fast(*mine[:2], ones(3) * turn), in_dicts(*theirs[:2], ones(3) * turn)
        assert_same(mine, theirs)


def test_the_structure_and_the_flags_of_a_batch_count():
    def step(params, state, batch):
        first = next(iter(batch.values()))
        gradient = first if batch.get("x") is not None else 3 * first
        gradient = gradient * 2 if batch.get("flag") is True else gradient
        return (params[0] - 0.1 * gradient,), state, gradient.sum()

    x = ones(3)
    data = [{"x": x}, {"z": x}, {"x": x, "flag": True}, {"x": x, "flag": 1}, {"x": x * 2}]
    data += [{"x": x, "z": 2 * x}, {"z": 2 * x, "x": x}]
    hold(step, (ones(3),), (), [*data, *data])


def test_a_batch_may_ask_for_a_gradient():
    step, params, state, rng = start(network(4), f.mse(), f.adam())
    data = [(x.requires_grad_(), t) for x, t in batches(rng, 7, 7, 7)]
    slow = train(step, params, state, data)
    with torch.enable_grad():
        fast = train(f.stage(step), params, state, data)
    assert_same(fast, slow)
    assert all(t.grad_fn is None for t in tree.leaves(fast[:2]) if isinstance(t, torch.Tensor))


def test_a_staged_step_can_be_copied():
    step, params, state, rng = start(network(4), f.mse(), f.adam())
    fast = f.stage(step)
    data = batches(rng, 7, 7)
    train(fast, params, state, data)
    assert_same(train(deepcopy(fast), params, state, data), train(step, params, state, data))


# What is cut short.


def with_dropout(optimiser=None):
    """A step that draws, and labels of which the third are out of range."""
    net = f.serial(f.linear(8), f.dropout(0.5), f.relu, f.linear(2))
    step, params, state, rng = start(net, f.cross_entropy(), optimiser or f.adam())
    x = torch.rand(4, 3, dtype=torch.float64, generator=rng)
    labels = [torch.tensor([0, 1, 0, last]) for last in (1, 1, 5, 0, 1)]
    return step, params, state, [(x, label) for label in labels]


def test_after_an_error_the_next_step_goes_on_where_the_pure_one_does():
    step, *start, data = with_dropout()
    results = []
    for each in (step, f.stage(step)):
        params, state = start
        rng = torch.Generator().manual_seed(3)
        for batch in data:
            with suppress(InputError):
                params, state, _ = each(params, state, batch, rng)
        results.append((params, state, rng.get_state()))
    assert_same(*results)


def test_a_count_that_is_made_first_counts_only_what_was_done():
    loss = f.cross_entropy()

    def step(params, state, batch):
        count = state + 1
        value, vjp = loss((), (batch[0] @ params, batch[1]))
        return params - batch[0].mT @ vjp(value.new_ones(()))[1][0] / count, count, value

    *_, data = with_dropout()
    fast, params, state = f.stage(step), ones(3, 2), ones() * 0
    for batch in data:
        with suppress(FuncdlError):
            params, state, _ = fast(params, state, batch)
    assert float(state) == 4


class Stop(BaseException):
    """As KeyboardInterrupt, which pytest itself would hear."""


def test_a_step_that_is_interrupted_was_not_taken():
    armed = []

    def stopping(params, x):
        def vjp(dy):
            if armed:
                raise armed.pop()
            return (), looking(params, dy)[0]

        return looking(params, x)[0], vjp

    net = f.serial(f.linear(8), f.dropout(0.5), stopping, f.linear(2))
    step, params, state, rng = start(net, f.mse(), f.adam())
    data = batches(rng, 7, 7, 5, 7, 5)
    gens = [torch.Generator().manual_seed(3) for _ in range(2)]
    slow = train(step, params, state, data, gens[0])
    fast, losses = f.stage(step), []
    for batch in data:
        armed.append(Stop())
        with pytest.raises(Stop):
            fast(params, state, batch, gens[1])
        params, state, loss = fast(params, state, batch, gens[1])
        losses.append(loss)
    assert_same((params, state, torch.stack(losses)), slow)
    assert torch.equal(gens[0].get_state(), gens[1].get_state())


def test_a_signal_finds_a_whole_number_of_steps():
    step, params, state, rng = start(network(*[32] * 6), f.mse(), f.adam())
    (batch,) = batches(rng, 64)
    pure = [(params, state)]
    for _ in range(200):
        pure.append(step(*pure[-1], batch)[:2])
    draw, before = random.Random(0), signal.getsignal(signal.SIGALRM)

    def stop(*_):
        raise Stop

    signal.signal(signal.SIGALRM, stop)
    try:
        for _ in range(20):
            fast = f.stage(step)
            quick, count = fast(params, state, batch)[:2], 1
            with suppress(Stop):
                signal.setitimer(signal.ITIMER_REAL, draw.uniform(0.001, 0.01))
                while count < 198:
                    quick = fast(*quick, batch)[:2]
                    count += 1
                signal.setitimer(signal.ITIMER_REAL, 0)
            leaves = tree.leaves(quick)
            assert any(
                all(torch.allclose(a, b, 1e-7, 1e-9) for a, b in zip(leaves, tree.leaves(pure[n])))
                for n in (count, count + 1)
            )
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_long_columns_are_summed_as_torch_sums_them():
    step, params, state, _ = start(
        f.bias(), f.mse(reduction="sum"), f.sgd(1.0), (3,), torch.float32
    )
    x, t = torch.full((100_000, 3), 0.05), torch.zeros(100_000, 3)
    fast = f.stage(step)
    moved = fast(params, state, (x, t))[0].b
    exact = -2 * x.double().sum(0)
    error = ((moved.double() - exact) / exact).abs().max()
    theirs = ((x.sum(0).double() + exact / 2) / exact).abs().max()
    assert error <= 10 * max(theirs, 2.0**-24)
