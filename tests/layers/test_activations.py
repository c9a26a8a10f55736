"""Activations where the table of cases does not look: at kinks, far out, and at infinity."""

import math

import pytest
import torch
from torch.nn import functional as nnf

import funcdl as f

PAIRS = [
    (f.relu, nnf.relu),
    (f.leaky_relu(0.1), lambda x: nnf.leaky_relu(x, 0.1)),
    (f.elu(), nnf.elu),
    (f.elu(0.5), lambda x: nnf.elu(x, 0.5)),
    (f.selu, nnf.selu),
    (f.gelu(), nnf.gelu),
    (f.gelu("tanh"), lambda x: nnf.gelu(x, approximate="tanh")),
    (f.silu, nnf.silu),
    (f.mish, nnf.mish),
    (f.softplus(), nnf.softplus),
    (f.softplus(2.5), lambda x: nnf.softplus(x, 2.5)),
    (f.sigmoid, torch.sigmoid),
    (f.hard_sigmoid, nnf.hardsigmoid),
    (f.tanh, torch.tanh),
    (f.hard_tanh, nnf.hardtanh),
    (f.exp, torch.exp),
]
POINTS = [0.0, -0.0, 1.0, -1.0, 3.0, -3.0, 20.0, -20.0, 88.0, -88.0, 700.0, -700.0]


@pytest.mark.parametrize(
    ("layer", "torchs"), PAIRS, ids=lambda p: repr(p) if isinstance(p, f.Layer) else ""
)
@pytest.mark.parametrize("point", POINTS)
def test_kinks_and_far_out_are_as_in_torch(layer, torchs, point):
    x = torch.tensor(point, dtype=torch.float64)
    live = x.clone().requires_grad_()
    with torch.enable_grad():
        expected = torchs(live)
        (slope,) = torch.autograd.grad(expected, live)
    y, vjp = layer((), x)
    # torch's hardsigmoid knows 1 / 6 in float32 alone.
    torch.testing.assert_close(y, expected.detach(), rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(vjp(torch.ones_like(x))[1], slope, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    "layer",
    [f.relu, f.leaky_relu(0.1), f.leaky_relu(0), f.elu(), f.selu, f.softplus(), f.sigmoid, f.hard_sigmoid, f.tanh, f.hard_tanh],
    ids=repr,
)  # fmt: skip
def test_infinity_gives_no_nan(layer):
    y, vjp = layer((), torch.tensor([math.inf, -math.inf]))
    assert not y.isnan().any()
    assert not vjp(torch.ones(2))[1].isnan().any()


@pytest.mark.parametrize(
    ("layer", "torchs"), PAIRS, ids=lambda p: repr(p) if isinstance(p, f.Layer) else ""
)
@pytest.mark.parametrize(
    ("dtype", "room"), [(torch.float32, 1e-5), (torch.bfloat16, 1e-2)], ids=str
)
def test_what_is_finite_in_torch_far_out_is_finite(layer, torchs, dtype, room):
    x = torch.tensor([1e13, -1e13, 1e14, -1e14, 1e20, -1e20, 3e38, -3e38], dtype=dtype)
    if layer.name == "softplus":
        x = x[:-2]  # beta x is infinite in the last ones
    live = x.clone().requires_grad_()
    with torch.enable_grad():
        expected = torchs(live)
        (slope,) = torch.autograd.grad(expected.sum(), live)
    y, vjp = layer((), x)
    for ours, theirs in ((y, expected.detach()), (vjp(torch.ones_like(x))[1], slope)):
        # Where torch's own is infinite or NaN depends on the processor's vector instructions.
        known = theirs.isfinite()
        torch.testing.assert_close(ours[known], theirs[known], rtol=room, atol=room)
        assert not (ours.isnan() & ~theirs.isnan()).any()


@pytest.mark.parametrize("layer", [f.softmax, f.log_softmax], ids=repr)
def test_large_logits_do_not_overflow(layer):
    y, vjp = layer((), torch.tensor([1000.0, -1000.0, 999.0]))
    assert y.isfinite().all()
    assert vjp(torch.ones(3))[1].isfinite().all()
