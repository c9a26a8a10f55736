"""Numbers at the limits of their dtype: refused in a sentence, or computed where they fit."""

import math

import pytest
import torch

import funcdl
from funcdl import InputError, tree


@pytest.mark.parametrize(
    "make",
    [
        funcdl.clip,
        funcdl.clip_by_norm,
        funcdl.clip_by_global_norm,
        funcdl.huber,
        funcdl.sgd,
        funcdl.prelu,
        lambda value: funcdl.scale_by_adagrad(start=value),
        lambda value: funcdl.adamw(0.1, weight_decay=value),
    ],
)
@pytest.mark.parametrize("value", [1e39, 10**39, math.inf, math.nan])
def test_numbers_that_float32_lacks_are_refused(make, value):
    with pytest.raises(InputError):
        make(value)


def test_a_number_that_float32_lacks_is_named():
    with pytest.raises(InputError, match=r"^clip: expected limit to be finite in float32, got 1e"):
        funcdl.clip(1e39)
    funcdl.clip(torch.finfo(torch.float32).max)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_clip_takes_a_limit_that_half_precision_lacks(dtype):
    grads = (torch.tensor([-6e4, math.nan, 2.0], dtype=dtype),)
    (clipped,), _ = funcdl.clip(1e5).update(grads, (), ())
    assert torch.equal(clipped.nan_to_num(7), grads[0].nan_to_num(7))
    assert clipped.dtype is dtype


def test_a_schedule_may_give_a_number():
    descend = funcdl.sgd(lambda steps: 0.5)
    params = (torch.ones(1),)
    state = descend.init(params)
    for expected in (0.5, 0.0):
        params, state = descend.update(params, (torch.ones(1),), state)
        assert params[0].item() == expected
        assert state.lr.item() == 0.5


@pytest.mark.parametrize("models", [(), (2,)])
@pytest.mark.parametrize("layer", [funcdl.scale(), funcdl.prelu(per_feature=True), funcdl.prelu()])
def test_a_parameter_that_many_halves_share_is_summed_in_float32(layer, models):
    params, _ = layer.init(torch.Generator(), (1,))
    params = tree.map(lambda p: p.half().expand((*models, *p.shape)), params)
    # The products are −9 · 10⁴ and more, which float16 has not; their sum −3 · 10⁴ it has.
    x = torch.tensor([[-3.0], [-2.0], [-1.0], [-1.0]]).half().expand(*models, 4, 1)
    dy = torch.tensor([[3e4], [-3e4], [-3e4], [3e4]]).half().expand(*models, 4, 1)
    (got,), _ = layer(params, x)[1](dy)
    assert got.dtype is torch.float16
    assert got.eq(-3e4).all()


def test_an_average_of_halves_does_not_get_stuck():
    descend = funcdl.averaged(funcdl.sgd(1.0), 0.999)
    params = (torch.zeros(1).half(),)
    state = descend.init(params)
    params, state = descend.update(params, (-torch.ones(1).half(),), state)
    for _ in range(5000):
        params, state = descend.update(params, (torch.zeros(1).half(),), state)
    assert params[0].dtype is torch.float16
    assert state.average[0].dtype is torch.float32
    assert abs(state.average[0].item() - (1 - 0.999**5001)) < 1e-4


def test_an_average_keeps_its_dtypes_beside_statistics():
    net = funcdl.serial(funcdl.batch_norm(), funcdl.linear(1))
    params = tree.map(lambda p: p.half(), net.init(torch.Generator(), (2,))[0])
    descend = funcdl.averaged(funcdl.sgd(0.1), 0.5)
    state = descend.init(params)
    _, after = descend.update(params, tree.map(torch.zeros_like, params), state)
    for average in (state.average, after.average):
        assert {leaf.dtype for leaf in tree.leaves(average)} == {torch.float32}
