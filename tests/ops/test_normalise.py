"""Norms of more numbers than the cache holds: by parts they are what they are at once."""

import pytest
import torch
from helpers import seeded
from torch.nn import functional as nnf

import funcdl as f
from funcdl.ops import normalise


def first(t):
    return t.movedim(-1, 1)


# Examples at a time, parts of an example, parts of a batch, rows at a time.
LARGE = {
    "examples": (f.group_norm(2), (5, 60, 60, 8), lambda x, p: _grouped(x, p)),
    "parts of examples": (f.group_norm(2), (2, 150, 150, 8), lambda x, p: _grouped(x, p)),
    "parts of a batch": (
        f.batch_norm(),
        (30_000, 5),
        lambda x, p: nnf.batch_norm(x, None, None, *p[:2], True),
    ),
    "rows": (f.layer_norm(), (2000, 300), lambda x, p: nnf.layer_norm(x, (300,), *p)),
    "rows without mean": (
        f.rms_norm(),
        (2000, 300),
        lambda x, p: nnf.rms_norm(x, (300,), *p, 1e-6),
    ),
    "wide rows": (f.layer_norm(), (3, 200_000), lambda x, p: nnf.layer_norm(x, (200_000,), *p)),
}


def _grouped(x, p):
    return nnf.group_norm(first(x), 2, *p).movedim(1, -1)


def drawn(layer, shape, rng):
    params, _ = layer.init(rng, shape)
    learnt = [torch.rand(p.shape, generator=rng).double() for p in params[:2]]
    return type(params)(*learnt, *(p.double() for p in params[2:])), len(learnt)


@pytest.mark.parametrize("name", LARGE)
def test_by_parts_the_derivatives_are_autograds(name):
    layer, shape, torchs = LARGE[name]
    rng = seeded()
    params, count = drawn(layer, shape, rng)
    # What comes later is larger: each part has a mean of its own.
    x = torch.randn(shape, generator=rng, dtype=torch.float64).add_(
        torch.linspace(0, 9, shape[0]).view(-1, *[1] * (len(shape) - 1))
    )
    dy = torch.randn(shape, generator=rng, dtype=torch.float64)
    y, vjp = layer(params, x, rng)
    dparams, dx = vjp(dy)
    live = [t.clone().requires_grad_() for t in (x, *params[:count])]
    with torch.enable_grad():
        wanted = torchs(live[0], live[1:])
        grads = torch.autograd.grad(wanted, live, dy)
    torch.testing.assert_close(y, wanted.detach(), rtol=1e-9, atol=1e-9)
    for found, right in zip((dx, *dparams[:count]), grads):
        torch.testing.assert_close(found, right, rtol=1e-8, atol=1e-8)
    alone, none = vjp(dy, False)
    assert none is None
    assert all(torch.equal(a, b) for a, b in zip(alone, dparams))


@pytest.mark.parametrize("layer", [f.batch_norm(), f.layer_norm(), f.group_norm(1, 1)], ids=str)
def test_models_by_parts_are_those_alone(layer):
    rng, shape = seeded(), (2, 40_000, 8)
    params = [drawn(layer, shape[1:], rng)[0] for _ in range(2)]
    x, dy = torch.randn((2, *shape), generator=rng, dtype=torch.float64)
    y, vjp = layer(f.tree.stack(params), x, rng)
    dparams, dx = vjp(dy)
    for i, own in enumerate(params):
        alone, pull = layer(own, x[i], rng)
        right, dright = pull(dy[i])
        torch.testing.assert_close(y[i], alone)
        torch.testing.assert_close(dx[i], dright)
        for found, wanted in zip(dparams, right):
            torch.testing.assert_close(found[i], wanted)


def test_a_mean_that_drifts_costs_the_variance_nothing():
    rows = torch.randn(200_000, 2, generator=seeded()).mul_(0.01)
    rows += torch.linspace(-100, 100, 20).repeat_interleave(10_000).unsqueeze(-1)
    mean, square = normalise._moments(rows)
    exact = rows.double().var(0, correction=0)
    assert float((square / len(rows) / exact - 1).abs().max()) < 1e-6
    assert float((mean - rows.double().mean(0)).abs().max()) < 1e-5


@pytest.mark.parametrize("value", [0.1, 1234.567, -3e4])
def test_by_parts_the_variance_of_equal_numbers_is_nothing(value):
    for layer, shape in ((f.batch_norm(), (50_000, 3)), (f.group_norm(2), (4, 90, 90, 6))):
        params, _ = layer.init(seeded(), shape)
        _, vjp = layer(params, torch.full(shape, value), seeded())
        dparams, _ = vjp(torch.rand(shape, generator=seeded()))
        assert float(dparams.scale.abs().max()) == 0
