"""Borders, pools and upsampling: the laws between them, and PyTorch's functions on shapes at random."""

import math
import random

import pytest
import torch
from helpers import close
from table import normal
from torch.nn import functional as nnf

import funcdl as f
from funcdl.layers.windows import Along

MODES = ["constant", "reflect", "replicate", "circular"]


def gradients(theirs, x, dy):
    """The output of a function of PyTorch's, and the cotangent of its input."""
    live = x.clone().requires_grad_()
    with torch.enable_grad():
        y = theirs(live)
    return y.detach(), torch.autograd.grad(y, live, dy)[0]


def agree(layer, theirs, x, rng):
    """Compare a layer on images or sequences with a function of PyTorch's on channels first."""
    y, vjp = layer((), x)
    dy = normal(y.shape, rng)
    value, grad = gradients(lambda t: theirs(t.movedim(-1, 1)).movedim(1, -1), x, dy)
    close(y, value)
    close(vjp(dy)[1], grad)


@pytest.mark.parametrize("mode", MODES)
def test_borders_are_pytorchs(mode, rng):
    pick = random.Random(0)
    for _ in range(20):
        lengths = [pick.randint(3, 6) for _ in range(2)]
        most = [length - (mode == "reflect") for length in lengths]
        sides = tuple((pick.randint(0, n), pick.randint(0, n)) for n in most)
        amounts = (*sides[1], *sides[0])
        value = 1.5 if mode == "constant" else 0.0
        layer = f.pad2d(sides, mode=mode, value=value)
        x = normal((2, *lengths, 3), rng)
        agree(layer, lambda t, a=amounts, v=value: nnf.pad(t, a, mode, v or None), x, rng)


@pytest.mark.parametrize("mode", MODES)
def test_what_is_added_is_cut_off_again(mode, rng):
    x = normal((2, 4, 5, 3), rng)
    around, off = f.pad2d(((2, 1), (0, 3)), mode=mode), f.pad2d(((-2, -1), (0, -3)))
    assert torch.equal(off((), around((), x)[0])[0], x)


def test_an_infinite_border_may_be_asked_for(rng):
    x = normal((2, 4, 3), rng)
    y, _ = f.pad1d((1, 0), value=-math.inf)((), x)
    assert (y[:, 0] == -math.inf).all()
    assert torch.equal(y[:, 1:], x)


@pytest.mark.parametrize("mode", MODES)
def test_a_border_of_a_convolution_is_that_layer_before_it(mode, rng):
    x = normal((2, 6, 5, 3), rng)
    one = f.conv2d(4, 3, padding=(2, 1), padding_mode=mode, dilation=2)
    two = f.serial(f.pad2d((2, 1), mode=mode), f.conv2d(4, 3, dilation=2))
    params = f.tree.map(lambda p: normal(p.shape, rng), one.init(rng, x.shape)[0])
    (y, vjp), (other, pull) = one(params, x), two(((), params), x)
    dy = normal(y.shape, rng)
    (dparams, dx), ((_, dother), du) = vjp(dy), pull(dy)
    for a, b in ((y, other), (dx, du), (dparams.w, dother.w), (dparams.b, dother.b)):
        close(a, b)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", range(1, 6))
def test_same_gives_a_window_for_each_step(size, stride):
    for length in range(1, 12):
        for dilation in (1, 2):
            along = Along(size, stride, "same", dilation)
            before, after = along.sides(length)
            assert along.count(length) == math.ceil(length / stride)
            assert after - before in (0, 1)


@pytest.mark.parametrize(
    "layer",
    [
        f.conv1d(3, 3, padding="causal", dilation=2),
        f.max_pool1d(3, stride=1, padding="causal"),
        f.avg_pool1d(3, stride=1, padding="causal", count_include_pad=False),
    ],
    ids=str,
)
def test_what_is_causal_sees_nothing_that_comes_later(layer, rng):
    x = normal((8, 2), rng)
    params = f.tree.map(torch.Tensor.double, layer.init(rng, x.shape)[0])
    y, vjp = layer(params, x)
    assert y.shape[0] == 8
    later = x.clone()
    later[5:] = 7.0
    assert torch.equal(layer(params, later)[0][:5], y[:5])
    dy = torch.zeros_like(y)
    dy[4] = 1.0
    dx = vjp(dy)[1]
    assert dx[4].any()
    assert not dx[5:].any()


def pools_at_random(pick):
    kernel = pick.randint(1, 4), pick.randint(1, 4)
    stride = pick.randint(1, 4), pick.randint(1, 4)
    padding = pick.randint(0, kernel[0] // 2), pick.randint(0, kernel[1] // 2)
    lengths = [pick.randint(4, 9) for _ in range(2)]
    return kernel, stride, padding, pick.random() < 0.7, lengths


def test_pools_are_pytorchs_with_their_last_windows_and_what_counts(rng):
    pick = random.Random(0)
    for _ in range(60):
        kernel, stride, padding, ceil, lengths = pools_at_random(pick)
        given = {"stride": stride, "padding": padding, "ceil_mode": ceil}
        x, include = normal((2, *lengths, 2), rng), pick.random() < 0.5
        agree(
            f.avg_pool2d(kernel, **given, count_include_pad=include),
            lambda t: nnf.avg_pool2d(t, kernel, stride, padding, ceil, include),  # noqa: B023
            x,
            rng,
        )
        agree(
            f.max_pool2d(kernel, **given),
            lambda t: nnf.max_pool2d(t, kernel, stride, padding, 1, ceil),  # noqa: B023
            x,
            rng,
        )


@pytest.mark.parametrize("length", range(1, 9))
def test_adaptive_pools_are_pytorchs(length, rng):
    for out in range(1, 10):
        x = normal((2, length, 3), rng)
        for ours, theirs in (
            (f.adaptive_avg_pool1d(out), nnf.adaptive_avg_pool1d),
            (f.adaptive_max_pool1d(out), nnf.adaptive_max_pool1d),
        ):
            agree(ours, lambda t: theirs(t, out), x, rng)  # noqa: B023


def test_an_adaptive_pool_of_one_cell_is_a_global_one(rng):
    x = normal((2, 5, 4, 3), rng)
    for adaptive, all_of_it in (
        (f.adaptive_avg_pool2d(1), f.global_avg_pool2d),
        (f.adaptive_max_pool2d(1), f.global_max_pool2d),
    ):
        close(adaptive((), x)[0].flatten(1), all_of_it((), x)[0])


def test_of_equal_values_in_a_cell_the_first_gets_the_cotangent(rng):
    x = torch.randint(0, 2, (3, 6, 8, 4), generator=rng).double()
    agree(f.adaptive_max_pool2d((4, 3)), lambda t: nnf.adaptive_max_pool2d(t, (4, 3)), x, rng)
    agree(f.adaptive_max_pool2d((3, 2)), lambda t: nnf.adaptive_max_pool2d(t, (3, 2)), x, rng)


def test_upsampling_by_one_changes_nothing_and_twice_is_the_product(rng):
    x = normal((2, 3, 4, 2), rng)
    assert torch.equal(f.upsample2d(1, mode="bilinear")((), x)[0], x)
    twice = f.serial(f.upsample2d(2), f.upsample2d((3, 1)))
    assert torch.equal(twice(((), ()), x)[0], f.upsample2d((6, 2))((), x)[0])


def test_a_nearest_upsampling_is_taken_back_by_a_pool(rng):
    x = normal((2, 3, 4, 2), rng)
    y, vjp = f.upsample2d((2, 3))((), x)
    close(f.avg_pool2d((2, 3))((), y)[0], x)
    dy = normal(y.shape, rng)
    close(vjp(dy)[1], f.avg_pool2d((2, 3))((), dy)[0] * 6)


@pytest.mark.parametrize("corners", [False, True])
def test_a_straight_line_stays_one_between_its_ends(corners):
    x = torch.arange(5.0).double().reshape(5, 1)
    y = f.upsample1d(4, mode="linear", align_corners=corners)((), x)[0].flatten()
    steps = y.diff()
    if corners:
        close(steps, torch.full_like(steps, 4 / 19))
    else:  # both ends are flat
        close(steps[2:-2], torch.full_like(steps[2:-2], 0.25))
        assert not steps[:1].any()


MADE = [
    ({"scale_factor": 2}, (2, 3, 5)),
    ({"scale_factor": 1.5}, (2, 3, 4, 5)),
    ({"scale_factor": (2.7, 0.6)}, (2, 3, 4, 5)),
    ({"scale_factor": 1.3, "recompute_scale_factor": True}, (2, 3, 7, 5)),
    ({"size": 9}, (2, 3, 4)),
    ({"size": (4, 1)}, (2, 3, 7, 3)),
]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize(("given", "shape"), MADE, ids=str)
def test_upsample_is_pytorchs(given, shape, dtype, rng):
    between = {3: "linear", 4: "bilinear"}[len(shape)]
    for mode, corners in (("nearest", None), (between, None), (between, False), (between, True)):
        ours = f.Upsample(**given, mode=mode, align_corners=corners)
        theirs = torch.nn.Upsample(**given, mode=mode, align_corners=corners)
        x = normal(shape, rng).to(dtype)
        y = ours(x)
        dy = normal(y.shape, rng).to(dtype)
        value, grad = gradients(theirs, x, dy)
        torch.testing.assert_close(y, value)
        torch.testing.assert_close(ours.backward(dy), grad)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_a_transposed_convolution_in_groups_is_the_adjoint_of_that_in_groups(groups, rng):
    conv = f.conv2d(8, 3, stride=2, padding=1, dilation=2, groups=groups, b_init=None)
    x = normal((3, 9, 7, 4), rng)
    params = f.tree.map(lambda p: normal(p.shape, rng), conv.init(rng, x.shape)[0])
    y, vjp = conv(params, x)
    back, pull = f.conv_transpose2d(
        4, 3, stride=2, padding=1, dilation=2, groups=groups, b_init=None
    )(params, y)
    close(back, vjp(y)[1])
    close(pull(x)[1], conv(params, x)[0])


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (f.pad2d(((1, 0), (0, 2)), mode="reflect"), "pad2d(((1, 0), (0, 2)), mode='reflect')"),
        (f.pad1d(2, value=1.0), "pad1d(2, value=1.0)"),
        (f.conv1d(4, 3, padding="causal"), "conv1d(4, 3, padding='causal')"),
        (f.max_pool1d(2, ceil_mode=True), "max_pool1d(2, ceil_mode=True)"),
        (f.avg_pool2d(2, count_include_pad=False), "avg_pool2d(2, count_include_pad=False)"),
        (f.adaptive_avg_pool2d((2, None)), "adaptive_avg_pool2d((2, None))"),
        (f.upsample2d(2, mode="bilinear"), "upsample2d(2, mode='bilinear')"),
        (f.conv_transpose1d(4, 3, groups=2, dilation=2), "conv_transpose1d(4, 3, dilation=2, groups=2)"),
    ],
)  # fmt: skip
def test_a_layer_is_written_as_it_was_made(layer, text):
    assert repr(layer) == text
