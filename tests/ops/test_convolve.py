"""The ways to convolve: planes, taps, and tiles by minimal filtering."""

import math

import pytest
import torch
from helpers import close, seeded
from hypothesis import assume, given
from hypothesis import strategies as st
from table import normal
from torch.nn import functional as nnf

import funcdl as f
from funcdl import tree
from funcdl.ops import convolve, minimal
from funcdl.ops.order import Rows, alike, images, pixels, planes
from funcdl.ops.window import Windows

WAYS = {"planes": 0, "taps": 1, "m = 2": 2, "m = 3": 3, "m = 4": 4}


def by(way):
    """Choose one way for all."""
    return lambda windows, shape, outputs, exact: way


@pytest.mark.parametrize("models", [(), (2,), (2, 3)], ids=str)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("size", [(3, 3), (6, 6), (7, 5), (4, 11)], ids=str)
def test_each_way_gives_the_same(size, way, models, rng, monkeypatch):
    x, w = normal((*models, 3, *size, 5), rng), normal((*models, 45, 4), rng)
    b, windows = normal((*models, 4), rng), Windows((3, 3))
    wanted, pull = convolve.convolve(x, w, b, windows, exact=True)
    dy = normal(wanted.shape, rng)
    monkeypatch.setattr(convolve, "way", by(way))
    y, vjp = convolve.convolve(x, w, b, windows)
    close((y, vjp(dy, True)), (wanted, pull(dy, True)))
    close((y, vjp(dy, True)), (wanted, pull(dy, True)))
    assert vjp(dy, False)[2] is None


@pytest.mark.parametrize("way", [0, 1], ids=["planes", "taps"])
@pytest.mark.parametrize(
    "windows",
    [Windows((1, 1)), Windows((2, 3), (2, 1)), Windows((5, 2), (1, 3), (0, 0), (1, 2))],
    ids=str,
)
def test_other_windows_too(windows, way, rng, monkeypatch):
    x, w = normal((2, 9, 8, 3), rng), normal((windows.size[0] * windows.size[1] * 3, 4), rng)
    monkeypatch.setattr(convolve, "way", by(way))
    y, vjp = convolve.convolve(x, w, (), windows)
    taps = w.reshape(*windows.size, 3, 4).permute(3, 2, 0, 1)
    wanted = nnf.conv2d(x.movedim(-1, 1), taps, None, windows.stride, 0, windows.dilation)
    close(y, wanted.movedim(1, -1))
    dy = normal(y.shape, rng)
    dw, db, dx = vjp(dy, True)
    assert db == ()
    close((x * dx).sum(), (dy * y).sum())  # linear in each
    close((w * dw).sum(), (dy * y).sum())


@pytest.mark.parametrize("models", [(), (2,), (2, 3)], ids=str)
def test_a_bias_that_is_a_row_of_the_weights_is_a_bias(models, rng, monkeypatch):
    x, w = normal((*models, 4, 7, 5, 2), rng), normal((*models, 18, 3), rng)
    b, windows = normal((*models, 3), rng), Windows((3, 3))
    wanted, pull = convolve.convolve(x, w, b, windows)
    dy = normal(wanted.shape, rng)
    monkeypatch.setattr(convolve, "MANY", 0)
    assert convolve.Seen(x, windows, len(models), 3, bias=True).biased
    y, vjp = convolve.convolve(x, w, b, windows)
    close((y, vjp(dy, True)), (wanted, pull(dy, True)))
    close((y, vjp(dy, False)), (wanted, pull(dy, False)))


def test_the_gradient_of_a_bias_is_as_precise_as_pytorchs(rng):
    x, w = torch.rand(100, 14, 14, 2, generator=rng), torch.rand(18, 32, generator=rng)
    windows = Windows((3, 3))
    assert convolve.Seen(x, windows, 0, 32, bias=True).biased
    y, pull = convolve.convolve(x, w, torch.zeros(32), windows)
    dy = torch.full_like(y, 0.1)  # errors of equal numbers add up
    wanted = dy.double().sum((0, 1, 2))
    assert float((pull(dy, False)[1] / wanted - 1).abs().max()) < 2e-5


@pytest.mark.parametrize("many", [0, convolve.MANY])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_step_is_staged_by_each(way, many, rng, monkeypatch):
    monkeypatch.setattr(convolve, "MANY", many)
    net = f.serial(f.conv2d(4, 3), f.relu, f.conv2d(2, 3), f.global_avg_pool2d)
    optimiser = f.sgd(0.1)
    step = f.training_step(f.supervised(net, f.mse()), optimiser)
    params = tree.map(torch.Tensor.double, net.init(rng, (8, 8, 3))[0])
    batches = [(normal((5, 8, 8, 3), rng), normal((5, 2), rng)) for _ in range(3)]
    results = []
    for chosen, run in ((1, step), (way, step), (way, f.stage(step))):
        monkeypatch.setattr(convolve, "way", by(chosen))
        carried = params, optimiser.init(params)
        for batch in batches:
            carried = run(*carried, batch)[:2]
        results.append(tree.map(torch.clone, carried[0]))
    close(results[1], results[0])
    close(results[2], results[0])


@st.composite
def convolutions(draw):
    size, padding = [draw(st.integers(1, 30)) for _ in "hw"], draw(st.integers(0, 2))
    assume(min(size) + 2 * padding >= 3)
    lead = draw(st.sampled_from([(), (1,), (2, 3)]))
    inputs, outputs = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    order = draw(st.permutations(range(len(lead) + 3)))
    return (*lead, *size, inputs), outputs, padding, order, draw(st.booleans())


@given(case=convolutions(), seed=st.integers(0, 1000))
def test_float32_is_near_float64(case, seed):
    shape, outputs, padding, order, expanded = case
    rng = seeded(seed)
    x = torch.randn([shape[axis] for axis in order], generator=rng)
    x = x.permute([order.index(axis) for axis in range(len(order))])
    if expanded:
        x = x.select(-3, 0).unsqueeze(-3).expand(shape)
    layer = f.conv2d(outputs, 3, padding=padding)
    params, _ = layer.init(rng, shape)
    y, vjp = layer(params, x)
    dy = torch.randn(y.shape, generator=rng)
    found = y, vjp(dy)
    double = tree.map(torch.Tensor.double, params)
    wanted, pull = layer(double, x.double())
    # What is summed up, as the root of its squares: one sum alone may cancel.
    squares, pull_squares = layer(tree.map(torch.square, double), x.double().square())
    scales = squares, pull_squares(dy.double().square())
    for one, other, square in zip(*map(tree.leaves, (found, (wanted, pull(dy.double())), scales))):
        assert (one - other).abs().max() <= 5e-6 * square.max().sqrt().max(other.abs().max())
    taps = double.w.permute(3, 2, 0, 1)
    direct = nnf.conv2d(x.double().reshape(-1, *shape[-3:]).movedim(-1, 1), taps, padding=padding)
    direct = direct.movedim(1, -1).reshape(wanted.shape)
    assert (wanted - direct).abs().max() <= 1e-13 * direct.abs().max()


@pytest.mark.parametrize("bad", [math.nan, math.inf], ids=str)
def test_what_is_not_finite_stays_in_its_tile_and_in_its_image(bad, rng):
    layer = f.conv2d(64, 3, b_init=None)
    params, _ = layer.init(rng, (14, 14, 64))
    assert minimal.best_tile(12, 12, 64, 64) == 4
    x = torch.randn(3, 14, 14, 64, generator=rng)
    clean = layer(params, x)[0]
    x[1, 7, 7, 5] = bad
    y = layer(params, x)[0]
    spoilt = ~y.isfinite().all(-1)
    windows = torch.zeros(3, 12, 12, dtype=torch.bool)
    windows[1, 5:8, 5:8] = True
    tiles = torch.zeros(3, 12, 12, dtype=torch.bool)
    tiles[1, 4:8, 4:8] = True
    assert spoilt[windows].all()
    assert not spoilt[~tiles].any()
    assert torch.allclose(y[~tiles], clean[~tiles], atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_convolved_directly(dtype, rng, monkeypatch):
    monkeypatch.setattr(minimal, "best_tile", lambda *sizes: pytest.fail("by tiles"))
    for layer in (f.conv2d(32, 3), f.conv_transpose2d(32, 3)):
        params, _ = layer.init(rng, (8, 8, 32))
        x = torch.randn(2, 8, 8, 32, generator=rng).to(dtype)
        y, vjp = layer(tree.map(lambda p: p.to(dtype), params), x)
        assert vjp(y)[1].dtype == dtype


@pytest.mark.parametrize("inputs", [1, 7, 40])
@pytest.mark.parametrize("size", [(1, 1), (4, 4), (12, 12), (5, 13)], ids=str)
def test_the_way_with_the_fewest_products_is_taken(size, inputs):
    def products(m):
        tiles, n = math.prod(math.ceil(length / m) for length in size), m + 2
        return tiles * n**2 * (n**2 * inputs + inputs * 32 + m**2 * 32)

    m = minimal.best_tile(*size, inputs, 32)
    direct = 9 * math.prod(size) * inputs * 32
    if m:
        assert products(m) == min(map(products, (2, 3, 4))) < direct / minimal.WORTH
    else:
        assert min(map(products, (2, 3, 4))) * minimal.WORTH >= direct


@pytest.mark.parametrize("models", [0, 1, 2])
def test_orders_in_memory_are_views_of_each_other(models, rng):
    x = torch.randn(2, 3, 4, 5, 6, 7, generator=rng)
    turned = pixels(x, models)
    assert turned.is_contiguous()
    assert torch.equal(images(turned, x.shape[:3]), x)
    assert pixels(images(turned, x.shape[:3]), models).data_ptr() == turned.data_ptr()
    flat = planes(x, models)
    assert flat.is_contiguous()
    assert torch.equal(flat.permute(0, 2, 3, 4, 1), turned)
    room = alike(images(turned, x.shape[:3]), (2, 3, 4, 9, 9, 7))
    assert room.shape == (2, 3, 4, 9, 9, 7)
    assert pixels(room, models).data_ptr() == room.data_ptr()


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 2, 0, 3), (2, 0, 1, 3)], ids=str)
def test_rows_are_those_of_memory(order, rng):
    kept = torch.randn([(4, 5, 6, 7)[axis] for axis in order], generator=rng)
    x = kept.permute([order.index(axis) for axis in range(4)])
    rows = Rows(x, 0)
    assert rows.of(x).data_ptr() == x.data_ptr()
    assert torch.equal(rows.back(rows.of(x)), x)
    other = torch.randn(x.shape, generator=rng)
    assert torch.equal(rows.back(rows.of(other)), other)
