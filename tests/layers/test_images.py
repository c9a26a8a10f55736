"""Layers on images: the laws between them, special values, and the words of their errors."""

import pytest
import torch
from helpers import close, refuses
from table import normal
from torch.nn import functional as nnf

import funcdl as f
from funcdl import tree
from funcdl.ops.window import Windows, slot


def start(layer, shape, rng):
    params = tree.map(lambda p: normal(p.shape, rng), layer.init(rng, shape)[0])
    return params, normal(shape, rng)


@pytest.mark.parametrize("settings", [{}, {"stride": (2, 1), "padding": 1}], ids=str)
def test_conv_transpose2d_is_the_adjoint_of_conv2d(settings, rng):
    conv = f.conv2d(5, 3, b_init=None, **settings)
    params, x = start(conv, (4, 7, 6, 2), rng)
    y, vjp = conv(params, x)
    back, pull = f.conv_transpose2d(2, 3, b_init=None, **settings)(params, y)
    assert back.shape == x.shape
    close(back, vjp(y)[1])
    close(pull(x)[1], conv(params, x)[0])


def test_groups_are_convolutions_of_their_own_side_by_side(rng):
    layer = f.conv2d(6, 3, groups=2)
    params, x = start(layer, (4, 5, 5, 8), rng)
    halves = [
        f.conv2d(3, 3)(f.Affine(w, b), part)[0]
        for w, b, part in zip(params.w.chunk(2, -1), params.b.chunk(2), x.chunk(2, -1))
    ]
    close(layer(params, x)[0], torch.cat(halves, -1))


def test_an_image_needs_no_leading_axes(rng):
    layer = f.serial(f.conv2d(3, 2, groups=3), f.max_pool2d(2), f.avg_pool2d(2))
    params, x = start(layer, (9, 9, 3), rng)
    close(layer(params, x)[0], layer(params, x[None])[0][0])


def test_a_pool_steps_by_its_own_size_in_each_direction(rng):
    x = normal((2, 6, 6, 1), rng)
    for pool in (f.max_pool2d, f.avg_pool2d):
        assert torch.equal(pool((3, 2))((), x)[0], pool((3, 2), stride=(3, 2))((), x)[0])


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(2, 2, 0), (2, 2, 1), (3, 1, 1), (3, 2, 0), (2, 3, 0)]
)
def test_of_equal_values_the_first_gets_the_cotangent_as_in_pytorch(kernel, stride, padding, rng):
    x = torch.randint(0, 3, (3, 8, 8, 4), generator=rng).double()
    x[0, :3, :3] = -torch.inf
    x[1, 2:4, 2:4] = torch.inf
    y, vjp = f.max_pool2d(kernel, stride=stride, padding=padding)((), x)
    live = x.movedim(-1, 1).requires_grad_()
    with torch.enable_grad():
        expected = nnf.max_pool2d(live, kernel, stride, padding)
    dy = torch.randint(1, 9, y.shape, generator=rng).double()
    (grad,) = torch.autograd.grad(expected, live, dy.movedim(-1, 1))
    assert torch.equal(y, expected.detach().movedim(1, -1))
    if padding == 0:
        assert torch.equal(vjp(dy)[1], grad.movedim(1, -1))
    else:  # a window of −∞ alone may look at the border
        assert torch.equal(vjp(dy)[1][1:], grad.movedim(1, -1)[1:])


def test_a_pool_hands_on_what_is_not_a_number(rng):
    x = normal((1, 4, 4, 1), rng)
    x[0, 1, 1] = torch.nan
    for pool in (f.max_pool2d(2), f.avg_pool2d(2), f.global_avg_pool2d, f.global_max_pool2d):
        assert pool((), x)[0].flatten()[0].isnan()


def test_windows_see_each_pixel_at_its_place():
    x = torch.arange(30.0).reshape(5, 6, 1)
    windows = Windows((2, 2), (2, 1), dilation=(1, 3))
    seen = [slot(x, cell, windows.inside(x), windows.stride)[1, 2, 0] for cell in windows.cells()]
    assert [int(pixel) for pixel in seen] == [14, 17, 20, 23]


def test_parameters_of_another_size_are_never_broadcast(rng):
    x = torch.zeros(4, 6, 6, 4)
    for layer, places in (
        (f.conv2d(4, 3), "height ≥ 3, width ≥ 3, 4"),
        (f.conv2d(4, 3, groups=2), "height ≥ 3, width ≥ 3, 4"),
        (f.conv2d(4, 3, groups=4), "height ≥ 3, width ≥ 3, 4"),
        (f.conv_transpose2d(4, 3), "height, width, 4"),
        (f.conv1d(4, 3), "length ≥ 3, 4"),
    ):
        params, _ = layer.init(rng, x.shape)
        name = layer.name
        for channels in (1, 5, 8):
            wrong = torch.zeros(4, 6, 6, channels)
            with refuses(f.ShapeError, f"{name}: expected x (…, {places}), got "):
                layer(params, wrong)
        for models in (1, 2, 8):
            with refuses(f.ShapeError, f"{name}: expected x ({models}, …, "):
                layer(tree.stack([params] * models), x)


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (f.conv2d(4, 3), "conv2d(4, 3)"),
        (f.conv2d(4, (1, 3), stride=2, padding=(0, 1), dilation=2, groups=2), "conv2d(4, (1, 3), stride=2, padding=(0, 1), dilation=2, groups=2)"),
        (f.conv1d(4, 3, padding=1), "conv1d(4, 3, padding=1)"),
        (f.conv_transpose2d(4, 3, stride=2, output_padding=1), "conv_transpose2d(4, 3, stride=2, output_padding=1)"),
        (f.max_pool2d(2), "max_pool2d(2)"),
        (f.avg_pool2d(3, stride=2, padding=1), "avg_pool2d(3, stride=2, padding=1)"),
        (f.global_max_pool2d, "global_max_pool2d"),
    ],
)  # fmt: skip
def test_a_layer_is_written_as_it_was_made(layer, text):
    assert repr(layer) == text
