"""Precision: the bounds that docs/precision.md promises, sums over many numbers, half precision."""

import re
from pathlib import Path

import pytest
import torch
from precision import TABLE, X, ulps
from table import normal
from torch.nn import functional as nnf

import funcdl as f
from funcdl import tree
from funcdl.cases import activations, losses

PAGE = Path(__file__).parents[2] / "docs" / "precision.md"
CASES = [*activations.CASES, *losses.CASES]
HALVES = [torch.float16, torch.bfloat16]


def bounds():
    rows = re.findall(r"^\| (.+?) \| ([\d.]+) \| ([\d.]+) \|$", PAGE.read_text("utf-8"), re.M)
    return {name: (float(value), float(slope)) for name, value, slope in rows}


def test_the_page_has_the_rows_that_are_measured():
    assert list(bounds()) == list(TABLE)
    assert {row.layer.name for row in TABLE.values()} <= {case.name for case in CASES}


@pytest.mark.parametrize("name", TABLE)
def test_errors_are_within_the_bounds_of_the_page_and_near_them(name):
    for promised, found in zip(bounds()[name], TABLE[name].measure(), strict=True):
        assert found <= promised <= max(1, 5 * found)


def spread(case, rng):
    """Inputs of a row over the range of float32: an activation's are all of it."""
    if case.target:
        y, t = case.inputs(rng)
        sizes = (1e-3, 1.0, 30.0, 1000.0)
        return [rounded((tree.map(lambda v, s=s: s * v, y), t), torch.float32) for s in sizes]
    x = torch.stack([X.roll(977 * k) for k in range(case.shape[-1])], -1)
    return [x.view(*[1] * (len(case.shape) - 2), *x.shape)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_error_is_larger_than_ten_units_of_the_number_or_of_1(case, rng):
    """Of every row of the table of cases, whether or not the page promises more of it."""
    params = rounded(case.params(rng), torch.float32)
    for x in spread(case, rng):
        y, vjp = case.layer(params, x)
        exact, pull = case.layer(*rounded((params, x), torch.float64))
        dy = torch.ones_like(y)
        found = y, tree.leaves(vjp(dy)[1])[0]
        for one, other in zip(found, (exact, tree.leaves(pull(dy.double())[1])[0])):
            assert ulps(one, other, other.abs().clamp_min(1)) < 10


def errors(n, equal, rng):
    return torch.full((n,), 0.1) if equal else torch.empty(n).normal_(generator=rng)


def staged(layer, y, t):
    """The loss of a staged step that trains nothing."""
    net = f.layer(lambda params, x: (x, lambda dy: ((torch.zeros(1),), dy)), name="net")
    step = f.training_step(f.supervised(net, layer), f.sgd(0.0))
    params = (torch.zeros(1),)
    fast, state = f.stage(step), f.sgd(0.0).init(params)
    fast(params, state, (y, t))
    return fast(params, state, (y, t))[2]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("equal", [True, False], ids=["equal", "random"])
@pytest.mark.parametrize("n", [100, 500, 512, 513, 2000, 100_000, 2_000_000])
def test_mse_of_many_numbers_is_as_precise_as_torchs(n, equal, threads, rng):
    y = errors(n, equal, rng)
    t = torch.zeros(n)
    exact = float(y.double().square().mean())
    torch.set_num_threads(threads)
    try:
        theirs = abs(float(nnf.mse_loss(y, t)) - exact)
        ours = [
            f.mse()((), (y, t))[0],
            f.mse(models=1)((), (y[None], t[None]))[0][0],
            f.mse(reduction="sum")((), (y, t))[0] / n,
            f.LossMSE().forward(y, t),
            staged(f.mse(), y, t),
        ]
    finally:
        torch.set_num_threads(1)
    for found in ours:
        assert abs(float(found) - exact) <= 10 * max(theirs, 6e-8 * exact)


@pytest.mark.parametrize(
    ("make", "y", "t", "exact"),
    [
        (f.l1, (0.1,), (0.0,), 0.1),
        (f.huber, (0.1,), (0.0,), 0.005),
        (f.hinge, (0.9,), (1.0,), 0.1),
        (f.binary_cross_entropy, (0.1,), (1.0,), 0.644396660073571),
        (f.cosine_distance, (1.0, 1.0), (1.0, 0.0), 0.2928932188134524),
        (f.kl_divergence, (-0.5,), (0.5,), -0.09657359027997264),
    ],
    ids=lambda v: getattr(v, "__name__", ""),
)
@pytest.mark.parametrize("threads", [1, 2])
def test_sums_over_many_losses_do_not_drift(make, y, t, exact, threads):
    y, t = (torch.tensor(v).expand(500_000, len(v)) for v in (y, t))
    torch.set_num_threads(threads)
    try:
        for models in (0, 1):
            found = make(models=models)((), (y[None] if models else y, t))[0]
            assert abs(float(found) - exact) <= 2e-6 * abs(exact)
    finally:
        torch.set_num_threads(1)


def rounded(value, dtype):
    return tree.map(lambda v: v.to(dtype) if v.is_floating_point() else v, value)


def close(found, exact, dtype):
    """Tell whether a number is the exact one rounded, or a neighbour where it lies between two."""
    exact = exact.double()
    unit = torch.finfo(dtype).eps * exact.abs().clamp_min(torch.finfo(dtype).tiny)
    return ((found.double() - exact).abs() <= 0.51 * unit + 2e-6 * exact.abs().max()).all()


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("case", [c for c in CASES if c.oracle], ids=str)
def test_half_precision_is_float64_rounded(case, dtype, rng):
    x = tree.map(lambda v: 3 * v if v.is_floating_point() else v, case.inputs(rng))
    params, x = (rounded(rounded(v, dtype), torch.float64) for v in (case.params(rng), x))
    exact, vjp = f.as_layer(case.layer)(params, x)
    found, pull = f.as_layer(case.layer)(rounded(params, dtype), rounded(x, dtype))
    dy = rounded(normal(exact.shape, rng), dtype)
    dx, exact_dx = tree.leaves(pull(dy)[1])[0], tree.leaves(vjp(dy.double())[1])[0]
    assert found.dtype == dx.dtype == dtype
    if not tree.leaves(params):  # with parameters there are several steps, each rounded
        assert close(found, exact, dtype)
        assert close(dx, exact_dx, dtype)


@pytest.mark.parametrize(
    ("layer", "y", "t", "exact"),
    [
        (f.mse(), torch.ones(100_000), torch.zeros(100_000), 1.0),
        (f.mse(), torch.full((10,), 300.0), torch.zeros(10), float("inf")),
        (f.mse(models=1), torch.ones(1, 100_000), torch.zeros(100_000), 1.0),
        (f.l1(), torch.ones(100_000), torch.zeros(100_000), 1.0),
        (f.huber(), torch.full((100_000,), 2.0), torch.zeros(100_000), 1.5),
        (f.hinge(), -torch.ones(100_000), torch.ones(100_000), 2.0),
        (f.binary_cross_entropy(), torch.zeros(100_000), torch.ones(100_000), 0.6931),
        (f.cross_entropy(), torch.zeros(70_000, 3), torch.zeros(70_000).long(), 1.0986),
        (f.cross_entropy(weights=torch.tensor([1e-6, 1.0])), torch.zeros(9, 2), torch.zeros(9).long(), 0.6931),
        (f.nll(), -torch.ones(70_000, 2), torch.zeros(70_000).long(), 1.0),
        (f.cosine_distance(), torch.tensor([[300.0, 0.0]]), torch.tensor([[300.0, 0.0]]), 0.0),
        (f.cosine_distance(), torch.tensor([[300.0, 0.0]]), torch.tensor([[0.0, 600.0]]), 1.0),
        (f.contrastive(500.0), (torch.full((1, 2), 200.0), torch.zeros(1, 2)), torch.zeros(1), 23578.6),
    ],
)  # fmt: skip
def test_sums_of_float16_neither_overflow_nor_vanish(layer, y, t, exact):
    loss, _ = layer((), (rounded(y, torch.float16), t))
    assert loss.dtype == torch.float16
    torch.testing.assert_close(loss.float().squeeze(), torch.tensor(exact), rtol=1e-3, atol=1e-7)
    # A cotangent of 64 lifts what a mean makes small over the least number of float16.
    (found, exact_d) = (
        tree.leaves(layer((), (rounded(y, dtype), t))[1](torch.full_like(loss, 64.0).to(dtype))[1])[
            0
        ]
        for dtype in (torch.float16, torch.float64)
    )
    torch.testing.assert_close(found.double(), exact_d, rtol=1e-3, atol=6e-8)


def test_targets_keep_their_float32_beside_half_precision():
    y, t = torch.full((4,), 2048.0), torch.full((4,), 2047.5)
    loss, vjp = f.mse()((), (y.half(), t))
    assert float(loss) == 0.25
    assert vjp(loss.new_ones(()))[1][0].tolist() == [0.25] * 4


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64], ids=str)
@pytest.mark.parametrize(
    "layer",
    [
        *(c.layer for c in activations.CASES if not c.layer.init(torch.Generator(), c.shape)[0]),
        f.dropout(0.5),
    ],
    ids=repr,
)
def test_activations_refuse_what_are_no_floats(layer, dtype):
    with pytest.raises(f.KindError) as caught:
        layer((), torch.ones(2, 3).to(dtype))
    assert str(caught.value) == f"{layer.name}: expected x to be floats, got {dtype}"


@pytest.mark.parametrize("dtype", [torch.int64, torch.complex64], ids=str)
@pytest.mark.parametrize("case", [c for c in losses.CASES if c.oracle], ids=str)
def test_losses_refuse_outputs_that_are_no_floats(case, dtype, rng):
    y, t = case.inputs(rng)
    with pytest.raises(f.KindError) as caught:
        case.layer((), (tree.map(lambda v: v.to(dtype), y), t))
    name = "a" if isinstance(y, tuple) else "output"
    hint = f": are {name} and target swapped?" if t.is_floating_point() else ""
    said = f"{case.layer.name}: expected {name} to be floats, got {dtype}{hint}"
    assert str(caught.value) == said
