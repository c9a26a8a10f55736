"""What is done a block of images at a time: the same as at once, whatever fits in a block."""

import math

import pytest
import torch
from helpers import close, seeded
from hypothesis import given
from hypothesis import strategies as st
from table import normal
from torch.nn import functional as nnf

import funcdl as f
from funcdl import tree
from funcdl.ops import blocks, convolve, patches
from funcdl.ops.depthwise import depthwise
from funcdl.ops.order import images, pixels
from funcdl.ops.window import Windows

ROOMS = [1, 600, 5000, 2**20]
WINDOWS = [
    Windows((1, 1)),
    Windows((3, 3)),
    Windows((2, 2), (2, 2)),
    Windows((4, 4), (2, 2)),
    Windows((3, 3), (2, 2)),
    Windows((2, 3), (2, 1)),
    Windows((1, 3), (3, 2)),
    Windows((2, 2), (3, 4)),
    Windows((3, 2), (2, 2), (0, 0), (2, 2)),
    Windows((2, 3), (1, 2), (0, 0), (1, 3)),
]


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=3), st.integers(0, 50), st.integers(1, 2000)
)
def test_blocks_hold_each_place_once_and_fit(shape, each, room):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "ROOM", room)
        found = list(blocks.blocks(tuple(shape), each))
    count = torch.zeros(shape)
    for at in found:
        count[at] += 1
        assert count[at].numel() * each <= room or count[at].numel() == 1
    assert (count == 1).all()


@pytest.fixture(params=ROOMS)
def room(request, monkeypatch):
    monkeypatch.setattr(blocks, "ROOM", request.param)


@pytest.fixture
def direct(monkeypatch):
    monkeypatch.setattr(convolve, "way", lambda windows, shape, outputs, exact: 1)


def pulled(function, leaves, dy):
    """Give what torch's autograd gives: the output and the cotangents."""
    live = [t.clone().requires_grad_() for t in leaves]
    with torch.enable_grad():
        y = function(*live)
    return y.detach(), torch.autograd.grad(y, live, dy)


def convolved(windows, groups=1):
    def apply(x, w, b):
        kernel = w.reshape(*windows.size, -1, len(b)).permute(3, 2, 0, 1)
        rest = windows.stride, 0, windows.dilation, groups
        return nnf.conv2d(x.movedim(-1, 1), kernel, b, *rest).movedim(1, -1)

    return apply


@pytest.mark.usefixtures("room", "direct")
@pytest.mark.parametrize("models", [0, 1, 3])
@pytest.mark.parametrize("windows", WINDOWS, ids=str)
def test_patches_and_taps_are_convolutions(windows, models, rng):
    count = max(models, 1)
    cells = math.prod(windows.size)
    x, w, b = (normal((count, *shape), rng) for shape in ((4, 7, 9, 3), (cells * 3, 5), (5,)))
    lead = (models,) if models else ()
    dy = normal((count, 4, *windows.grid(x), 5), rng)
    wanted = [pulled(convolved(windows), one, d) for *one, d in zip(x, w, b, dy)]
    ys, (dxs, dws, dbs) = (
        torch.stack([y for y, _ in wanted]),
        (torch.stack(one) for one in zip(*(grads for _, grads in wanted))),
    )
    shaped = [t.reshape(*lead, *t.shape[1:]) for t in (x, w, b, dy)]
    for turn in (lambda t: t, lambda t: images(pixels(t, len(lead)), t.shape[:-3])):
        y, pull = convolve.convolve(turn(shaped[0]), *shaped[1:3], windows)
        seen = convolve.Seen(turn(shaped[0]), windows, len(lead), 5)
        assert isinstance(seen.by, patches.Patches) == (turn(x).stride() == x.stride())
        for _ in range(2):
            dw, db, dx = pull(turn(shaped[3]), True)
            close(
                (y, dw, db, dx),
                tuple(t.reshape(s.shape) for t, s in zip((ys, dws, dbs, dxs), (y, dw, db, dx))),
            )
        assert pull(shaped[3], False)[2] is None
        both = seen.both(shaped[1], turn(shaped[3]))
        close(both, (seen.times(shaped[1]), seen.against(shaped[3])))
        close(convolve.spread(turn(shaped[3]), shaped[1], windows, shaped[0].shape), dx)


@pytest.mark.parametrize("windows", WINDOWS, ids=str)
def test_what_is_added_in_one_call_shares_no_pixel(windows):
    x = torch.arange(7 * 9 * 3).reshape(1, 1, 7, 9, 3)
    cells = math.prod(windows.size)
    parts = patches.lanes(patches.patches(x, windows), torch.empty(1, 5, cells * 3), windows)
    for pixels_seen, weights in parts:
        assert pixels_seen.unique().numel() == pixels_seen.numel()
        assert weights.shape[-1] == pixels_seen.shape[-2] * 3
    assert sum(part.numel() for part, _ in parts) == math.prod(windows.grid(x)) * cells * 3


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize("windows", WINDOWS, ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_depthwise_convolution_is_the_same_a_few_images_at_a_time(windows, bias, rng):
    cells = math.prod(windows.size)
    x, w, b = normal((5, 7, 9, 3), rng), normal((cells, 3), rng), normal((3,), rng)
    if not bias:
        b = torch.zeros_like(b)
    dy = normal((5, *windows.grid(x), 3), rng)
    y, grads = pulled(convolved(windows, groups=3), (x, w, b), dy)
    ours, pull = depthwise(x, w, b if bias else (), windows)
    for _ in range(2):
        dw, db, dx = pull(dy, True)
        close((ours, dx, dw), (y, *grads[:2]))
        if bias:
            close(db, grads[2])
    assert pull(dy, False)[2] is None


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize(
    "layer",
    [f.conv2d(5, 4, stride=2), f.conv2d(9, 3, groups=9), f.conv_transpose2d(4, 4, stride=2)],
    ids=str,
)
def test_a_step_is_staged_block_by_block(layer, rng):
    net = f.serial(layer, f.relu, f.global_avg_pool2d, f.linear(2))
    optimiser = f.sgd(0.1)
    step = f.training_step(f.supervised(net, f.mse()), optimiser)
    params = tree.map(torch.Tensor.double, net.init(rng, (8, 8, 9))[0])
    results = []
    for run in (step, f.stage(step)):
        carried, draws = (params, optimiser.init(params)), seeded(1)
        for _ in range(3):
            batch = normal((5, 8, 8, 9), draws), normal((5, 2), draws)
            carried = run(*carried, batch)[:2]
        results.append(tree.map(torch.clone, carried[0]))
    close(results[1], results[0])


@pytest.mark.usefixtures("room", "direct")
@pytest.mark.parametrize("bad", [math.nan, math.inf], ids=str)
def test_what_is_not_finite_stays_in_the_windows_that_see_it(bad, rng):
    layer = f.conv2d(12, 3)
    params, _ = layer.init(rng, (7, 7, 10))
    x = torch.randn(3, 7, 7, 10, generator=rng)
    clean, _ = layer(params, x)
    x[1, 3, 3, 5] = bad
    y, _ = layer(params, x)
    windows = torch.zeros(3, 5, 5, dtype=torch.bool)
    windows[1, 1:4, 1:4] = True
    assert not y[windows].isfinite().any()
    assert torch.equal(y[~windows], clean[~windows])
