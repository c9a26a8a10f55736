"""Layers beside PyTorch's and float64: long sums, large means, half precision."""

import pytest
import torch
from table import CASES
from torch.nn import functional as nnf

import funcdl as f
from funcdl import tree

HALVES = [torch.float16, torch.bfloat16]


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


def first(t):
    return t.movedim(-1, 1).contiguous()


NORMS = [
    (f.layer_norm(), lambda x, p: nnf.layer_norm(x, x.shape[-1:], *p)),
    (f.rms_norm(), lambda x, p: nnf.rms_norm(x, x.shape[-1:], *p, 1e-6)),
    (f.group_norm(2, 1), lambda x, p: nnf.group_norm(x, 2, *p)),
    (f.batch_norm(), lambda x, p: nnf.batch_norm(x, None, None, *p[:2], True)),
]
# Features to sum over for the one, rows for the other.
WIDE, TALL = (2, 1 << 21), (300_000, 4)
LONG = [(NORMS[0], WIDE), (NORMS[0], TALL), (NORMS[1], WIDE), (NORMS[1], TALL), (NORMS[3], TALL)]


def both(norm, torchs, x, params):
    """Output and derivatives: ours, PyTorch's, and PyTorch's in float64."""
    dy = torch.rand(x.shape, generator=torch.Generator().manual_seed(2)).add_(0.25)
    y, vjp = norm(params, x, torch.Generator().manual_seed(0))
    dparams, dx = vjp(dy)
    found = [[y, dx, *list(dparams)[:2]]]
    for dtype in (torch.float32, torch.float64):
        live, *ps = [t.to(dtype).requires_grad_() for t in (x, *list(params)[:2])]
        with torch.enable_grad():
            y = torchs(live, ps)
            found.append([y.detach(), *torch.autograd.grad(y, [live, *ps], dy.to(dtype))])
    return zip(*found)


def away(t, exact):
    """The distance, relative to the size."""
    return float((t.double() - exact).norm() / exact.norm())


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(("norm", "shape"), LONG, ids=lambda part: str(part[0]))
@pytest.mark.parametrize("mean", [0.0, 1000.0])
def test_long_sums_are_as_exact_as_torchs(norm, shape, mean, rng):
    params, _ = norm[0].init(rng, shape)
    x = torch.rand(shape, generator=rng).add_(mean)
    for ours, theirs, exact in both(*norm, x, params):
        assert away(ours, exact) <= 10 * max(away(theirs, exact), 1e-7)


@pytest.mark.parametrize("norm", NORMS[:1] + NORMS[2:], ids=lambda norm: str(norm[0]))
@pytest.mark.parametrize("value", [0.1, 1234.567, -3e4])
@pytest.mark.parametrize("shape", [(7, 100), (64, 128), (300, 1000), (5000, 6)])
def test_the_norm_of_a_constant_is_its_bias(norm, shape, value, rng):
    layer, _ = norm
    params, _ = layer.init(rng, shape)
    x = torch.full(shape, value)
    y, vjp = layer(params, x, rng)
    # What is left is the rounding of the value, times 1 / √eps.
    assert float(y.abs().max()) <= 320 * 2 * abs(value) * 2**-23
    dparams, _ = vjp(torch.rand(shape, generator=rng))
    assert float(dparams.scale.abs().max()) == 0  # the mean is the value itself
    if layer.name == "layer_norm":
        assert float(y.abs().max()) <= 1e-6


@pytest.mark.parametrize("features", [100, 1000])
def test_a_large_mean_costs_a_small_spread_nothing(features, rng):
    x = torch.randn((20, features), generator=rng).mul_(0.01).add_(1000)
    params, _ = f.layer_norm().init(rng, (features,))
    y, _ = f.layer_norm()(params, x)
    exact = nnf.layer_norm(x.double(), (features,))
    assert away(y, exact) < 1e-6


# Numbers whose sums and squares are out of float16's range, at either end.
SIZES = [1.0, 300.0, 3e4, 1e-4, 6e-8]
SUMS = (
    "linear",
    "conv",
    "avg_pool",
    "global_avg",
    "layer",
    "rms",
    "group",
    "batch",
    "attention",
    "gru",
    "lstm",
    "rnn",
)
# In groups of two numbers each is normalised to ±1, and the derivative is 0 but for eps; a state of
# 300 saturates gates, whose slopes are then the rounding of 1 − σ (those rows are tried below).
LEFT_OUT = ("group_norm(3, 1", "initial=True")
HALF_CASES = [
    c for c in CASES if str(c).startswith(SUMS) and not any(part in str(c) for part in LEFT_OUT)
]


RECURRENT = ("gru", "gru_cell", "lstm", "lstm_cell", "rnn", "rnn_cell")


def to(value, dtype):
    return tree.map(lambda t: t.to(dtype) if t.is_floating_point() else t, value)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("case", HALF_CASES, ids=str)
def test_half_precision_is_float64_rounded(case, dtype, size, rng):
    params, x = to(case.params(rng), dtype), case.inputs(rng)

    def sized(t):
        return (t * size).clamp(-6e4, 6e4) if t.is_floating_point() else t

    x = to(tree.map(sized, x), dtype)
    y, vjp = case.apply(params, x)
    dy = tree.map(lambda t: torch.rand(t.shape, generator=rng).add_(0.25).to(dtype), y)
    exact, pull = case.apply(to(params, torch.float64), to(x, torch.float64))
    found, wanted = tree.leaves((y, *vjp(dy))), tree.leaves((exact, *pull(to(dy, torch.float64))))
    unit = torch.finfo(dtype).eps
    for ours, right in zip(found, wanted):
        if right is not None:
            assert ours.dtype == dtype
            fits = right.abs() < 0.9 * torch.finfo(dtype).max
            room = 12 * unit * float(right[fits].norm()) + fits.sum() * torch.finfo(dtype).tiny
            assert float((ours.double() - right)[fits].norm()) <= room


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_half_precision_counts_beyond_its_whole_numbers(dtype, rng):
    many = 100_000 if dtype == torch.bfloat16 else 60_000
    one = torch.ones(many, 2, dtype=dtype)
    params = to(f.batch_norm().init(rng, (2,))[0]._replace(mean=torch.ones(2)), dtype)
    assert f.batch_norm()(params, one)[1](one)[0].bias.tolist() == [float(one[0, 0] * many)] * 2
    table, _ = f.embedding(2, 2).init(rng, ())
    _, vjp = f.embedding(2, 2)(to(table, dtype), torch.zeros(many, dtype=torch.long))
    assert vjp(one)[0].w[0].tolist() == [float(one[0, 0] * many)] * 2
    mean = f.avg_pool2d((1, 2000))((), torch.ones(1, 2000, 1, dtype=dtype))[0]
    assert mean.item() == 1


def test_a_bias_is_added_before_a_half_precision_product_is_rounded():
    w, b = torch.full((2, 3), 35000.0).half(), torch.full((3,), -20000.0).half()
    for models in ((), (2,)):
        params = f.Affine(w.expand(*models, 2, 3), b.expand(*models, 3))
        y, _ = f.linear(3)(params, torch.ones(*models, 4, 2).half())
        assert y.isfinite().all()


def test_half_precision_params_and_float32_inputs_are_refused(rng):
    for layer, shape in ((f.layer_norm(), (4,)), (f.conv2d(2, 3), (5, 5, 1))):
        params, _ = layer.init(rng, shape)
        x = torch.ones(2, *shape)
        for p, t in ((to(params, torch.float16), x), (params, x.half())):
            with pytest.raises(f.KindError, match=r"expected x to be"):
                layer(p, t)


def follow(params, pair):
    """Go to one state, whatever comes in: a cell for `scan`."""
    h, _ = pair
    return h * 0 + params, lambda dy: (dy.sum(0), (dy * 0, dy * 0))


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_cotangents_of_shared_parameters_are_summed_in_float32(dtype):
    many = 3000 if dtype == torch.float16 else 600  # more than either counts to
    params, one = f.Bias(torch.zeros(1, dtype=dtype)), torch.ones(1, 1, dtype=dtype)
    wanted = [float(torch.tensor(many).to(dtype))]
    _, vjp = f.shared(f.bias())(params, (one,) * many)
    assert vjp((one,) * many)[0].b.tolist() == wanted
    _, vjp = f.vmap(f.bias(), 1)(params, one.expand(many, 1))
    assert vjp(one.expand(many, 1))[0].b.tolist() == wanted
    _, vjp = f.scan(f.layer(follow), 1)(params.b, one.expand(1, many, 1))
    assert vjp(one.expand(1, many, 1))[0].tolist() == wanted


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("case", [c for c in CASES if c.name in RECURRENT], ids=str)
def test_a_recurrent_layer_rounds_once_at_its_end(case, dtype, rng):
    rough, x = to((case.params(rng), case.inputs(rng)), dtype)
    y, vjp = case.apply(rough, x)
    exact, pull = case.apply(*to((rough, x), torch.float32))
    same = zip(tree.leaves((y, vjp(y))), tree.leaves((exact, pull(to(y, torch.float32)))))
    for ours, right in same:
        assert ours is right is None or torch.equal(ours, right.to(dtype))


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_a_long_gru_rounds_once_at_its_end(dtype, rng):
    layer = f.gru(16)
    params, x = layer.init(rng, (50, 8))[0], torch.randn((4, 50, 8), generator=rng).to(dtype)
    rough = to(params, dtype)
    y, vjp = layer(rough, x)
    exact, pull = layer(to(rough, torch.float32), x.float())
    assert torch.equal(y, exact.to(dtype))
    for ours, right in zip(tree.leaves(vjp(y)), tree.leaves(pull(y.float()))):
        assert torch.equal(ours, right.to(dtype))
