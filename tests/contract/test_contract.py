"""The contract, for every layer of the table of cases, in float64."""

import pytest
import torch
from table import CASES
from torch.nn import functional
from torch.overrides import TorchFunctionMode

import funcdl as f
from funcdl import tree
from funcdl.judge.trial import SkippedError, cotangent, spread
from funcdl.judge.verdict import PROPERTIES


@pytest.fixture(params=CASES, ids=str)
def case(request):
    return request.param


@pytest.fixture
def holds(case, rng):
    """The judge's word on a property of the case, in the library's own code."""

    def ask(name):
        try:
            PROPERTIES[name](case.trial(rng))
        except SkippedError as why:
            return str(why)
        return None

    return ask


@pytest.fixture
def params(case, rng):
    return case.params(rng)


@pytest.fixture
def x(case, rng):
    return case.inputs(rng)


def same(a, b, exactly=True):
    a, b = tree.leaves(a), tree.leaves(b)
    assert len(a) == len(b)
    for p, q in zip(a, b):
        if exactly:
            assert torch.equal(p, q)
        else:
            torch.testing.assert_close(p, q, rtol=1e-10, atol=1e-12)


def test_inferred_shape_is_the_real_one(holds):
    assert holds("shapes") is None


def test_cotangents_are_shaped_as_what_they_belong_to(holds):
    assert holds("cotangents") is None


def test_dot_product(holds):
    assert holds("derivative") is None


def test_the_dot_product_says_something(case, params, x, rng):
    found = f.check(f.layer(lambda params, x: case.apply(params, x), name="case"), params, x, rng)
    assert len(found) >= len(tree.leaves(params))
    assert found


def test_autograd_agrees(case, params, x, rng):
    with torch.enable_grad():
        live = tree.map(
            lambda leaf: leaf.clone().requires_grad_(leaf.is_floating_point()), (params, x)
        )
        y = case.oracle(functional, *live) if case.oracle else case.apply(*live)[0]
    y2, vjp = case.apply(params, x)
    same(tree.map(torch.detach, y), y2, exactly=not case.oracle)
    dy = cotangent(y2, rng)
    wanted = [leaf for leaf in tree.leaves(live) if leaf.requires_grad]
    outputs = [(p, d) for p, d in zip(tree.leaves(y), tree.leaves(dy)) if p.requires_grad]
    expected = torch.autograd.grad(
        [p for p, _ in outputs],
        wanted,
        [d for _, d in outputs],
        allow_unused=True,
        materialize_grads=True,
    )
    expected = iter(expected)
    dparams, dx = vjp(dy)
    for d in tree.leaves(dparams):
        torch.testing.assert_close(d, next(expected), rtol=1e-10, atol=1e-12)
    for leaf, d in zip(tree.leaves(x), spread(dx, x)):
        if leaf.is_floating_point():
            oracle = next(expected)
            if d is not None:
                torch.testing.assert_close(d, oracle, rtol=1e-10, atol=1e-12)


def test_arguments_are_never_written_to(holds):
    assert holds("purity") is None


def test_the_same_arguments_give_the_same(holds):
    assert holds("repeatable") is None


def test_vjp_is_linear(holds):
    assert holds("linear") is None


def test_vjp_can_be_called_again(holds):
    assert holds("again") is None


def test_without_the_inputs_cotangent_the_parameters_are_the_same(holds):
    assert holds("need_dx") is None


def test_what_has_no_cotangent_gives_none_back(holds):
    assert holds("None") is None


def test_none_stands_for_a_zero_in_a_tuple(case, holds, params, x):
    several = len(tree.leaves(case.apply(params, x)[0])) > 1
    assert holds("None in a tuple") == (None if several else "its output is one tensor")


def test_a_leading_model_axis_equals_a_loop(holds):
    assert holds("models") is None


def test_another_leading_axis_is_a_larger_batch(case, holds):
    across = "it looks across the batch" if case.looks_across() else None
    assert holds("batches") == across


def test_nothing_carries_a_graph(holds):
    with torch.enable_grad():
        assert holds("no graph") is None


def test_initialisation_is_reproducible(holds):
    assert holds("initialisation") is None


def test_what_goes_in_as_float32_comes_out_as_float32(holds):
    assert holds("dtypes") is None


def test_a_staged_step_is_the_pure_step(holds):
    assert holds("staging") is None


WRAPPERS = {
    "fan_out": (lambda part: f.fan_out(part, part), (4, 3)),
    "tap": (lambda part: f.tap(part, side=part), (4, 3)),
    "concat": (lambda part: f.concat(part, part), (4, 3)),
    "parallel": (lambda part: f.parallel(part, part), ((4, 3), (4, 3))),
    "serial": (lambda part: f.serial(f.relu, part), (4, 3)),
    "repeat": (lambda part: f.repeat(part, 1), (4, 3)),
    "shared": (f.shared, ((4, 3), (4, 3))),
    "shared over an axis": (lambda part: f.shared(part, axis=-2), (4, 2, 3)),
    "vmap": (lambda part: f.vmap(part, 1), (4, 3)),
    "residual": (f.residual, (4, 3)),
    "remat": (f.remat, (4, 3)),
    "named": (lambda part: f.named("it", part), (4, 3)),
    "debug": (lambda part: f.debug(part, tell=len), (4, 3)),
    "scan": (lambda part: f.scan(f.serial(f.fan_in("sum"), part), 3), (1, 3)),
    "freeze": (lambda part: f.freeze(f.serial(part, f.linear(2)), "[1]"), (4, 3)),
    "supervised": (lambda part: f.supervised(part, f.mse()), ((4, 3), (4, 3))),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_nobody_computes_a_cotangent_that_nobody_asked_for(name, rng):
    asked = []

    def init(rng, shape):
        return (torch.ones(1),), shape

    def apply(params, x, rng=None):
        def vjp(dy, need_dx=True):
            asked.append(need_dx)
            return (dy.sum().reshape(1),), dy if need_dx else None

        return x + params[0], vjp

    wrap, shape = WRAPPERS[name]
    net = wrap(f.Layer("part", init, apply))
    params, _ = net.init(rng, shape)
    for need_dx in (False, True):
        asked.clear()
        y, vjp = net(params, zeros(shape))
        vjp(tree.map(torch.ones_like, y), need_dx)
        assert set(asked) == {need_dx}


def zeros(shape):
    return tuple(map(zeros, shape)) if isinstance(shape[0], tuple) else torch.zeros(shape)


class Products(TorchFunctionMode):
    """Counts the products of matrices."""

    count = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.count += function.__name__ in {"matmul", "mm", "bmm", "addmm", "baddbmm_", "addmm_"}
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("layer", "shape", "saved"),
    [
        (f.linear(3), (4, 5), 1),
        (f.maxout(3, 2), (4, 5), 1),
        (f.conv1d(3, 2), (2, 4, 2), 1),
        (f.conv2d(3, 2), (2, 4, 4, 2), 1),
        (f.conv_transpose2d(3, 2), (2, 4, 4, 2), 1),
        (f.gru_cell(3), ((4, 3), (4, 5)), 2),
        (f.gru(3), (4, 5, 2), 1),
        (f.lstm_cell(3), (((4, 3), (4, 3)), (4, 5)), 2),
        (f.rnn_cell(3), ((4, 3), (4, 5)), 2),
        (f.lstm(3), (4, 5, 2), 1),
        (f.rnn(3), (4, 5, 2), 1),
        (f.rnn(3, initial=True), ((4, 5, 2), (4, 3)), 2),
        (f.attention(2), (2, 5, 4), 1),
    ],
    ids=str,
)
def test_without_the_inputs_cotangent_its_products_are_saved(layer, shape, saved, rng):
    params, _ = layer.init(rng, shape)
    y, vjp = layer(params, zeros(shape))
    dy = tree.map(torch.ones_like, y)
    with Products() as every:
        vjp(dy)
    with Products() as fewer:
        vjp(dy, False)
    assert every.count - fewer.count == saved
