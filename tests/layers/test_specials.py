"""Infinities, NaN, zeros and subnormal numbers: as in PyTorch, or better, in values and slopes."""

import math

import pytest
import torch
from specials import replaced, specials
from torch.nn import functional as nnf

import funcdl as f
from funcdl import tree
from funcdl.cases import activations, losses

INF, NAN = math.inf, math.nan
CASES = [case for case in (*activations.CASES, *losses.CASES) if case.oracle and case.specials]


def to(value, dtype):
    return tree.map(lambda leaf: leaf.to(dtype) if leaf.is_floating_point() else leaf, value)


def first(x):
    return tree.leaves(x)[0]


def torchs(case, params, x, dy=None):
    """What torch makes of it, in float32 and in float64, where float32's ends are no ends."""
    found = []
    for dtype in (torch.float32, torch.float64):
        with torch.enable_grad():
            live = tree.map(lambda leaf: leaf.clone(), to(x, dtype))
            first(live).requires_grad_()
            y = case.oracle(nnf, to(params, dtype), live)
            dys = torch.ones_like(y) if dy is None else dy.to(y.dtype)
            found.append((y.detach().float(), torch.autograd.grad(y, first(live), dys)[0].float()))
    return zip(*found, strict=True)


def agree(found, expected, hurt):
    """Compare with what torch has: no number is right where torch has none or the input is hurt."""
    rough, exact = expected
    close = [torch.isclose(found, e, rtol=1e-4, atol=1e-6) for e in expected]
    free = rough.isnan() | exact.isnan() | (found.isnan() & hurt)
    assert found.shape == exact.shape
    assert (close[0] | close[1] | free).all(), (found, *expected)


def beside(x, y):
    """Where numbers of y depend on one of x that is none: in its row, or in the mean of all."""
    rows = x.isnan().any(-1) if x.ndim > 1 else x.isnan()
    if y.shape == x.shape:
        return rows.unsqueeze(-1).expand(x.shape)
    return rows if y.shape == rows.shape else x.isnan().any()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_special_values_are_as_in_torch_or_better(case, rng):
    params = case.params(rng)
    for value, x in specials(case, rng):
        y, vjp = case.layer(to(params, torch.float32), x)
        dx = first(vjp(torch.ones_like(y))[1])
        values, slopes = torchs(case, params, x)
        agree(y, values, beside(first(x), y))
        agree(dx, slopes, beside(first(x), dx))
        if math.isnan(value):
            assert y[values[1].isnan()].isnan().all()


@pytest.mark.parametrize("value", [INF, -INF, NAN])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_special_cotangents_are_as_in_torch_or_better(case, value, rng):
    params, x = case.params(rng), to(case.inputs(rng), torch.float32)
    for point in (-2.0, 2.0):
        at = replaced(x, point)
        y, vjp = case.layer(to(params, torch.float32), at)
        dy = replaced(torch.ones_like(y), value)
        _, slopes = torchs(case, params, at, dy)
        agree(first(vjp(dy)[1]), slopes, torch.tensor(False))


DEAD = [
    (f.relu, -1.0),
    (f.relu, 0.0),
    (f.leaky_relu(0), -1.0),
    (f.elu(0), -1.0),
    (f.hard_tanh, 2.0),
    (f.hard_tanh, -1.0),
    (f.hard_sigmoid, -4.0),
    (f.hard_sigmoid, 3.0),
]


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16], ids=str
)
@pytest.mark.parametrize(("layer", "point"), DEAD, ids=str)
@pytest.mark.parametrize("size", [2, 2000])
def test_a_dead_unit_has_no_slope_whatever_comes_back(layer, point, size, dtype):
    x = torch.full((size,), point, dtype=dtype)
    for value in (INF, -INF, NAN):
        dy = torch.full((size,), value, dtype=dtype)
        assert layer((), x)[1](dy)[1].tolist() == [0.0] * size


@pytest.mark.parametrize("size", [2, 2000])
@pytest.mark.parametrize("layer", [f.relu, f.leaky_relu(0), f.elu(0), f.hard_tanh], ids=repr)
def test_a_unit_alive_passes_on_whatever_comes_back(layer, size):
    for value in (INF, -INF, NAN, -0.0, 1e-42):
        dx = layer((), torch.full((size,), 0.5))[1](torch.full((size,), value))[1]
        assert str(dx.tolist()) == str([torch.tensor(value).item()] * size)


def test_a_parameter_of_the_other_side_does_not_count():
    x = torch.tensor([1.0, -1.0, INF])
    y, vjp = f.prelu()(f.Slope(torch.tensor(INF)), x)
    assert y.tolist() == [1.0, -INF, INF]
    dparams, dx = vjp(torch.tensor([INF, 1.0, NAN]))
    assert dparams.a.tolist() == -1.0
    assert str(dx.tolist()) == str([INF, INF, NAN])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=str)
@pytest.mark.parametrize("ndim", [0, 1])
def test_what_is_dropped_may_be_infinite(dtype, ndim):
    x = torch.full((6, 50, 8), INF, dtype=dtype)
    y, vjp = f.dropout(0.5, ndim)((), x, torch.Generator().manual_seed(0))
    dx = vjp(x)[1]
    assert y.dtype == dx.dtype == dtype
    assert set(y.unique().tolist()) == set(dx.unique().tolist()) == {0.0, INF}
    assert torch.equal(y, dx)


@pytest.mark.parametrize("layer", [f.gelu(), f.gelu("tanh"), f.silu, f.mish], ids=repr)
@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16], ids=str
)
def test_limits_are_taken(layer, dtype):
    x = torch.tensor([-INF, INF], dtype=dtype)
    y, vjp = layer((), x)
    assert y.tolist() == [0.0, INF]
    assert vjp(torch.ones_like(x))[1].tolist() == [0.0, 1.0]


MASKED = torch.tensor([[-INF, 0.0, 0.0], [-INF, 2.0, -INF]])
LOG2 = math.log(2)


@pytest.mark.parametrize(
    ("layer", "y", "t", "expected", "slope"),
    [
        (f.cross_entropy(soft=True), MASKED[:1], [[0.0, 0.5, 0.5]], LOG2, [[0.0, 0.0, 0.0]]),
        (f.cross_entropy(soft=True), MASKED[:1], [[0.0, 1.0, 0.0]], LOG2, [[0.0, -0.5, 0.5]]),
        (f.cross_entropy(soft=True), MASKED[1:], [[0.0, 1.0, 0.0]], 0.0, [[0.0, 0.0, 0.0]]),
        (f.cross_entropy(), MASKED, [1, 1], LOG2 / 2, [[0.0, -0.25, 0.25], [0.0, 0.0, 0.0]]),
        (f.cross_entropy(), MASKED[:1], [0], INF, [[-1.0, 0.5, 0.5]]),
        (f.cross_entropy(label_smoothing=0.5), MASKED[:1], [1], INF, None),
        (f.cross_entropy(weights=torch.tensor([0.0, 1.0, 1.0])), MASKED, [0, 1], 0.0, [[0.0] * 3] * 2),
        (
            f.cross_entropy(weights=torch.tensor([0.0, 1.0, 1.0]), label_smoothing=0.3),
            MASKED[:1],
            [1],
            0.9 * LOG2 / 1.0,
            None,
        ),
        (f.nll(), MASKED[:1], [1], 0.0, [[0.0, -1.0, 0.0]]),
        (f.kl_divergence(), MASKED[:1].log_softmax(-1), [[0.0, 0.5, 0.5]], 0.0, [[0.0, -0.5, -0.5]]),
        (f.kl_divergence(), MASKED[:1].log_softmax(-1), [[1.0, 0.0, 0.0]], INF, [[-1.0, 0.0, 0.0]]),
        (f.binary_cross_entropy(), [INF, -INF], [1.0, 0.0], 0.0, [0.0, 0.0]),
        (f.binary_cross_entropy(), [INF, -INF], [0.0, 1.0], INF, [0.5, -0.5]),
        (f.hinge(), [INF, -INF], [1.0, -1.0], 0.0, [0.0, 0.0]),
        (f.hinge(), [INF, -INF], [-1.0, 1.0], INF, [0.5, -0.5]),
        (f.huber(), [INF, -INF], [0.0, 0.0], INF, [0.5, -0.5]),
        (f.l1(), [INF, -INF], [0.0, 0.0], INF, [0.5, -0.5]),
        (f.contrastive(), ([[1e20, 0.0]], [[0.0, 0.0]]), [0.0], 0.0, [[0.0, 0.0]]),
        (f.contrastive(), ([[INF, 0.0]], [[0.0, 0.0]]), [0.0], 0.0, [[0.0, 0.0]]),
        (f.contrastive(), ([[1e-20, 0.0]], [[0.0, 0.0]]), [0.0], 0.5, [[-1.0, 0.0]]),
        (f.contrastive(), ([[1e19, 1e19]], [[0.0, 0.0]]), [1.0], 1e38, [[1e19, 1e19]]),
        (f.cosine_distance(), [[1e20, 0.0]], [[1e20, 1e20]], 1 - 0.5**0.5, [[0.0, 0.0]]),
    ],
)  # fmt: skip
def test_what_a_target_leaves_out_contributes_nothing(layer, y, t, expected, slope):
    y, t = tree.map(torch.as_tensor, (as_tensors(y), as_tensors(t)))
    loss, vjp = layer((), (y, t))
    torch.testing.assert_close(float(loss), expected, rtol=1e-6, atol=1e-7)
    d = first(vjp(torch.ones(()))[1])
    if slope is not None:
        torch.testing.assert_close(d, torch.tensor(slope), rtol=1e-6, atol=1e-7)


def as_tensors(value):
    return (
        value
        if isinstance(value, torch.Tensor)
        else (tuple(map(torch.tensor, value)) if isinstance(value, tuple) else torch.tensor(value))
    )


def test_no_number_is_not_hidden_by_a_share_of_nothing():
    y, t = torch.tensor([[NAN, 0.0]]), torch.tensor([[0.0, 1.0]])
    for make in (f.kl_divergence, lambda: f.cross_entropy(soft=True)):
        assert make()((), (y, t))[0].isnan()


def test_an_infinite_loss_without_weight_is_left_out():
    y, t = torch.tensor([INF, 1.0]), torch.zeros(2)
    loss = f.weighted_sum((0.0, f.mse()), (0.5, f.mse()))
    value, vjp = loss((), ((y, y[1:]), (t, t[1:])))
    assert float(value) == 0.5
    assert [d.tolist() for d in vjp(torch.ones(()))[1][0]] == [[0.0, 0.0], [1.0]]
    value, vjp = f.weighted_sum((0, f.mse()))((), ((y,), (t,)))
    assert float(value) == 0
    assert vjp(torch.ones(()))[1][0][0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("size", [3, 3000])
def test_a_staged_step_knows_dead_units_too(size):
    x, t = torch.tensor([[-1.0] * size, [1.0] * size]), torch.zeros(2, size)

    def wild(params, x):  # what comes back to the dead units is infinite
        return x, lambda dy: ((), dy / torch.tensor([[0.0], [1.0]]))

    net = f.serial(f.bias(), f.relu, f.layer(wild, name="wild"))
    step = f.training_step(f.supervised(net, f.mse(reduction="sum")), f.sgd(0.1))
    params, _ = net.init(torch.Generator(), (size,))
    state = f.sgd(0.1).init(params)
    fast, (p, s) = f.stage(step), (params, state)
    for _ in range(4):
        params, state, loss = step(params, state, (x, t))
        p, s, same = fast(p, s, (x, t))
        assert torch.allclose(same, loss)
        assert torch.allclose(p[0].b, params[0].b)
        assert params[0].b.isfinite().all()
