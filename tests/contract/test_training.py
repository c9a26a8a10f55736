"""Training is said, never guessed: generators, population statistics, acting as in inference."""

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch

import funcdl as f
from funcdl import tree


def drawing(params, x, rng=None):
    """A layer of a user's own that takes a generator."""
    return x, lambda dy: ((), dy)


PART = f.dropout(0.5)
X = torch.ones(4, 3)
PLACES = {
    "serial": (lambda d: f.serial(f.tanh, d), X, "serial[1] dropout"),
    "parallel": (lambda d: f.parallel(f.tanh, d), (X, X), "parallel[1] dropout"),
    "fan_out": (lambda d: f.fan_out(f.tanh, d), X, "fan_out[1] dropout"),
    "tap": (lambda d: f.tap(f.tanh, side=d), X, "tap[1] dropout"),
    "concat": (lambda d: f.concat(f.tanh, d), X, "concat[1] dropout"),
    "residual": (f.residual, X, "residual dropout"),
    "shared": (f.shared, (X, X), "shared dropout"),
    "shared over an axis": (lambda d: f.shared(d, axis=-2), X, "shared dropout"),
    "siamese": (
        lambda d: f.siamese(f.tanh, f.serial(f.join(), d)),
        (X, X),
        "siamese[1] serial[1] dropout",
    ),
    "scan": (lambda d: f.scan(f.serial(f.fan_in(), d), 3), X, "scan serial[1] dropout"),
    "repeat": (lambda d: f.repeat(d, 2), X, "repeat[0] dropout"),
    "vmap": (lambda d: f.vmap(d, 1), X, "vmap dropout"),
    "remat": (f.remat, X, "dropout"),
    "freeze": (f.freeze, X, "dropout"),
    "debug": (lambda d: f.debug(d, tell=len), X, "dropout"),
    "named": (lambda d: f.named("noise", d), X, "noise: dropout"),
    "supervised net": (lambda d: f.supervised(d, f.mse()), (X, X), "supervised net: dropout"),
    "supervised loss": (lambda d: f.supervised(f.tanh, d), (X, X), "supervised loss: dropout"),
    "weighted_sum": (
        lambda d: f.weighted_sum((1.0, f.mse()), (1.0, d)),
        ((X, X), (X, X)),
        "weighted_sum[1] dropout",
    ),
    "deep": (
        lambda d: f.supervised(f.serial(f.tanh, f.residual(f.serial(f.named("n", d)))), f.mse()),
        (X, X),
        "supervised net: serial[1] residual serial[0] n: dropout",
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_step_without_a_generator_names_the_part_that_needs_one(name):
    wrap, _, place = PLACES[name]
    net = wrap(PART)
    for call in (
        lambda: f.training_step(net, f.sgd(0.1))((), (), ()),
        lambda: f.value_and_grad(net)((), ()),
        lambda: f.stage(f.training_step(net, f.sgd(0.1)))((), (), torch.ones(3)),
    ):
        with pytest.raises(f.KindError) as caught:
            call()
        assert str(caught.value) == (
            f"{place}: expected a generator in training, got rng=None: hand one to the step, or "
            "wrap in inference(…) what is to act as in inference"
        )


@pytest.mark.parametrize("name", PLACES)
def test_the_place_is_that_of_other_errors(name):
    """The same part, refusing its input, is named by the same path, but for which time it was."""

    def refuse(params, x, rng=None):
        raise f.ShapeError("dropout: no")

    wrap, x, place = PLACES[name]
    net = wrap(f.Layer("dropout", f.identity.init, refuse))
    params: object = ()
    if name != "weighted_sum":
        shape = tree.map(lambda leaf: tuple(leaf.shape), x)
        params, _ = net.init(torch.Generator(), shape)
    with pytest.raises(f.ShapeError) as caught:
        net(params, x)
    said = str(caught.value).removesuffix(": no")
    assert said.replace("scan[0]", "scan").replace("vmap[0]", "vmap") == place


def batch(seed=0, features=3):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(16, 2, generator=rng), torch.randn(16, features, generator=rng)


@pytest.mark.parametrize("net", [f.dropout(0), f.inference(f.dropout(0.5)), f.tanh], ids=repr)
def test_what_acts_the_same_needs_no_generator(net):
    net = f.serial(f.linear(3), net)
    params, _ = net.init(torch.Generator().manual_seed(0), (2,))
    value, _ = f.value_and_grad(f.supervised(net, f.mse()))(params, batch())
    assert value.isfinite()


def test_a_layer_of_ones_own_says_whether_it_needs_one():
    def apply(params, x, rng=None):
        return x, lambda dy, need_dx=True: ((), dy)

    init = f.identity.init
    assert f.as_layer(drawing).needs_rng == "drawing"
    assert f.layer(drawing, needs_rng=False).needs_rng == ""
    assert f.layer(lambda params, x: (x, None), needs_rng=True).needs_rng == "<lambda>"
    assert f.Layer("mine", init, apply).needs_rng == ""
    assert f.serial(f.Layer("mine", init, apply, needs_rng=True)).needs_rng == "serial[0] mine"


# Population statistics.

NORMED = f.serial(f.linear(4), f.batch_norm(), f.tanh, f.linear(3))
FROZEN = f.serial(f.linear(4), f.inference(f.batch_norm()), f.tanh, f.linear(3))


def scheduled(step):
    return 0.5 / (1 + step)


OPTIMISERS = {
    "sgd": f.sgd(0.1),
    "a schedule": f.sgd(scheduled),
    "momentum": f.sgd(0.1, momentum=0.9, weight_decay=0.1),
    "nesterov": f.sgd(0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "adagrad": f.adagrad(0.1, eps=0, weight_decay=0.1),
    "rmsprop": f.rmsprop(0.1, eps=0, centred=True, momentum=0.5, weight_decay=0.1),
    "adam": f.adam(0.1, eps=0),
    "adamw": f.adamw(0.1, weight_decay=0.1),
    "adamw of some": f.adamw(0.1, weight_decay=0.1, where=lambda path: True),
    "radam": f.radam(0.1, weight_decay=0.1),
    "lion": f.lion(0.1, weight_decay=0.1),
    "averaged": f.averaged(f.sgd(0.1, weight_decay=0.1), 0.9),
    "chain": f.optimiser(f.decay(0.1), f.clip_by_global_norm(1.0), f.clip(0.1), lr=0.1),
}


@pytest.mark.parametrize("staged", [False, True], ids=["pure", "staged"])
@pytest.mark.parametrize("net", [NORMED, FROZEN], ids=["by the batch", "as in inference"])
@pytest.mark.parametrize("name", OPTIMISERS)
def test_statistics_are_left_alone(name, net, staged):
    rng, optimiser = torch.Generator().manual_seed(0), OPTIMISERS[name]
    params, _ = net.init(rng, (2,))
    mean, var = torch.rand(4, generator=rng), torch.rand(4, generator=rng) + 0.5
    params = (params[0], params[1]._replace(mean=mean, var=var), *params[2:])
    first, state = params, optimiser.init(params)
    step = f.training_step(f.supervised(net, f.mse()), optimiser)
    step = f.stage(step) if staged else step
    for seed in range(4):
        params, state, _ = step(params, state, batch(seed), rng)
    assert torch.equal(params[1].mean, mean)
    assert torch.equal(params[1].var, var)
    assert all(leaf.isfinite().all() for leaf in tree.leaves((params, state)))
    for moved, before in ((params[1].scale, first[1].scale), (params[0].w, first[0].w)):
        assert not torch.equal(moved, before)
    if name == "averaged":
        assert torch.equal(state.average[1].var, var)
        assert not torch.equal(state.average[1].scale, params[1].scale)


@pytest.mark.parametrize("models", [(), (3,)], ids=["one", "three models"])
def test_statistics_have_no_part_in_what_becomes_of_a_gradient(models):
    """The same as if they were not among the parameters."""
    grads = f.BatchNorm(*(torch.full((*models, 2), v) for v in (3.0, 4.0, 100.0, 200.0)))
    params = f.BatchNorm(*(torch.full((*models, 2), v) for v in (1.0, 2.0, 30.0, 40.0)))
    clipped = f.clip_by_global_norm(1.0, models=len(models))
    optimiser = f.optimiser(f.decay(0.5), clipped, f.momentum(0.9), lr=0.1)
    state, few = optimiser.init(params), optimiser.init(tuple(params[:2]))
    moved, some = params, tuple(params[:2])
    for _ in range(3):
        moved, state = optimiser.update(moved, grads, state)
        some, few = optimiser.update(some, tuple(grads[:2]), few)
    assert torch.equal(moved.scale, some[0])
    assert torch.equal(moved.bias, some[1])
    assert moved.mean is params.mean
    assert moved.var is params.var
    assert len(tree.leaves(state)) == len(tree.leaves(few))


class Whitened(NamedTuple):
    shift: torch.Tensor
    centre: torch.Tensor

    @property
    def _statistics(self):
        return ("centre",)


@dataclass
class Record:
    shift: torch.Tensor
    centre: torch.Tensor

    @property
    def _statistics(self):
        return ("centre",)


@pytest.mark.parametrize("kind", [Whitened, Record])
def test_a_node_of_ones_own_says_which_of_its_fields_are_statistics(kind):
    params = {"a": [kind(torch.ones(2), torch.ones(2))], "b": torch.ones(2)}
    grads = tree.map(torch.ones_like, params)
    optimiser = f.sgd(0.1, momentum=0.5)
    moved, _ = optimiser.update(params, grads, optimiser.init(params))
    assert type(moved["a"][0]) is kind
    assert torch.equal(moved["a"][0].centre, torch.ones(2))
    assert torch.equal(moved["a"][0].shift, torch.full((2,), 0.9))
    assert torch.equal(moved["b"], torch.full((2,), 0.9))


def test_gradients_of_another_structure_are_refused_with_statistics_too():
    params, _ = f.batch_norm().init(torch.Generator(), (2,))
    optimiser = f.sgd(0.1)
    with pytest.raises(f.TreeError, match="expected a BatchNorm, got a tuple"):
        optimiser.update(params, tuple(params), optimiser.init(params))


def test_a_module_of_any_norm_lists_no_statistics():
    module = f.Module(f.serial(f.linear(3), f.batch_norm()), (2,), torch.Generator())
    assert len(module.param()) == 4
    assert len(f.Sequential(module, f.BatchNorm1d(3)).param()) == 6
    assert len(module.state()) == 6
    descend = f.AdamW(module.param(), lr=0.1, weight_decay=0.5)
    module.forward(torch.randn(5, 2, generator=torch.Generator()))
    module.backward(torch.ones(5, 3))
    descend.step()
    assert torch.equal(module.params[1].var, torch.ones(3))


# As in inference, on purpose.


def test_inference_is_the_layer_without_a_generator():
    rng = torch.Generator().manual_seed(0)
    net = f.serial(f.linear(4), f.dropout(0.5), f.batch_norm())
    params, _ = net.init(rng, (2,))
    params = tree.map(lambda p: p + 0.1, params)
    x, dy = torch.randn(5, 2, generator=rng), torch.randn(5, 4, generator=rng)
    (y, vjp), (same, pull) = f.inference(net)(params, x, rng), net(params, x)
    assert torch.equal(y, same)
    for d, other in zip(tree.leaves(vjp(dy)), tree.leaves(pull(dy))):
        assert torch.equal(d, other)
    assert f.inference(net).init(torch.Generator(), (2,))[1] == (4,)


def test_fine_tuning_with_frozen_statistics_is_torchs_in_eval_mode():
    rng = torch.Generator().manual_seed(0)
    net = f.serial(f.linear(3), f.inference(f.batch_norm()))
    theirs = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3)).eval()
    theirs[1].running_mean.uniform_(generator=rng)
    theirs[1].running_var.uniform_(0.5, 1.5, generator=rng)
    params = f.from_torch(theirs, net.init(rng, (2,))[0])
    optimiser, descent = f.sgd(0.1), torch.optim.SGD(theirs.parameters(), lr=0.1)
    state, step = optimiser.init(params), f.training_step(f.supervised(net, f.mse()), optimiser)
    for seed in range(3):
        x, t = batch(seed)
        params, state, _ = step(params, state, (x, t))
        with torch.enable_grad():
            descent.zero_grad()
            torch.nn.functional.mse_loss(theirs(x), t).backward()
        descent.step()
    torch.testing.assert_close(params[0].w, theirs[0].weight.mT)
    torch.testing.assert_close(params[1].scale, theirs[1].weight)
    torch.testing.assert_close(params[1].var, theirs[1].running_var)


def test_calibration_leaves_a_norm_that_acts_as_in_inference_alone():
    rng = torch.Generator().manual_seed(0)
    net = f.serial(f.inference(f.batch_norm()), f.batch_norm())
    params, _ = net.init(rng, (2,))
    x = 3 * torch.randn(50, 2, generator=rng) + 1
    found = f.calibrate(net, params, [x], rng)
    assert torch.equal(found[0].var, torch.ones(2))
    # The first norm divides by √(1 + eps).
    torch.testing.assert_close(found[1].mean, x.mean(0), rtol=1e-4, atol=1e-4)


# Evaluating what was never measured.


def evaluated(params, *rng):
    x = torch.ones(3, 2, dtype=params.var.dtype)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        f.batch_norm()(params, x, *rng)
    return [(w.category, str(w.message)) for w in said]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_a_norm_that_was_never_calibrated_says_so_once(dtype):
    params, _ = f.batch_norm().init(torch.Generator(), (2,))
    params = tree.map(lambda p: p.to(dtype), params)
    ((kind, text),) = evaluated(params)
    assert issubclass(kind, f.FuncdlWarning)
    assert issubclass(kind, UserWarning)
    assert text.startswith("batch_norm: expected a mean and a variance that were measured")
    assert evaluated(params) == []
    assert len(evaluated(tree.map(torch.clone, params))) == 1


def test_a_norm_that_was_measured_says_nothing():
    rng = torch.Generator().manual_seed(0)
    params, _ = f.batch_norm().init(rng, (2,))
    x = torch.randn(5, 2, generator=rng)
    assert evaluated(f.calibrate(f.batch_norm(), params, [x], rng)) == []
    assert evaluated(params._replace(var=torch.tensor([1.0, 2.0]))) == []
    assert evaluated(params._replace(mean=torch.tensor([0.0, 1e-30]))) == []
    theirs = torch.nn.BatchNorm1d(2)
    theirs.running_var.fill_(3)
    assert evaluated(f.from_torch(theirs, params)) == []
    assert evaluated(params, rng) == []  # by the batch's statistics


def test_who_evaluates_nothing_hears_nothing():
    net = f.serial(f.linear(3), f.batch_norm())
    params, _ = net.init(torch.Generator(), (2,))
    f.summary(net, (2,), torch.Generator())
    f.inference(net).init(torch.Generator(), (2,))
    with torch.device("meta"):
        net(tree.map(lambda p: p.to("meta"), params), torch.ones(5, 2))


def test_a_module_with_pytorchs_name_is_as_quiet_as_pytorchs():
    x = torch.ones(3, 2)
    assert torch.equal(f.BatchNorm1d(2).eval().forward(x), f.BatchNorm1d(2).eval().forward(x))
    with pytest.raises(f.FuncdlWarning):
        f.Module(f.batch_norm(), (2,), torch.Generator()).eval().forward(x)


def test_where_warnings_are_errors_it_is_one_of_the_librarys():
    params, _ = f.batch_norm().init(torch.Generator(), (2,))
    with pytest.raises(f.FuncdlError, match=r"^batch_norm: expected a mean and a variance"):
        f.batch_norm()(params, torch.ones(3, 2))
