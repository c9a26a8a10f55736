"""Parameters from torch.nn and back: both sides compute the same, values and gradients."""

import re

import pytest
import torch
from helpers import seeded
from torch import nn

import funcdl as f
from funcdl import tree


def channels_first(x):
    return x.movedim(-1, -3)


class Sequences(nn.Module):
    """What gives more than the output, with the output alone."""

    def __init__(self):
        super().__init__()
        self.first = nn.MultiheadAttention(4, 2, batch_first=True)
        self.second = nn.GRU(4, 3, batch_first=True)
        self.last = nn.Linear(3, 2)

    def forward(self, x):
        attended, _ = self.first(x, x, x, need_weights=False)
        states, _ = self.second(attended)
        return self.last(states)


# (PyTorch's, ours, the shape of our input, whether it is an image)
NETS = {
    "linear": (
        lambda: nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2, bias=False)),
        lambda: f.serial(f.linear(5), f.relu, f.linear(2, b_init=None)),
        (4, 3),
    ),
    "nested otherwise": (
        lambda: nn.Sequential(nn.Sequential(nn.Linear(3, 5), nn.Tanh()), nn.Linear(5, 2)),
        lambda: f.serial(f.linear(5), f.serial(f.tanh, f.named("head", f.linear(2)))),
        (4, 3),
    ),
    "convolutions": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 5, 3), nn.PReLU(), nn.Conv2d(5, 4, (2, 3), padding=1),
            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 3 * 2, 6), nn.ReLU(), nn.Linear(6, 3),
        ),
        lambda: f.serial(
            f.conv2d(5, 3), f.prelu(), f.conv2d(4, (2, 3), padding=1),
            f.max_pool2d(2), f.flatten(), f.linear(6), f.relu, f.linear(3),
        ),
        (4, 7, 6, 2),
    ),
    "sequences": (
        Sequences,
        lambda: f.serial(f.attention(2), f.gru(3), f.linear(2)),
        (5, 6, 4),
    ),
    "transposed": (
        lambda: nn.Sequential(nn.ConvTranspose2d(2, 3, 3, stride=2), nn.Conv2d(3, 4, 2, groups=1)),
        lambda: f.serial(f.conv_transpose2d(3, 3, stride=2), f.conv2d(4, 2)),
        (4, 3, 4, 2),
    ),
    "transposed in groups": (
        lambda: nn.Sequential(
            nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2, dilation=2), nn.Flatten(), nn.Linear(6 * 9 * 11, 2)
        ),
        lambda: f.serial(f.conv_transpose2d(6, 3, stride=2, groups=2, dilation=2), f.flatten(), f.linear(2)),
        (4, 3, 4, 4),
    ),
    "borders": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"), nn.ReplicationPad2d(1),
            nn.Conv2d(3, 2, 2, padding="same", padding_mode="circular"), nn.Upsample(scale_factor=2),
            nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(18, 2),
        ),
        lambda: f.serial(
            f.conv2d(3, 3, padding=1, padding_mode="reflect"), f.pad2d(1, mode="replicate"),
            f.conv2d(2, 2, padding="same", padding_mode="circular"), f.upsample2d(2),
            f.adaptive_avg_pool2d(3), f.flatten(), f.linear(2),
        ),
        (5, 4, 3, 2),
    ),
    "grouped": (
        lambda: nn.Sequential(nn.Conv2d(4, 6, 3, groups=2), nn.Tanh(), nn.Flatten(), nn.Linear(24, 2)),
        lambda: f.serial(f.conv2d(6, 3, groups=2), f.tanh, f.flatten(), f.linear(2)),
        (4, 4, 4, 4),
    ),
    "norms": (
        lambda: nn.Sequential(nn.Linear(3, 6), nn.LayerNorm(6), nn.BatchNorm1d(6), nn.RMSNorm(6, eps=1e-6)),
        lambda: f.serial(f.linear(6), f.layer_norm(), f.batch_norm(), f.rms_norm()),
        (4, 3),
    ),
    "norms of sequences": (
        lambda: nn.Sequential(nn.LayerNorm((6, 4)), nn.Linear(4, 3), nn.RMSNorm((6, 3), eps=1e-6)),
        lambda: f.serial(f.layer_norm(2), f.linear(3), f.rms_norm(2)),
        (5, 6, 4),
    ),
    "norms of images": (
        lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.GroupNorm(2, 4), nn.BatchNorm2d(4), nn.LayerNorm((4, 3, 2))),
        lambda: f.serial(f.conv2d(4, 3), f.group_norm(2), f.batch_norm(), f.layer_norm(3)),
        (4, 5, 4, 2),
    ),
}  # fmt: skip


@pytest.fixture(params=NETS)
def net(request):
    theirs, ours, shape = NETS[request.param]
    module = theirs().double().eval()
    with torch.no_grad():
        for tensor in [*module.parameters(), *module.buffers()]:
            if tensor.is_floating_point():
                tensor.uniform_(0.1, 1, generator=seeded())
    layer = ours()
    like, _ = layer.init(seeded(), shape)
    return module, layer, like, torch.rand(shape, dtype=torch.float64, generator=seeded())


def test_values_and_gradients_agree(net):
    module, layer, like, x = net
    params = f.from_torch(module, like)
    y, vjp = layer(params, x)
    image = x.ndim == 4
    with torch.enable_grad():
        live = (channels_first(x) if image else x).clone().requires_grad_()
        expected = module(live)
        torch.testing.assert_close(channels_first(y) if y.ndim == 4 else y, expected.detach())
        dy = torch.rand(y.shape, dtype=y.dtype, generator=seeded())
        expected.backward(channels_first(dy) if y.ndim == 4 else dy)
    dparams, dx = vjp(dy)
    torch.testing.assert_close(channels_first(dx) if image else dx, live.grad)
    # The gradients, put where the parameters are, are the module's own.
    grads = [p.grad.clone() for p in module.parameters()]
    f.to_torch(dparams, module)
    for p, grad in zip(module.parameters(), grads):
        torch.testing.assert_close(p.detach(), grad)


def test_there_and_back_is_the_same(net):
    module, _, like, _ = net
    before = {name: value.clone() for name, value in module.state_dict().items()}
    params = f.from_torch(module, like)
    assert tree.paths(params) == tree.paths(like)
    assert all(p.is_contiguous() and not p.requires_grad for p in tree.leaves(params))
    for tensor in module.parameters():
        tensor.detach().zero_()
    f.to_torch(params, module)
    after = module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_copies_share_no_memory():
    module = nn.Linear(2, 3)
    params = f.from_torch(module, f.linear(3).init(seeded(), (2,))[0])
    params.w.zero_()
    assert module.weight.detach().all()


def init(layer, *shape):
    return layer.init(seeded(), shape)[0]


@pytest.mark.parametrize(
    ("module", "like", "error", "text"),
    [
        (nn.Sequential(nn.Linear(2, 3)), init(f.serial(f.linear(4)), 2), f.ShapeError,
         "expected 0.weight, here [0].w, to be of shape (2, 4) in our order of axes, got (2, 3)"),
        (nn.Sequential(nn.Linear(2, 3, bias=False), nn.Linear(3, 3)), init(f.serial(f.linear(3), f.linear(3)), 2), f.TreeError,
         "expected a tensor that fits [0].b, got 1.weight"),
        (nn.Sequential(nn.Linear(2, 3)), init(f.serial(f.linear(3), f.linear(3)), 2), f.TreeError,
         "expected as many tensors on both sides, got 0.weight, 0.bias beside [0].w, [0].b, [1].w, [1].b"),
        (nn.Sequential(nn.Bilinear(2, 3, 4)), (), f.KindError, "expected parameters of Linear, "),
        (nn.LayerNorm(3), init(f.linear(3), 3), f.TreeError, "expected a tensor that fits .w, got weight"),
        (3, (), f.KindError, "expected a torch.nn.Module, got int"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_on_both_sides(module, like, error, text):
    with pytest.raises(error, match="^from_torch: " + re.escape(text)):
        f.from_torch(module, like)
    with pytest.raises(error, match="^to_torch: " + re.escape(text)):
        f.to_torch(like, module)


def test_what_would_be_left_out_is_refused():
    deep = nn.Sequential(nn.GRU(2, 3, num_layers=2))
    with pytest.raises(f.TreeError, match=r"^from_torch: expected as many .*0\.weight_ih_l1"):
        f.from_torch(deep, init(f.gru(3), 4, 2))


@pytest.mark.parametrize("name", ["GRU", "LSTM", "RNN"])
def test_recurrent_modules_of_several_units(name):
    theirs = getattr(nn, name)(2, 3, num_layers=2, bidirectional=True, batch_first=True)
    layer = getattr(f, name.lower())(3, layers=2, bidirectional=True)
    params, x = f.from_torch(theirs, init(layer, 4, 2)), torch.rand(5, 4, 2)
    torch.testing.assert_close(layer(params, x)[0], theirs(x)[0].detach())
    other = getattr(nn, name)(2, 3, num_layers=2, bidirectional=True, batch_first=True)
    f.to_torch(params, other)
    assert torch.equal(other(x)[0], theirs(x)[0])


def test_nothing_is_written_where_something_does_not_fit():
    module = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4))
    before = module[0].weight.detach().clone()
    with pytest.raises(f.ShapeError):
        f.to_torch(init(f.serial(f.linear(3), f.linear(5)), 2), module)
    assert torch.equal(module[0].weight, before)


def test_tables_and_cells():
    table, cell = nn.Embedding(5, 3), nn.GRUCell(3, 4)
    mine = f.from_torch(table, init(f.embedding(5, 3)))
    x = torch.tensor([[4, 0]])
    torch.testing.assert_close(f.embedding(5, 3)(mine, x)[0], table(x).detach())
    params = f.from_torch(cell, init(f.gru_cell(4), (4,), (3,)))
    h, x = torch.rand(2, 4), torch.rand(2, 3)
    torch.testing.assert_close(f.gru_cell(4)(params, (h, x))[0], cell(x, h).detach())


def test_a_transposed_convolution_of_sequences_is_copied():
    theirs, other = (nn.ConvTranspose1d(4, 6, 3, stride=2, groups=2) for _ in range(2))
    layer = f.conv_transpose1d(6, 3, stride=2, groups=2)
    params = f.from_torch(theirs, layer.init(seeded(), (5, 4))[0])
    x = torch.empty(2, 5, 4).normal_(generator=seeded())
    assert torch.allclose(layer(params, x)[0], theirs(x.mT).mT, atol=1e-6)
    f.to_torch(params, other)
    assert all(map(torch.equal, other.state_dict().values(), theirs.state_dict().values()))
