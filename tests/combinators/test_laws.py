"""The laws that the documentation claims, on random layers, parameters and inputs."""

import pytest
import torch
from helpers import close
from hypothesis import given, settings
from hypothesis import strategies as st
from table import CASES, multiplied_by_noise, normal

import funcdl as f
from funcdl import tree

WIDTH = 3
# Layers from (…, 3) to (…, 3), so that any of them follows any other.
ENDO = st.sampled_from(
    [
        f.linear(WIDTH),
        f.linear(WIDTH, b_init=None),
        f.tanh,
        f.sigmoid,
        f.identity,
        f.serial(f.linear(5), f.tanh, f.linear(WIDTH)),
        f.serial(f.concat(f.linear(2), f.tanh), f.linear(WIDTH)),
    ]
)
SEEDS = st.integers(0, 2**32 - 1)
law = settings(deadline=None, max_examples=60)


def start(seed):
    return torch.Generator().manual_seed(seed)


def draw(layer, shape, seed):
    rng = start(seed)
    params, _ = layer.init(rng, shape)
    return tree.map(lambda p: p.double() + 0.1 * normal(p.shape, rng), params), rng


def value(shape, rng):
    if shape and isinstance(shape[0], tuple):
        return tuple(value(entry, rng) for entry in shape)
    return normal(shape, rng)


def equal(a, b):
    a, b = tree.leaves(a), tree.leaves(b)
    assert len(a) == len(b)
    assert all(torch.equal(p, q) for p, q in zip(a, b))


def agree(one, p_one, other, p_other, x, dy):
    """Two layers do the same; `dparams` are compared leaf by leaf, whatever the nesting."""
    (y1, vjp1), (y2, vjp2) = one(p_one, x), other(p_other, x)
    equal(y1, y2)
    (dp1, dx1), (dp2, dx2) = vjp1(dy), vjp2(dy)
    equal(dp1, dp2)
    equal(dx1, dx2)


@law
@given(ENDO, ENDO, ENDO, SEEDS)
def test_serial_is_associative(a, b, c, seed):
    left, right = f.serial(f.serial(a, b), c), f.serial(a, f.serial(b, c))
    ((pa, pb), pc), rng = draw(left, (2, WIDTH), seed)
    x, dy = value((2, WIDTH), rng), value((2, WIDTH), rng)
    agree(left, ((pa, pb), pc), right, (pa, (pb, pc)), x, dy)
    agree(left, ((pa, pb), pc), f.serial(a, b, c), (pa, pb, pc), x, dy)


@law
@given(ENDO, SEEDS)
def test_identity_is_the_unit_of_serial(a, seed):
    p, rng = draw(a, (2, WIDTH), seed)
    x, dy = value((2, WIDTH), rng), value((2, WIDTH), rng)
    agree(a, p, f.serial(f.identity, a), ((), p), x, dy)
    agree(a, p, f.serial(a, f.identity), (p, ()), x, dy)
    agree(a, p, f.serial(a), (p,), x, dy)
    agree(f.identity, (), f.serial(), (), x, dy)


@law
@given(ENDO, ENDO, ENDO, SEEDS)
def test_parallel_is_associative_up_to_nesting(a, b, c, seed):
    nested, flat = f.parallel(f.parallel(a, b), c), f.parallel(a, b, c)
    shape = (2, WIDTH)
    ((pa, pb), pc), rng = draw(nested, ((shape, shape), shape), seed)
    (x1, x2), x3 = value(((shape, shape), shape), rng)
    (d1, d2), d3 = value(((shape, shape), shape), rng)
    y1, vjp1 = nested(((pa, pb), pc), ((x1, x2), x3))
    y2, vjp2 = flat((pa, pb, pc), (x1, x2, x3))
    equal(y1, y2)
    equal(vjp1(((d1, d2), d3)), vjp2((d1, d2, d3)))


@law
@given(ENDO, ENDO, ENDO, ENDO, SEEDS)
def test_serial_and_parallel_interchange(a, b, c, d, seed):
    down = f.serial(f.parallel(a, b), f.parallel(c, d))
    across = f.parallel(f.serial(a, c), f.serial(b, d))
    shape = ((2, WIDTH), (2, WIDTH))
    ((pa, pb), (pc, pd)), rng = draw(down, shape, seed)
    x, dy = value(shape, rng), value(shape, rng)
    (y1, vjp1), (y2, vjp2) = down(((pa, pb), (pc, pd)), x), across(((pa, pc), (pb, pd)), x)
    equal(y1, y2)
    ((da, db), (dc, dd)), dx1 = vjp1(dy)
    ((ea, ec), (eb, ed)), dx2 = vjp2(dy)
    equal((da, db, dc, dd, dx1), (ea, eb, ec, ed, dx2))


@law
@given(ENDO, ENDO, SEEDS)
def test_fan_out_sums_the_cotangents(a, b, seed):
    layer = f.fan_out(a, b)
    (pa, pb), rng = draw(layer, (2, WIDTH), seed)
    x = value((2, WIDTH), rng)
    dy = value(((2, WIDTH), (2, WIDTH)), rng)
    y, vjp = layer((pa, pb), x)
    (ya, vjp_a), (yb, vjp_b) = a(pa, x), b(pb, x)
    equal(y, (ya, yb))
    (dpa, dxa), (dpb, dxb) = vjp_a(dy[0]), vjp_b(dy[1])
    equal(vjp(dy), ((dpa, dpb), dxa + dxb))


@law
@given(ENDO, SEEDS, st.integers(1, 4))
def test_shared_equals_hand_tied_copies(a, seed, count):
    shape = ((2, WIDTH),) * count
    p, rng = draw(f.shared(a), shape, seed)
    x, dy = value(shape, rng), value(shape, rng)
    y, vjp = f.shared(a)(p, x)
    y2, vjp2 = f.parallel(*[a] * count)((p,) * count, x)
    equal(y, y2)
    dparams, dx = vjp(dy)
    copies, dx2 = vjp2(dy)
    total = copies[0]
    for copy in copies[1:]:
        total = tree.add(total, copy)
    equal(dparams, total)
    equal(dx, dx2)


@law
@given(ENDO, SEEDS, st.integers(1, 4))
def test_shared_over_an_axis_equals_shared_over_the_tuple(a, seed, count):
    p, rng = draw(a, (2, WIDTH), seed)
    x, dy = value((2, count, WIDTH), rng), value((2, count, WIDTH), rng)
    y, vjp = f.shared(a, axis=-2)(p, x)
    ys, vjps = f.shared(a)(p, x.unbind(1))
    torch.testing.assert_close(y, torch.stack(ys, 1))
    (dp, dx), (dps, dxs) = vjp(dy), vjps(dy.unbind(1))
    for one, other in zip(tree.leaves(dp), tree.leaves(dps)):
        torch.testing.assert_close(one, other)
    torch.testing.assert_close(dx, torch.stack(dxs, 1))


ONE_TENSOR = [case for case in CASES if isinstance(case.shape[0], int)]
TRAINING = [False, True]


def copies(case, training):
    """Three inputs of a case, cotangents of their outputs, and a fresh generator, or none."""
    rng = start(0)
    params, xs = case.params(rng), tuple(case.inputs(rng) for _ in range(3))
    y, _ = f.as_layer(case.layer)(params, xs[0])
    dys = tuple(tree.map(lambda leaf: value(leaf.shape, rng), y) for _ in xs)
    return params, xs, dys, (lambda: start(1)) if training else (lambda: None)


@pytest.mark.parametrize("training", TRAINING, ids=["inference", "training"])
@pytest.mark.parametrize("case", ONE_TENSOR, ids=str)
def test_every_layer_is_shared_as_hand_tied_copies(case, training):
    params, xs, dys, rng = copies(case, training)
    tied = f.parallel(*[case.layer] * 3)
    (y, vjp), (z, pull) = f.shared(case.layer)(params, xs, rng()), tied((params,) * 3, xs, rng())
    close(y, z)
    (dparams, dx), (each, dz) = vjp(dys), pull(dys)
    close(dparams, tree.add(tree.add(each[0], each[1]), each[2]))
    close(dx, dz)


@pytest.mark.parametrize("training", TRAINING, ids=["inference", "training"])
@pytest.mark.parametrize("case", ONE_TENSOR, ids=str)
def test_every_layer_is_shared_over_an_axis_as_over_the_tuple(case, training):
    params, xs, dys, rng = copies(case, training)
    over_axis = f.shared(case.layer, axis=-xs[0].ndim)

    def stacked(values):
        return tree.map(lambda *leaves: torch.stack(leaves, 1), *values)

    (y, vjp), (ys, pull) = (
        over_axis(params, stacked(xs), rng()),
        f.shared(case.layer)(params, xs, rng()),
    )
    close(y, stacked(ys))
    (dparams, dx), (dps, dxs) = vjp(stacked(dys)), pull(dys)
    close(dparams, dps)
    close(dx, None if dxs[0] is None else stacked(dxs))
    assert vjp(stacked(dys), False)[1] is None


@law
@given(ENDO, ENDO, SEEDS)
def test_concat_is_fan_out_then_join(a, b, seed):
    p, rng = draw(f.concat(a, b), (2, WIDTH), seed)
    x, dy = value((2, WIDTH), rng), value((2, 2 * WIDTH), rng)
    agree(f.concat(a, b), p, f.serial(f.fan_out(a, b), f.join()), (p, ()), x, dy)


@law
@given(ENDO, SEEDS)
def test_residual_is_fan_out_then_fan_in(a, seed):
    p, rng = draw(a, (2, WIDTH), seed)
    x, dy = value((2, WIDTH), rng), value((2, WIDTH), rng)
    agree(
        f.residual(a), p, f.serial(f.fan_out(f.identity, a), f.fan_in("sum")), (((), p), ()), x, dy
    )


@law
@given(st.integers(1, 5), SEEDS)
def test_fan_in_sum_is_dual_to_copying(count, seed):
    """Its vjp copies, and the vjp of copying is it."""
    rng = torch.Generator().manual_seed(seed)
    xs, dy = value(((2, WIDTH),) * count, rng), value((2, WIDTH), rng)
    y, vjp = f.fan_in("sum")((), xs)
    copies, pull = f.fan_out(*[f.identity] * count)(((),) * count, dy)
    equal(vjp(dy)[1], copies)
    equal(pull(xs)[1], y)


@law
@given(ENDO, st.integers(0, 4), SEEDS)
def test_repeat_is_serial_of_copies(a, times, seed):
    p, rng = draw(f.repeat(a, times), (2, WIDTH), seed)
    x, dy = value((2, WIDTH), rng), value((2, WIDTH), rng)
    agree(f.repeat(a, times), p, f.serial(*[a] * times), p, x, dy)


@law
@given(ENDO, ENDO, SEEDS)
def test_siamese_is_shared_then_compare(a, b, seed):
    compare = f.serial(f.fan_in("product"), b)
    shape = ((2, WIDTH), (2, WIDTH))
    p, rng = draw(f.siamese(a, compare), shape, seed)
    x, dy = value(shape, rng), value((2, WIDTH), rng)
    agree(f.siamese(a, compare), p, f.serial(f.shared(a), compare), p, x, dy)


@law
@given(ENDO, SEEDS)
def test_remat_named_and_debug_change_nothing(a, seed):
    p, rng = draw(a, (2, WIDTH), seed)
    x, dy = value((2, WIDTH), rng), value((2, WIDTH), rng)
    lines = []
    for same in (f.remat(a), f.named("it", a), f.debug(a, lines.append)):
        agree(same, p, a, p, x, dy)
        equal(same.init(start(seed), (2, WIDTH))[0], a.init(start(seed), (2, WIDTH))[0])
    assert len(lines) == 2


def with_a_generator(params, x, rng):
    return x if rng is None else x + 1, lambda dy: ((), dy)


def with_any(*args):
    return with_a_generator(*args)


class Unsigned:
    """A function of two arguments that does not tell Python so."""

    __signature__ = "unknown"

    def __call__(self, params, x):
        return x, lambda dy: ((), dy)


def test_a_plain_function_is_handed_the_generator_if_it_takes_one():
    x = torch.zeros(2)
    for function, drawn in ((with_a_generator, x + 1), (with_any, x + 1), (Unsigned(), x)):
        assert torch.equal(f.layer(function)((), x, start(0))[0], drawn)
        assert torch.equal(f.layer(function)((), x)[0], x)


@law
@given(SEEDS)
def test_remat_draws_the_same_numbers_again(seed):
    noisy = f.serial(f.linear(WIDTH), multiplied_by_noise, f.tanh, multiplied_by_noise)
    p, rng = draw(noisy, (2, WIDTH), seed)
    x, dy = value((2, WIDTH), rng), value((2, WIDTH), rng)
    one, other = (start(seed) for _ in range(2))
    (y, vjp), (y2, vjp2) = noisy(p, x, one), f.remat(noisy)(p, x, other)
    equal(y, y2)
    for _ in range(2):
        equal(vjp(dy), vjp2(dy))
    assert torch.equal(one.get_state(), other.get_state())


@law
@given(st.lists(ENDO, min_size=1, max_size=4), st.data(), SEEDS)
def test_freeze_zeroes_exactly_what_it_names(layers, data, seed):
    net = f.serial(*layers)
    p, rng = draw(net, (2, WIDTH), seed)
    x, dy = value((2, WIDTH), rng), value((2, WIDTH), rng)
    here = tree.paths(p)
    chosen = data.draw(st.lists(st.sampled_from(here), unique=True)) if here else []
    y, vjp = net(p, x)
    y2, vjp2 = f.freeze(net, *chosen)(p, x)
    equal(y, y2)
    (dp, dx), (dp2, dx2) = vjp(dy), vjp2(dy)
    equal(dx, dx2)
    for path, d, d2 in zip(here, tree.leaves(dp), tree.leaves(dp2)):
        if not chosen or path in chosen:
            assert d2.shape == d.shape
            assert not d2.any()
        else:
            assert torch.equal(d, d2)


@pytest.mark.parametrize(
    ("pattern", "frozen"),
    [("*.b", ["[0].b", "[1][0].b"]), ("[1]", ["[1][0].w", "[1][0].b"]), ("[0].w", ["[0].w"])],
)
def test_freeze_takes_the_patterns_of_select(pattern, frozen):
    net = f.serial(f.linear(3), f.serial(f.linear(2)))
    params, _ = draw(net, (4, 3), 0)
    y, vjp = f.freeze(net, pattern)(params, torch.ones(4, 3, dtype=torch.float64))
    dparams, _ = vjp(torch.ones_like(y))
    still = [path for path, d in zip(tree.paths(dparams), tree.leaves(dparams)) if not d.any()]
    assert still == frozen


def test_what_is_frozen_as_a_whole_computes_no_cotangent_that_nobody_wants():
    asked = []

    def watched(params, x):
        return x * params["s"], lambda dy: asked.append(dy) or ({"s": dy * x}, dy * params["s"])

    params, x = {"s": torch.full((3,), 2.0)}, torch.ones(3)
    _, vjp = f.freeze(watched)(params, x)
    dparams, dx = vjp(x, False)
    assert torch.equal(dparams["s"], torch.zeros(3))
    assert dx is None
    assert not asked
    assert torch.equal(vjp(x)[1], params["s"])
    assert len(asked) == 1


def test_a_part_without_a_cotangent_adds_none():
    def still(params, x):
        return x * 2, lambda dy: ((), None)

    dy = torch.tensor([1.0, 2.0])
    for layer in (f.fan_out(still, f.identity), f.fan_out(f.identity, still)):
        assert torch.equal(layer(((), ()), dy)[1]((dy, dy))[1], dy)
    assert f.fan_out(still, still)(((), ()), dy)[1]((dy, dy))[1] is None
    assert torch.equal(f.residual(still)((), dy)[1](dy)[1], dy)


def test_vmap_of_one_example_is_the_layer():
    p, rng = draw(f.linear(2), (WIDTH,), 0)
    agree(f.vmap(f.linear(2), 1), p, f.linear(2), p, normal((WIDTH,), rng), normal((2,), rng))


def test_vmap_of_indices_has_no_cotangent_for_them():
    p, rng = draw(f.embedding(3, 2), (), 0)
    x, dy = torch.tensor([2, 0, 2]), normal((3, 2), rng)
    (y, vjp), (y2, vjp2) = f.vmap(f.embedding(3, 2), 0)(p, x), f.embedding(3, 2)(p, x)
    equal(y, y2)
    (dp, dx), (dp2, _) = vjp(dy), vjp2(dy)
    equal(dp, dp2)
    assert dx is None


@law
@given(ENDO, SEEDS, st.integers(1, 4))
def test_vmap_changes_nothing_for_layers_that_look_at_trailing_axes(a, seed, count):
    p, rng = draw(a, (WIDTH,), seed)
    x, dy = value((count, WIDTH), rng), value((count, WIDTH), rng)
    (y, vjp), (y2, vjp2) = a(p, x), f.vmap(a, 1)(p, x)
    torch.testing.assert_close(y, y2)
    for one, other in zip(tree.leaves(vjp(dy)), tree.leaves(vjp2(dy))):
        torch.testing.assert_close(one, other)


@law
@given(ENDO, SEEDS)
def test_supervised_is_parallel_then_loss(a, seed):
    p, rng = draw(a, (2, WIDTH), seed)
    x = value(((2, WIDTH), (2, WIDTH)), rng)
    (l1, vjp1), (l2, vjp2) = (
        f.supervised(a, f.mse())(p, x),
        f.serial(f.parallel(a, f.identity), f.mse())(((p, ()), ()), x),
    )
    equal(l1, l2)
    one = torch.ones((), dtype=torch.float64)
    dp, (dx, _) = vjp1(one)
    # The unit passes the target's missing cotangent on as it is.
    ((dp2, _), _), (dx2, dt) = vjp2(one)
    equal((dp, dx), (dp2, dx2))
    assert dt is None


@law
@given(st.lists(st.floats(0, 10), min_size=1, max_size=4), SEEDS)
def test_a_weighted_sum_of_losses_is_one(weights, seed):
    rng = torch.Generator().manual_seed(seed)
    ys, ts = (tuple(normal((2, 3), rng) for _ in weights) for _ in range(2))
    total, vjp = f.weighted_sum(*[(w, f.mse()) for w in weights])((), (ys, ts))
    losses = [f.mse()((), pair) for pair in zip(ys, ts)]
    torch.testing.assert_close(total, sum(w * v for w, (v, _) in zip(weights, losses)))
    one = torch.ones((), dtype=torch.float64)
    for w, dy, (_, pull) in zip(weights, vjp(one)[1][0], losses):
        torch.testing.assert_close(dy, w * pull(one)[1][0])


TREES = st.recursive(
    st.floats(-10, 10),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=2), inner, max_size=3),
        st.builds(f.Affine, inner, inner),
    ),
    max_leaves=12,
)


@law
@given(TREES)
def test_to_leaves_and_from_leaves_are_inverse(t):
    leaves, structure = tree.to_leaves(t)
    assert tree.from_leaves(structure, leaves) == t
    assert leaves == tree.leaves(t)
    assert len(tree.paths(t)) == len(leaves)
    assert len(set(tree.paths(t))) == len(leaves) or any(
        "." in p or "[" in p for p in tree.paths(t)
    )


@law
@given(TREES)
def test_map_respects_identity_and_composition(t):
    assert tree.map(lambda leaf: leaf, t) == t
    twice = tree.map(lambda leaf: 2 * leaf, tree.map(lambda leaf: leaf + 1, t))
    assert twice == tree.map(lambda leaf: 2 * (leaf + 1), t)
    assert tree.add(t, t) == tree.multiply(2, t)


TENSORS = TREES.map(lambda t: tree.map(lambda leaf: torch.full((int(abs(leaf)),), leaf), t))


def same_tree(a, b):
    assert tree.to_leaves(a)[1] == tree.to_leaves(b)[1]
    equal(a, b)


def keys(t):
    if isinstance(t, dict):
        yield from t
    if tree.is_node(t):
        for entry in t.values() if isinstance(t, dict) else t:
            yield from keys(entry)


@law
@given(TENSORS)
def test_ravel_and_to_dict_have_inverses(t):
    vector, unravel = tree.ravel(t)
    same_tree(unravel(vector), t)
    if not any("." in key or not key for key in keys(t)):
        same_tree(tree.from_dict(tree.to_dict(t), t), t)


@law
@given(TENSORS, st.sampled_from([-2.0, 0.5, 3.0]))
def test_ravel_is_linear_and_norm_is_a_norm(t, factor):
    vector, _ = tree.ravel(t)
    assert torch.equal(tree.ravel(tree.multiply(factor, t))[0], factor * vector)
    assert torch.equal(tree.ravel(tree.add(t, t))[0], vector + vector)
    torch.testing.assert_close(tree.norm(tree.multiply(factor, t)), abs(factor) * tree.norm(t))
    torch.testing.assert_close(tree.norm(t), vector.norm())
