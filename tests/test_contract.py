"""The contract, for every layer of the table of cases, in float64."""

import pytest
import torch
from cases import CASES
from torch.overrides import TorchFunctionMode

import funcdl as f
from funcdl import tree


@pytest.fixture(params=CASES, ids=str)
def case(request):
    return request.param


@pytest.fixture
def layer(case):
    return f.as_layer(case.layer)


@pytest.fixture
def params(case, rng):
    return case.params(rng)


@pytest.fixture
def x(case, rng):
    return case.inputs(rng)


def copy(value):
    return tree.map(torch.clone, value)


def cotangent(y, rng):
    return tree.map(lambda leaf: torch.empty_like(leaf).normal_(generator=rng), y)


def same(a, b, exactly=True):
    a, b = tree.leaves(a), tree.leaves(b)
    assert len(a) == len(b)
    for p, q in zip(a, b):
        if p is None or q is None:
            assert p is q
        elif exactly:
            assert torch.equal(p, q)
        else:
            torch.testing.assert_close(p, q, rtol=1e-10, atol=1e-12)


def test_inferred_shape_is_the_real_one(case, layer, params, x, rng):
    y, _ = case.apply(params, x)
    assert layer.init(rng, case.shape)[1] == shape_tree(y)


def shape_tree(value):
    return tuple(map(shape_tree, value)) if isinstance(value, tuple) else tuple(value.shape)


def test_cotangents_are_shaped_as_what_they_belong_to(case, params, x, rng):
    y, vjp = case.apply(params, x)
    dparams, dx = vjp(cotangent(y, rng))
    assert tree.flatten(dparams)[1] == tree.flatten(params)[1]
    for p, d in zip(tree.leaves(params), tree.leaves(dparams)):
        assert (p.shape, p.dtype) == (d.shape, d.dtype)
    for leaf, d in zip(tree.leaves(x), tree.leaves(dx)):
        if d is not None:
            assert (leaf.shape, leaf.dtype) == (d.shape, d.dtype)
    # Targets and indices have none; what comes first has one, if it is made of floats.
    assert spread(dx, x)[0] is not None or not tree.leaves(x)[0].is_floating_point()


def test_dot_product(case, params, x, rng):
    found = f.check(seeded(case), params, x, rng)
    assert len(found) >= len(tree.leaves(params))
    assert found, "the test would say nothing"


def seeded(case):
    """The case's layer as it is in inference, or with the generator that the case gives."""

    def apply(params, x, rng):
        return case.apply(params, x)

    return f.layer(apply, name=f.as_layer(case.layer).name)


def test_autograd_agrees(case, params, x, rng):
    with torch.enable_grad():
        live = tree.map(
            lambda leaf: leaf.clone().requires_grad_(leaf.is_floating_point()), (params, x)
        )
        y = case.oracle(*live) if case.oracle else case.apply(*live)[0]
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


def spread(dx, x):
    """The cotangents leaf by leaf; None for a whole tuple stands for each of its leaves."""
    if dx is None:
        return [None] * len(tree.leaves(x))
    if isinstance(dx, tuple):
        return [d for part, entry in zip(dx, x) for d in spread(part, entry)]
    return [dx]


def test_arguments_are_never_written_to(case, params, x, rng):
    before = copy((params, x))
    y, vjp = case.apply(params, x)
    dy = cotangent(y, rng)
    dy_before, y_before = copy(dy), copy(y)
    vjp(dy)
    vjp(dy, False)
    same((params, x), before)
    same(dy, dy_before)
    same(y, y_before)


def test_vjp_is_linear(case, params, x, rng):
    y, vjp = case.apply(params, x)
    a, b = cotangent(y, rng), cotangent(y, rng)
    both = vjp(tree.map(lambda p, q: 2 * p - 3 * q, a, b))
    parts = tree.map(lambda p, q: None if p is None else 2 * p - 3 * q, vjp(a), vjp(b))
    same(both, parts, exactly=False)


def test_vjp_can_be_called_again(case, params, x, rng):
    y, vjp = case.apply(params, x)
    dy = cotangent(y, rng)
    first = copy_some(vjp(dy))
    vjp(cotangent(y, rng))
    same(vjp(dy), first)


def copy_some(value):
    return tree.map(lambda leaf: None if leaf is None else leaf.clone(), value)


def test_without_the_inputs_cotangent_the_parameters_are_the_same(case, params, x, rng):
    y, vjp = case.apply(params, x)
    dy = cotangent(y, rng)
    dparams, dx = vjp(dy, False)
    same(vjp(dy)[0], dparams)
    assert dx is None


@pytest.mark.parametrize("case", [case for case in CASES if not case.random], ids=str)
def test_what_has_no_cotangent_gives_none_back(case, params, x, rng):
    _, vjp = case.apply(params, x)
    dparams, dx = vjp(None)
    same(dparams, tree.zeros_like(params))
    assert dx is None


def test_none_stands_for_a_zero_in_a_tuple(case, params, x, rng):
    y, vjp = case.apply(params, x)
    leaves, structure = tree.flatten(cotangent(y, rng))
    for i in range(len(leaves) if len(leaves) > 1 else 0):
        (with_none, dx), (with_zero, expected) = (
            vjp(tree.unflatten(structure, [*leaves[:i], instead, *leaves[i + 1 :]]))
            for instead in (None, torch.zeros_like(leaves[i]))
        )
        same(with_none, with_zero)
        for d, wanted in zip(spread(dx, x), spread(expected, x)):
            if d is None and wanted is not None:
                assert not wanted.any()
            else:
                same(d, wanted)


def test_a_leading_model_axis_equals_a_loop(case, layer, rng):
    models = [(case.params(rng), case.inputs(rng)) for _ in range(3)]
    y, vjp = case.stacked(*tree.stack(models))
    alone = [layer(*model) for model in models]
    same(y, tree.stack([y for y, _ in alone]), exactly=False)
    dys = [cotangent(y, rng) for y, _ in alone]
    dparams, dx = vjp(tree.stack(dys))
    back = [vjp(dy) for (_, vjp), dy in zip(alone, dys)]
    same(dparams, tree.stack([dp for dp, _ in back]), exactly=False)
    looped = [[d for d in tree.leaves(dx) if d is not None] for _, dx in back]
    stacked = [d for d in tree.leaves(dx) if d is not None]
    same(stacked, tree.stack(looped) if looped[0] else [], exactly=False)


def test_nothing_carries_a_graph(case, layer, params, x, rng):
    with torch.enable_grad():
        y, vjp = case.apply(params, x)
        back = vjp(cotangent(y, rng))
        drawn = layer.init(rng, case.shape)[0]
    for leaf in tree.leaves((y, back, drawn)):
        assert leaf is None or (leaf.grad_fn is None and not leaf.requires_grad)


def test_initialisation_is_reproducible(case, layer):
    drawn = [layer.init(torch.Generator().manual_seed(7), case.shape)[0] for _ in range(2)]
    same(*drawn)


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
        self.count += function.__name__ in {"matmul", "bmm", "baddbmm_", "addmm_"}
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
        (f.attention(2), (2, 5, 4), 1),
    ],
    ids=str,
)
def test_without_the_inputs_cotangent_its_products_are_saved(layer, shape, saved, rng):
    params, _ = layer.init(rng, shape)
    y, vjp = layer(params, zeros(shape))
    with Products() as every:
        vjp(torch.ones_like(y))
    with Products() as fewer:
        vjp(torch.ones_like(y), False)
    assert every.count - fewer.count == saved
