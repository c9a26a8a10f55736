"""Who is fed by a flattened image: random networks on both sides agree, or there is one sentence."""

import random
import re

import pytest
import torch
from helpers import seeded
from torch import nn

import funcdl as f
from funcdl import tree

ACTIVATIONS = [
    (nn.ReLU, lambda: f.relu),
    (nn.Tanh, lambda: f.tanh),
    (nn.Dropout, lambda: f.dropout(0.5)),
]


class Draft:
    """A random network, built on both sides at once."""

    def __init__(self, seed):
        self.pick = random.Random(seed)
        self.theirs, self.ours = [], []

    def add(self, module, *layers):
        self.theirs.append(module)
        self.ours += layers

    def activate(self):
        theirs, ours = self.pick.choice(ACTIVATIONS)
        self.add(theirs(), ours())

    def image(self):
        c, (h, w) = self.pick.randint(1, 4), (self.pick.randint(5, 8), self.pick.randint(5, 8))
        self.in_shape = (h, w, c)
        for _ in range(self.pick.randint(1, 3)):
            kind = self.pick.choice(
                ["conv", "conv", "grouped", "transposed", "pool", "norm", "linear"]
            )
            if kind == "conv":
                out = self.pick.randint(1, 5)
                self.add(nn.Conv2d(c, out, 3, padding=1), f.conv2d(out, 3, padding=1))
                c = out
            elif kind == "grouped":
                times = self.pick.randint(1, 2)
                self.add(nn.Conv2d(c, c * times, 2, groups=c), f.conv2d(c * times, 2, groups=c))
                c, h, w = c * times, h - 1, w - 1
            elif kind == "transposed":
                out = self.pick.randint(1, 3)
                self.add(
                    nn.ConvTranspose2d(c, out, 2, bias=False),
                    f.conv_transpose2d(out, 2, b_init=None),
                )
                c, h, w = out, h + 1, w + 1
            elif kind == "pool" and min(h, w) > 3:
                self.add(nn.MaxPool2d(2), f.max_pool2d(2))
                h, w = h // 2, w // 2
            elif kind == "norm":
                theirs, ours = self.pick.choice(
                    [
                        (nn.BatchNorm2d(c), f.batch_norm()),
                        (nn.GroupNorm(c, c), f.group_norm(c)),
                        (nn.PReLU(c), f.prelu(per_feature=c > 1)),
                    ]
                )
                self.add(theirs, ours)
            elif kind == "linear" and len(self.theirs):
                self.add(nn.Linear(w, 4), f.transpose(), f.linear(4), f.transpose())
                w = 4
            self.activate()
        if not any(isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)) for m in self.theirs):
            self.theirs.insert(0, nn.Conv2d(self.in_shape[-1], self.in_shape[-1], 1))
            self.ours.insert(0, f.conv2d(self.in_shape[-1], 1))
        if self.pick.random() < 0.3:
            self.add(nn.LayerNorm((c, h, w)), f.layer_norm(3))
        if self.pick.random() < 0.3:
            self.add(nn.AdaptiveAvgPool2d(1), f.global_avg_pool2d)
            self.add(nn.Flatten())
            return c
        self.add(nn.Flatten(self.pick.choice([1, -3])), f.flatten())
        return h * w * c

    def sequence(self):
        c, length = self.pick.randint(1, 4), self.pick.randint(5, 8)
        self.in_shape = (length, c)
        for _ in range(self.pick.randint(1, 2)):
            out = self.pick.randint(1, 4)
            self.add(nn.Conv1d(c, out, 2), f.conv1d(out, 2))
            c, length = out, length - 1
            if self.pick.random() < 0.4:
                self.add(nn.BatchNorm1d(c), f.batch_norm())
            if self.pick.random() < 0.4:
                self.add(nn.LayerNorm((c, length)), f.layer_norm(2))
            self.activate()
        if self.pick.random() < 0.3:
            self.add(nn.Linear(length, 3), f.transpose(), f.linear(3), f.transpose())
            length = 3
        self.add(nn.Flatten(), f.flatten(2))
        return length * c

    def features(self, n):
        for _ in range(self.pick.randint(1, 3)):
            norm = self.pick.choice(
                [
                    (nn.BatchNorm1d(n), f.batch_norm()),
                    (nn.LayerNorm(n), f.layer_norm()),
                    (nn.RMSNorm(n, eps=1e-6), f.rms_norm()),
                    (nn.PReLU(n), f.prelu(per_feature=n > 1)),
                    (nn.GroupNorm(1, n), f.group_norm(1, 1)),
                    None,
                ]
            )
            if norm:
                self.add(*norm)
            self.activate()
            out = self.pick.randint(1, 9)
            self.add(nn.Linear(n, out), f.linear(out))
            n = out

    def nested(self):
        """Put what stands side by side into a Sequential of its own, here and there."""
        modules = list(self.theirs)
        for _ in range(self.pick.randint(0, 2)):
            a = self.pick.randrange(len(modules))
            b = self.pick.randrange(a, len(modules))
            modules[a : b + 1] = [nn.Sequential(*modules[a : b + 1])]
        return nn.Sequential(*modules)


def build(seed):
    draft = Draft(seed)
    n = draft.image() if seed % 3 else draft.sequence()
    draft.features(n)
    module = draft.nested().double().eval()
    with torch.no_grad():
        for tensor in [*module.parameters(), *module.buffers()]:
            if tensor.is_floating_point():
                tensor.uniform_(0.2, 1, generator=seeded(seed))
    net = f.serial(*draft.ours)
    like = tree.map(torch.Tensor.double, net.init(seeded(), draft.in_shape)[0])
    x = torch.rand((3, *draft.in_shape), dtype=torch.float64, generator=seeded(seed))
    return module, net, like, x


def outputs(module, x):
    return module(x.movedim(-1, 1)).detach()


@pytest.mark.parametrize("seed", range(60))
def test_random_networks_agree(seed):
    module, net, like, x = build(seed)
    expected = outputs(module, x)
    params = f.from_torch(module, like)
    torch.testing.assert_close(net(params, x)[0], expected)
    state = {name: value.clone() for name, value in module.state_dict().items()}
    with torch.no_grad():
        for tensor in [*module.parameters(), *module.buffers()]:
            tensor.zero_()
    f.to_torch(params, module)
    after = module.state_dict()
    assert all(torch.equal(after[name], state[name]) for name in state if "batches" not in name)


@pytest.mark.parametrize("seed", range(30))
def test_lists_of_the_same_modules_agree_or_are_refused(seed):
    """Where nothing between the modules is seen, and in a user's own forward."""
    module, net, like, x = build(seed)
    expected = outputs(module, x)

    class Own(nn.Module):
        def __init__(self, parts):
            super().__init__()
            self.parts = nn.ModuleList(parts)

        def forward(self, x):
            for part in self.parts:
                x = part(x)
            return x

    class Flat(nn.Module):
        def forward(self, x):
            return x.flatten(1)

    flat = [m for m in module.modules() if not isinstance(m, nn.Sequential)]
    hidden = [Flat() if isinstance(m, nn.Flatten) else m for m in flat]
    for other in (Own(flat), Own(hidden), nn.Sequential(*hidden), nn.ModuleList(hidden)):
        try:
            params = f.from_torch(other, like)
        except f.KindError as error:
            assert "flattened=" in str(error)  # noqa: PT017 - either is right
        else:
            torch.testing.assert_close(net(params, x)[0], expected)
        at = next(i for i, m in enumerate(flat) if isinstance(m, nn.Flatten))
        image = next(
            m
            for m in reversed(flat[:at])
            if isinstance(m, (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d))
        )
        single = any(isinstance(m, nn.AdaptiveAvgPool2d) for m in flat)
        names = {id(m): name for name, m in other.named_modules()}
        fed, after = {}, flat[at:]
        for m in after:
            counts = [
                getattr(m, a)
                for a in ("in_features", "num_features", "num_channels")
                if hasattr(m, a)
            ]
            if counts or isinstance(m, (nn.LayerNorm, nn.RMSNorm, nn.PReLU)):
                fed[names[id(m)]] = 1 if single else image.out_channels
            if isinstance(m, nn.Linear):
                break
        for m in flat[:at]:
            if isinstance(m, nn.LayerNorm):
                fed[names[id(m)]] = m.normalized_shape[0]
        params = f.from_torch(other, like, flattened=fed)
        torch.testing.assert_close(net(params, x)[0], expected)


def init(layer, *shape):
    return layer.init(seeded(), shape)[0]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc1 = nn.Linear(16, 3)
        self.fc2 = nn.Linear(3, 2)

    def forward(self, x):
        return self.fc2(self.fc1(self.conv(x).relu().flatten(1)).relu())


def test_what_cannot_be_known_is_asked_for():
    module = Net()
    net = f.serial(f.conv2d(4, 3), f.relu, f.flatten(), f.linear(3), f.relu, f.linear(2))
    like, x = init(net, 4, 4, 1), torch.rand(5, 4, 4, 1, generator=seeded())
    text = (
        "expected to know whether a flattened image feeds fc1, a Linear of 16 inputs: pass "
        "flattened={'fc1': its channels}, or flattened={} if none does"
    )
    with pytest.raises(f.KindError, match=f"^from_torch: {re.escape(text)}$"):
        f.from_torch(module, like)
    with pytest.raises(f.KindError, match=f"^to_torch: {re.escape(text)}$"):
        f.to_torch(like, module)
    params = f.from_torch(module, like, flattened={"fc1": 4})
    torch.testing.assert_close(net(params, x)[0], outputs(module, x))
    other = Net()
    f.to_torch(params, other, flattened={"fc1": 4})
    assert torch.equal(other.fc1.weight, module.fc1.weight)
    plain = f.from_torch(module, like, flattened={})
    assert torch.equal(plain[3].w, module.fc1.weight.detach().mT)


@pytest.mark.parametrize(
    ("flattened", "error", "text"),
    [
        ({"fc": 4}, f.KindError, "expected flattened to name modules that a flattened image may feed, got 'fc'"),
        ({"conv": 4}, f.KindError, "expected flattened to name modules that"),
        ({"fc1": 5}, f.ShapeError, "expected fc1 to take a flattened image of 5 channels, got one of 16 inputs"),
        ({"fc1": "4"}, f.KindError, "expected flattened['fc1'] to be a number of channels, got '4'"),
        ({"fc1": 0}, f.KindError, "expected flattened['fc1'] to be a number of channels, got 0"),
    ],
)  # fmt: skip
def test_what_is_said_has_to_fit(flattened, error, text):
    net = f.serial(f.conv2d(4, 3), f.relu, f.flatten(), f.linear(3), f.relu, f.linear(2))
    with pytest.raises(error, match="^from_torch: " + re.escape(text)):
        f.from_torch(Net(), init(net, 4, 4, 1), flattened=flattened)


REFUSED = {
    "a Flatten first": (
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(12, 2)),
        lambda: init(f.serial(f.flatten(), f.linear(2)), 2, 2, 3),
        "expected to know whether a flattened image feeds 1, a Linear of 12 inputs",
    ),
    "an Unflatten": (
        lambda: nn.Sequential(nn.Linear(3, 8), nn.Unflatten(1, (2, 2, 2)), nn.Conv2d(2, 1, 1)),
        lambda: init(f.serial(f.linear(8), f.reshape((2, 2, 2)), f.conv2d(1, 1)), 3),
        "expected to know the order in which 1, an Unflatten, is done here: pass flattened={}",
    ),
    "groups of a flattened image": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten(), nn.GroupNorm(2, 8)),
        lambda: init(f.serial(f.conv2d(2, 1), f.flatten(), f.group_norm(2, 1)), 2, 2, 1),
        "expected 2, a GroupNorm, not to be fed by a flattened image",
    ),
    "two directions": (
        lambda: nn.GRU(2, 3, bidirectional=True),
        lambda: init(f.gru(3), 4, 2),
        "expected as many tensors on both sides, got weight_ih_l0,",
    ),
    "a projection": (
        lambda: nn.LSTM(2, 3, proj_size=2),
        lambda: init(f.lstm(3), 4, 2),
        "expected the module, a LSTM, to have proj_size=0, which alone there is here, got 2",
    ),
    "other keys": (
        lambda: nn.MultiheadAttention(4, 2, kdim=3),
        lambda: init(f.attention(2), 5, 4),
        "expected parameters of Linear, Conv1d,",
    ),
    "a normed weight": (
        lambda: nn.utils.parametrizations.weight_norm(nn.Linear(2, 3)),
        lambda: init(f.linear(3), 2),
        "expected parameters of Linear, Conv1d,",
    ),
    "a lazy module": (
        lambda: nn.Sequential(nn.LazyLinear(3)),
        lambda: init(f.serial(f.linear(3)), 2),
        "expected 0.weight to be a tensor, got UninitializedParameter",
    ),
    "no numbers": (
        lambda: nn.Linear(2, 3, device="meta"),
        lambda: init(f.linear(3), 2),
        "expected weight to have numbers, got a tensor on meta",
    ),
    "no numbers here": (
        lambda: nn.Linear(2, 3),
        lambda: tree.map(lambda p: p.to("meta"), init(f.linear(3), 2)),
        "expected .w to have numbers, got a tensor on meta",
    ),
    "two linears for a gru": (
        lambda: nn.Sequential(nn.Linear(3, 12), nn.Linear(4, 12)),
        lambda: init(f.gru(4), 5, 3),
        "expected a tensor that fits .x.w, got 0.weight",
    ),
    "a linear for a table": (
        lambda: nn.Linear(5, 3, bias=False),
        lambda: init(f.embedding(5, 3)),
        "expected a tensor that fits .w, got weight",
    ),
    "a norm for a scale": (
        lambda: nn.RMSNorm(3),
        lambda: init(f.scale(), 3),
        "expected a tensor that fits .scale, got weight",
    ),
    "a norm of a cube": (
        lambda: nn.LayerNorm((3, 3, 3)),
        lambda: init(f.layer_norm(3), 3, 3, 3),
        "expected to know whether weight belongs to an image, with its channels first",
    ),
    "a table that rescales": (
        lambda: nn.Embedding(5, 3, max_norm=1.0),
        lambda: init(f.embedding(5, 3)),
        "expected the module, a Embedding, to have max_norm=None",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_the_same_here_is_refused(name):
    module, like, text = (part() if callable(part) else part for part in REFUSED[name])
    with pytest.raises(f.FuncdlError, match="^from_torch: " + re.escape(text)):
        f.from_torch(module, like)
    with pytest.raises(f.FuncdlError, match="^to_torch: " + re.escape(text)):
        f.to_torch(like, module)


def test_a_forward_of_ones_own_is_refused():
    class Doubled(nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    with pytest.raises(f.KindError, match="expected 0, a Doubled, to have the forward of Linear"):
        f.from_torch(nn.Sequential(Doubled(2, 3)), init(f.serial(f.linear(3)), 2))


def test_a_sequential_with_a_forward_of_its_own_is_not_followed():
    class Backwards(nn.Sequential):
        def forward(self, x):
            return self[1](self[0](x).permute(0, 2, 3, 1).flatten(1))

    module = Backwards(nn.Conv2d(1, 2, 1), nn.Linear(8, 3))
    with pytest.raises(f.KindError, match="pass flattened="):
        f.from_torch(module, init(f.serial(f.conv2d(2, 1), f.flatten(), f.linear(3)), 2, 2, 1))


def test_what_stands_there_twice():
    layer = nn.Linear(3, 3)
    module = nn.Sequential(layer, nn.Tanh(), layer)
    net, x = f.serial(f.linear(3), f.tanh, f.linear(3)), torch.rand(4, 3, generator=seeded())
    params = f.from_torch(module, init(net, 3))
    torch.testing.assert_close(net(params, x)[0], module(x).detach())
    f.to_torch(params, module)
    text = "to_torch: expected [0].w and [2].w to be equal, which both go into 2.weight"
    before = layer.weight.detach().clone()
    with pytest.raises(f.TreeError, match=f"^{re.escape(text)}"):
        f.to_torch(init(net, 3), module)
    assert torch.equal(layer.weight, before)
    once = f.from_torch(module, init(f.linear(3), 3))  # our own way of using it twice
    assert torch.equal(once.w, params[0].w)


def test_tied_weights_have_to_be_equal():
    module = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 5, bias=False))
    module[1].weight = module[0].weight
    net = f.serial(f.embedding(5, 3), f.linear(5, b_init=None))
    params, x = f.from_torch(module, init(net)), torch.tensor([0, 4])
    torch.testing.assert_close(net(params, x)[0], module(x).detach())
    f.to_torch(params, module)
    with pytest.raises(f.TreeError, match=r"expected \[0\]\.w and \[1\]\.w to be equal"):
        f.to_torch(tree.map(torch.rand_like, params), module)


def test_a_gru_without_bias():
    module = nn.GRU(3, 4, bias=False, batch_first=True)
    net, x = f.gru(4, b_init=None), torch.rand(2, 5, 3, generator=seeded())
    params = f.from_torch(module, init(net, 5, 3))
    torch.testing.assert_close(net(params, x)[0], module(x)[0].detach())
    with pytest.raises(f.TreeError):
        f.from_torch(module, init(f.gru(4), 5, 3))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_dtypes_are_the_modules(dtype):
    module = nn.Linear(2, 3).to(dtype)
    like = init(f.linear(3), 2)
    params = f.from_torch(module, like)
    assert params.w.dtype == dtype
    f.to_torch(like, module)
    torch.testing.assert_close(module.weight.detach(), like.w.mT.to(dtype))


def test_an_adaptive_pool_of_several_cells():
    module = nn.Sequential(
        nn.Conv2d(1, 3, 1), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 2)
    )
    net = f.serial(f.conv2d(3, 1), f.avg_pool2d(2), f.flatten(), f.linear(2))
    x = torch.rand(5, 4, 4, 1, generator=seeded())
    params = f.from_torch(module, init(net, 4, 4, 1))
    torch.testing.assert_close(net(params, x)[0], outputs(module, x))


def test_flattened_is_a_dictionary():
    theirs = torch.nn.Linear(2, 1)
    params, _ = f.linear(1).init(torch.Generator(), (2,))
    with pytest.raises(f.KindError, match=r"expected flattened to be a dictionary .*, got list"):
        f.from_torch(theirs, params, flattened=["0"])


@pytest.mark.parametrize("place", ["", "0", "1", "2.0"])
@pytest.mark.parametrize("register", ["register_forward_hook", "register_forward_pre_hook"])
def test_a_module_with_a_hook_is_refused_wherever_it_stands(place, register):
    theirs = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Sequential(nn.Linear(3, 2)))
    net = f.serial(f.linear(3), f.relu, f.linear(2))
    params, _ = net.init(torch.Generator().manual_seed(0), (4,))
    handle = getattr(theirs.get_submodule(place), register)(lambda *_: None)
    name = place or "the module"
    for copy in (lambda: f.from_torch(theirs, params), lambda: f.to_torch(params, theirs)):
        with pytest.raises(f.KindError, match=f"expected {name}, a .* without forward hooks"):
            copy()
    handle.remove()
    theirs.get_submodule(place).register_full_backward_hook(lambda *_: None)
    assert torch.equal(f.from_torch(theirs, params)[0].w, theirs[0].weight.mT)


def test_a_module_whose_forward_was_replaced_is_refused():
    theirs = nn.Sequential(nn.Linear(4, 3))
    params, _ = f.linear(3).init(torch.Generator().manual_seed(0), (4,))
    theirs[0].forward = torch.relu
    with pytest.raises(f.KindError, match="expected 0, a Linear, with the forward of its class"):
        f.from_torch(theirs, params)
