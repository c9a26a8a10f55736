"""Infinities, NaN and zeros in layers: what is not chosen contributes nothing, as in PyTorch."""

import math

import pytest
import torch
from specials_layers import CASES, INFINITE_MEANS, POOLS, SPECIALS, WINDOWS, put, same
from table import normal
from torch.nn import functional as nnf

import funcdl as f
from funcdl import tree
from funcdl.ops.attention import attend

NAN, INF = math.nan, math.inf


def pulled(case, params, x, dy):
    """Ours and theirs: the output, and the cotangents of what is a float."""
    y, vjp = case.apply(params, x)
    ours = [*tree.leaves(y), *tree.leaves(vjp(dy))]
    leaves, structure = tree.to_leaves((params, x))
    live = [t.clone().requires_grad_() if t.is_floating_point() else t for t in leaves]
    floats = [t for t in live if t.requires_grad]
    with torch.enable_grad():
        theirs = tree.leaves(case.oracle(nnf, *tree.from_leaves(structure, live)))
        grads = iter(torch.autograd.grad(theirs, floats, tree.leaves(dy), allow_unused=True))
    values = [t.detach() for t in theirs]
    return zip(ours, [*values, *(next(grads) if t.requires_grad else None for t in live)])


@pytest.mark.parametrize("special", SPECIALS.values(), ids=SPECIALS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_no_nan_in_torch_is_the_same(case, special, rng):
    params, x = case.params(rng), case.inputs(rng)
    dy = tree.map(lambda y: normal(y.shape, rng), case.apply(params, x)[0])
    floats = all(t.is_floating_point() for t in tree.leaves(x))
    loosely = case.name in INFINITE_MEANS
    for k in range(4):
        inputs = [(x, put(dy, special, k))]
        if floats:
            inputs.append((put(x, special, k), dy))
        for one, cotangent in inputs:
            for ours, theirs in pulled(case, params, one, cotangent):
                if theirs is not None:
                    assert same(ours, theirs, loosely)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("window", WINDOWS, ids=["of NaN", "of −∞"])
@pytest.mark.parametrize("case", POOLS, ids=str)
def test_pools_choose_one_of_infinities_and_nan(case, window, dtype):
    x = torch.tensor(window, dtype=dtype).reshape(1, 4, 4, 1)
    y, vjp = case.layer((), x)
    theirs = case.oracle(nnf, (), x)
    assert torch.equal(y.nan_to_num(0.5), theirs.nan_to_num(0.5))
    for special in (2.0, INF, NAN):
        dy = torch.full_like(y, special)
        _, dx = vjp(dy)
        # Each window gives its cotangent to one of its largest numbers, and nothing to others.
        chosen = torch.ones_like(x, dtype=torch.bool)
        for out in y.flatten():
            chosen &= (x != out) & ~(x.isnan() & out.isnan())
        assert torch.equal(dx[chosen], torch.zeros_like(dx[chosen]))
        assert torch.equal(dx, vjp(dy)[1]) or special != special
        if special == 2.0:
            assert float(dx.sum()) == 2.0 * y.numel()


def test_of_several_nans_the_first_gets_the_cotangent_of_a_pool():
    x = torch.tensor([[INF, NAN], [NAN, 1.0]]).reshape(2, 2, 1)
    _, vjp = f.max_pool2d(2)((), x)
    assert vjp(torch.ones(1, 1, 1))[1].flatten().tolist() == [0.0, 1.0, 0.0, 0.0]


def test_of_minus_infinities_a_pixel_gets_the_cotangent_not_the_border():
    x = torch.full((2, 2, 1), -INF)
    _, vjp = f.max_pool2d(2, stride=2, padding=1)((), x)
    assert vjp(torch.ones(2, 2, 1))[1].flatten().tolist() == [1.0, 1.0, 1.0, 1.0]


def test_an_infinite_cotangent_of_a_pool_reaches_the_largest_number_alone():
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).reshape(2, 2, 1)
    for pool in (f.max_pool2d(2), f.global_max_pool2d, f.max_pool2d(2, stride=1, padding=0)):
        y, vjp = pool((), x)
        for special in (INF, -INF):
            _, dx = vjp(torch.full_like(y, special))
            assert dx.flatten().tolist() == [0.0, 0.0, 0.0, special]


@pytest.mark.parametrize("special", [INF, -INF, NAN])
@pytest.mark.parametrize("at", [1, 3, 4])
@pytest.mark.parametrize("stacked", [False, True])
def test_causal_attention_is_not_touched_by_what_comes_later(stacked, at, special, rng):
    layer = f.attention(2, causal=True)
    params = tree.map(torch.Tensor.double, layer.init(rng, (5, 4))[0])
    x = normal((2, 3, 5, 4), rng)
    if stacked:
        params = tree.stack([params, tree.map(lambda p: 0.5 * p, params)])
    clean, _ = layer(params, x)
    x[..., at, 2] = special
    y, _ = layer(params, x)
    torch.testing.assert_close(y[..., :at, :], clean[..., :at, :], rtol=1e-12, atol=0)
    assert not y[..., at:, :].isfinite().any()


@pytest.mark.parametrize("special", [INF, -INF, NAN])
@pytest.mark.parametrize("at", [0, 2, 3])
def test_what_comes_later_gets_nothing_of_a_cotangent_before_it(at, special, rng):
    layer = f.attention(2, causal=True, b_init=None)
    params = tree.map(torch.Tensor.double, layer.init(rng, (5, 4))[0])
    x, dy = normal((3, 5, 4), rng), normal((3, 5, 4), rng)
    _, vjp = layer(params, x)
    dy[:, at] = 0
    _, clean = vjp(dy)
    dy[:, at] = special
    _, dx = vjp(dy)
    torch.testing.assert_close(dx[:, at + 1 :], clean[:, at + 1 :], rtol=1e-9, atol=1e-12)
    assert not dx[:, at].isfinite().any()


@pytest.mark.parametrize("special", [INF, -INF, NAN])
def test_an_infinite_value_is_seen_from_its_time_on(special):
    # Queries and keys are 0, so that each time sees the mean of the values up to it.
    qkv = torch.zeros(1, 3, 6)
    qkv[0, :, 4:] = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    qkv[0, 1, 5] = special
    y, pull = attend(qkv, 1, causal=True)
    expected = torch.tensor([[1.0, 2.0], [2.0, special], [3.0, special]])
    torch.testing.assert_close(y[0], expected, equal_nan=True)
    dy = torch.zeros(1, 3, 2)
    dy[0, 1, 0] = special
    dv = pull(dy)[0, :, 4]
    torch.testing.assert_close(dv, torch.tensor([special, special, 0.0]), equal_nan=True)


def test_rows_of_a_table_that_no_index_names_get_nothing(rng):
    layer = f.embedding(3, 2)
    params, _ = layer.init(rng, (2,))
    y, vjp = layer(params, torch.tensor([0, 2]))
    dw = vjp(torch.full_like(y, INF))[0].w
    assert dw.tolist() == [[INF, INF], [0.0, 0.0], [INF, INF]]
