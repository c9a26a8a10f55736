"""The tensors of modules by PyTorch's names: dictionaries and files that either side reads."""

import pickle
import re
from collections import OrderedDict

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import funcdl as f


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


class Own(f.Module):
    """A module of a user's own, with a tensor of its own and modules in attributes and lists."""

    def __init__(self):
        self.scale, self.grad = torch.ones(3), torch.zeros(3)
        self.first, self.layers = f.Linear(2, 3, rng=rng()), [f.Linear(3, 3, rng=rng(1)), f.ReLU()]

    def forward(self, *input):
        self.x = self.layers[0].forward(self.first.forward(input[0]))
        return self.layers[1].forward(self.x * self.scale)

    def backward(self, *gradwrtoutput):
        d = self.layers[1].backward(gradwrtoutput[0])
        self.grad += (d * self.x).sum(0)
        return self.first.backward(self.layers[0].backward(d * self.scale))

    def param(self):
        return [(self.scale, self.grad), *self.first.param(), *self.layers[0].param()]


class Theirs(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))
        self.first = nn.Linear(2, 3)
        self.layers = nn.ModuleList([nn.Linear(3, 3), nn.ReLU()])


# (ours, PyTorch's)
PAIRS = {
    "Linear": (lambda: f.Linear(3, 2), lambda: nn.Linear(3, 2)),
    "no bias": (lambda: f.Linear(3, 2, bias=False), lambda: nn.Linear(3, 2, bias=False)),
    "Conv1d": (lambda: f.Conv1d(4, 6, 3, groups=2), lambda: nn.Conv1d(4, 6, 3, groups=2)),
    "Conv2d": (lambda: f.Conv2d(2, 5, (3, 4)), lambda: nn.Conv2d(2, 5, (3, 4))),
    "ConvTranspose1d": (lambda: f.ConvTranspose1d(4, 6, 3, groups=2), lambda: nn.ConvTranspose1d(4, 6, 3, groups=2)),
    "ConvTranspose2d": (lambda: f.ConvTranspose2d(2, 5, (3, 4)), lambda: nn.ConvTranspose2d(2, 5, (3, 4))),
    "Embedding": (lambda: f.Embedding(5, 3), lambda: nn.Embedding(5, 3)),
    "GRUCell": (lambda: f.GRUCell(2, 3), lambda: nn.GRUCell(2, 3)),
    "GRU": (lambda: f.GRU(2, 3), lambda: nn.GRU(2, 3)),
    "GRU(2)": (lambda: f.GRU(2, 3, 2), lambda: nn.GRU(2, 3, 2)),
    "LSTM": (lambda: f.LSTM(2, 3, 2, bidirectional=True), lambda: nn.LSTM(2, 3, 2, bidirectional=True)),
    "LSTMCell": (lambda: f.LSTMCell(2, 3), lambda: nn.LSTMCell(2, 3)),
    "RNN": (lambda: f.RNN(2, 3, bias=False), lambda: nn.RNN(2, 3, bias=False)),
    "RNNCell": (lambda: f.RNNCell(2, 3), lambda: nn.RNNCell(2, 3)),
    "MultiheadAttention": (lambda: f.MultiheadAttention(4, 2), lambda: nn.MultiheadAttention(4, 2)),
    "PReLU": (lambda: f.PReLU(), lambda: nn.PReLU()),
    "PReLU(3)": (lambda: f.PReLU(3), lambda: nn.PReLU(3)),
    "LayerNorm": (lambda: f.LayerNorm((3, 2)), lambda: nn.LayerNorm((3, 2))),
    "GroupNorm": (lambda: f.GroupNorm(2, 4), lambda: nn.GroupNorm(2, 4)),
    "RMSNorm": (lambda: f.RMSNorm(4), lambda: nn.RMSNorm(4)),
    "BatchNorm1d": (lambda: f.BatchNorm1d(3), lambda: nn.BatchNorm1d(3)),
    "BatchNorm2d": (lambda: f.BatchNorm2d(3), lambda: nn.BatchNorm2d(3)),
    "Sequential": (
        lambda: f.Sequential(f.Linear(2, 3), f.ReLU(), f.Sequential(f.Linear(3, 3), f.BatchNorm1d(3))),
        lambda: nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))),
    ),
    "named": (
        lambda: f.Sequential(OrderedDict(first=f.Linear(2, 3), act=f.ReLU(), last=f.Linear(3, 1))),
        lambda: nn.Sequential(OrderedDict(first=nn.Linear(2, 3), act=nn.ReLU(), last=nn.Linear(3, 1))),
    ),
    "own": (Own, Theirs),
}  # fmt: skip


@pytest.fixture(params=PAIRS)
def both(request):
    ours, theirs = (make() for make in PAIRS[request.param])
    for tensor in theirs.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.1, 1, generator=rng(3))
    return ours, theirs


def counted(state):
    """Leave out how many batches were counted: it may be missing in a dictionary."""
    return {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}


def test_keys_and_shapes_are_pytorchs(both):
    ours, theirs = both
    mine, other = counted(ours.state_dict()), counted(theirs.state_dict())
    assert list(mine) == list(other)
    assert [v.shape for v in mine.values()] == [v.shape for v in other.values()]
    named, names = dict(ours.named_parameters()), dict(theirs.named_parameters())
    assert list(named) == list(names)
    assert [p.shape for p in ours.parameters()] == [p.shape for p in theirs.parameters()]
    assert len(named) == len(ours.param())


@pytest.mark.parametrize("form", ["torch", "safetensors"])
def test_a_file_of_either_loads_in_the_other(both, form, tmp_path):
    ours, theirs = both
    path = tmp_path / "parameters"
    save, load = (save_file, load_file) if form == "safetensors" else (torch.save, torch.load)
    save(dict(theirs.state_dict()), path)
    assert ours.load_state_dict(load(path)) == ([], [])
    for key, value in counted(theirs.state_dict()).items():
        assert torch.equal(ours.state_dict()[key], value)
    for tensor in theirs.state_dict().values():
        tensor.zero_()
    save(ours.state_dict(), path)
    theirs.load_state_dict(load(path))
    for key, value in counted(theirs.state_dict()).items():
        assert torch.equal(ours.state_dict()[key], value), key
        assert value.any()


def test_what_is_written_into_a_parameter_is_written_into_the_module(both):
    ours, _ = both
    for i, (p, (_, own)) in enumerate(zip(ours.parameters(), ours.named_parameters())):
        assert p is own
        p.fill_(i + 1.0)
        p.grad.fill_(i + 2.0)
    sums = sorted(p.sum().item() for p, _ in ours.param())
    assert sums == sorted((i + 1.0) * p.numel() for i, p in enumerate(ours.parameters()))
    grads = sorted(g.sum().item() for _, g in ours.param())
    assert grads == sorted((i + 2.0) * p.numel() for i, p in enumerate(ours.parameters()))


def test_a_loaded_network_computes_what_pytorchs_does():
    theirs = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    ours = f.Sequential(f.Linear(2, 3), f.Tanh(), f.Linear(3, 1))
    ours.load_state_dict(theirs.state_dict())
    x = torch.rand(5, 2)
    torch.testing.assert_close(ours(x), theirs(x).detach())
    with torch.enable_grad():
        theirs(x).sum().backward()
    ours.backward(torch.ones(5, 1))
    for mine, other in zip(ours.parameters(), theirs.parameters()):
        torch.testing.assert_close(mine.grad, other.grad)


def test_weight_and_bias_are_views_in_pytorchs_layout():
    linear = f.Linear(2, 3, rng=rng())
    assert linear.weight.shape == (3, 2)
    nn.init.constant_(linear.weight, 2.0)
    linear.bias.zero_()
    assert torch.equal(linear(torch.ones(1, 2)), torch.full((1, 3), 4.0))
    linear.backward(torch.ones(1, 3))
    assert torch.equal(linear.weight.grad, torch.ones(3, 2))
    assert f.Linear(2, 3, bias=False).bias is None
    assert f.BatchNorm1d(3).running_var.tolist() == [1.0] * 3
    assert f.GRU(2, 3).weight_ih_l0.shape == (9, 2)
    with pytest.raises(f.KindError, match=r"^Linear: expected weight to be written to in place"):
        linear.weight = torch.ones(3, 2)
    with pytest.raises(AttributeError, match=r"^ReLU has no weight"):
        _ = f.ReLU().weight
    assert not hasattr(f.ReLU(), "weight")


class Weighted(f.Module):
    """A module of a user's own that has a weight by that name."""

    def __init__(self):
        self.weight, self.grad = torch.ones(3), torch.zeros(3)

    def forward(self, *input):
        return input[0] * self.weight

    def backward(self, *gradwrtoutput):
        return gradwrtoutput[0] * self.weight

    def param(self):
        return [(self.weight, self.grad)]


def test_a_users_own_attributes_stay_its_own():
    own = Weighted()
    own.weight = own.weight + 1
    assert own.weight.tolist() == [2.0] * 3
    assert list(own.state_dict()) == ["weight"]
    twin = pickle.loads(pickle.dumps(own))
    assert torch.equal(twin.weight, own.weight)
    del own.grad
    assert torch.equal(own.forward(torch.ones(3)), own.weight)


def test_a_users_own_module_trains_evaluates_and_lists_what_is_in_it():
    own = Own()
    assert [name for name, _ in own.named_children()] == ["first", "layers.0", "layers.1"]
    assert len(list(own.modules())) == 4
    assert not own.eval().layers[0].training
    seen = []
    assert own.apply(seen.append) is own
    assert seen[-1] is own
    net = f.Sequential(own, f.Linear(3, 1, rng=rng(2)))
    x = torch.rand(5, 2, generator=rng(4))
    before = {k: v.clone() for k, v in net.state_dict().items()}
    net.forward(x)
    net.backward(torch.ones(5, 1))
    f.SGD(net, lr=0.1).step()
    assert all(
        not torch.equal(v, before[k]) for k, v in net.state_dict().items() if "bias" not in k
    )
    assert list(before)[:3] == ["0.scale", "0.first.weight", "0.first.bias"]


class Parts(f.Module):
    """One without param: its parameters are those of what is in it."""

    def __init__(self):
        self.one, self.two = f.Linear(2, 3), f.Linear(3, 1)

    def forward(self, *input):
        return self.two.forward(self.one.forward(input[0]))

    def backward(self, *gradwrtoutput):
        return self.one.backward(self.two.backward(gradwrtoutput[0]))


def test_without_param_a_modules_parameters_are_those_in_it():
    parts = Parts()
    assert [p.shape for p, _ in parts.param()] == [(2, 3), (3,), (3, 1), (1,)]
    assert list(parts.state_dict()) == ["one.weight", "one.bias", "two.weight", "two.bias"]
    first = parts.one.weight.clone()
    parts.reset_parameters()
    assert not torch.equal(parts.one.weight, first)
    assert (parts.one.weight == parts.one.params.w.T).all()


def test_a_module_that_stands_twice_has_its_parameters_once():
    lin = f.Linear(3, 3)
    net = f.Sequential(lin, f.ReLU(), lin)
    assert len(net.param()) == len(list(net.parameters())) == 2
    theirs = nn.Linear(3, 3)
    assert list(net.state_dict()) == list(nn.Sequential(theirs, nn.ReLU(), theirs).state_dict())


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda s: s.pop("0.bias"), f.TreeError, "got none of ['0.bias'] and also []"),
        (lambda s: s.update({"5.weight": torch.ones(1)}), f.TreeError, "got none of [] and also ['5.weight']"),
        (lambda s: s.update({"0.weight": torch.ones(2, 3)}), f.ShapeError, "expected 0.weight of shape (3, 2), got (2, 3)"),
        (lambda s: s.update({"0.weight": 3}), f.KindError, "expected a tensor at 0.weight, got 3"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_and_nothing_is_written(change, error, words):
    net = f.Sequential(f.Linear(2, 3), f.Linear(3, 1))
    before = net.state_dict()
    state = {key: torch.zeros_like(value) for key, value in before.items()}
    change(state)
    with pytest.raises(error, match=r"^Sequential: .*" + re.escape(words)):
        net.load_state_dict(state)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    with pytest.raises(
        f.KindError, match=r"^Sequential: expected a dictionary of tensors, got 'file'"
    ):
        net.load_state_dict("file")


def test_not_strict_it_takes_what_there_is():
    net = f.Sequential(f.Linear(2, 3), f.Linear(3, 1))
    keys = net.load_state_dict({"0.bias": torch.ones(3), "other": torch.ones(1)}, strict=False)
    assert keys.missing_keys == ["0.weight", "1.weight", "1.bias"]
    assert keys.unexpected_keys == ["other"]
    assert net[0].bias.tolist() == [1.0] * 3


def test_a_sequential_is_a_sequence():
    parts = [f.Linear(2, 3), f.ReLU(), f.Linear(3, 1)]
    for net in (f.Sequential(*parts), f.Sequential(parts), f.Sequential(tuple(parts))):
        assert len(net) == 3
        assert list(net) == parts
        assert net[0] is parts[0]
        assert net[-1] is parts[2]
        assert list(net[1:]) == parts[1:]
        assert repr(net[:2]) == "Sequential(Linear(2, 3), ReLU())"
        assert len(net[3:]) == 0
    net = f.Sequential(f.Sequential(parts[0]), parts[1]).append(parts[2])
    assert net.forward(torch.ones(4, 2)).shape == (4, 1)
    assert len(net[1:].append(f.ReLU())) == 3
    net[2] = f.Linear(3, 5)
    assert net.forward(torch.ones(4, 2)).shape == (4, 5)
    named = f.Sequential({"fc": parts[0], "act": parts[1]})
    assert repr(named) == "Sequential(fc=Linear(2, 3), act=ReLU())"
    assert list(named[1:].named_children()) == [("act", parts[1])]
    with pytest.raises(f.InputError, match=r"expected a place among 3 modules, got 3"):
        _ = net[3]
    with pytest.raises(f.KindError, match=r"expected a place to be an integer, got 'fc'"):
        _ = named["fc"]
    with pytest.raises(f.KindError, match=r"Sequential\[1\]: expected a module with forward"):
        f.Sequential([parts[0], torch.relu])
    empty = f.Sequential()
    x = torch.ones(2)
    assert torch.equal(empty.forward(x), x)
    assert torch.equal(empty.backward(x), x)
