"""The adapter, as the interface asks for it, and against the functional path."""

import re
import tomllib
from pathlib import Path

import pytest
import torch
import typed
from users import Halve

import funcdl as f
from funcdl import cases, initialisers, module, tree
from funcdl.initialisers import TORCH_GENERATOR

ROOT = Path(__file__).parent.parent.parent


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


class Shift:
    """A stranger: a module that knows nothing of the library, with what `Sequential` asks for."""

    def __init__(self):
        self.pair = torch.zeros(3), torch.zeros(3)

    def forward(self, x):
        return x + self.pair[0]

    def backward(self, dy):
        self.pair[1].add_(dy.sum(0))
        return dy

    def param(self):
        return [self.pair]


class Split(f.Module):
    """One tensor in, two out."""

    def __init__(self):
        pass

    def forward(self, *input):
        return input[0], input[0] * 2

    def backward(self, *gradwrtoutput):
        return gradwrtoutput[0] + 2 * gradwrtoutput[1]


class Add(f.Module):
    """Two tensors in, one out."""

    def __init__(self):
        pass

    def forward(self, *input):
        return input[0] + input[1]

    def backward(self, *gradwrtoutput):
        return gradwrtoutput[0], gradwrtoutput[0]


def test_it_trains_bit_for_bit_as_the_functional_path():
    x, t = torch.rand(20, 2, generator=rng(1)), torch.rand(20, 2, generator=rng(2))
    g = rng()
    start = {"rng": g, "w_init": initialisers.fan_in_uniform, "b_init": initialisers.zeros}
    module = f.Sequential(
        *(f.Linear(2, 25, **start), f.ReLU(), f.Linear(25, 25, **start), f.Tanh()),
        f.Linear(25, 2, **start),
    )
    loss = f.LossMSE()
    descend = f.SGD(module.param(), lr=0.1, momentum=0.9)
    net = f.serial(f.linear(25), f.relu, f.linear(25), f.tanh, f.linear(2))
    params, _ = net.init(rng(), (2,))
    optimiser = f.sgd(0.1, momentum=0.9)
    state = optimiser.init(params)
    step = f.training_step(f.supervised(net, f.mse()), optimiser)
    for _ in range(20):
        descend.zero_grad()
        mine = loss.forward(module.forward(x), t)
        module.backward(loss.backward())
        descend.step()
        params, state, theirs = step(params, state, (x, t))
        assert torch.equal(mine, theirs)
    for (p, _), q in zip(module.param(), tree.leaves(params)):
        assert torch.equal(p, q)


def test_gradients_accumulate_until_they_are_zeroed():
    module = f.Linear(3, 2, rng=rng())
    x = torch.ones(4, 3)
    assert [(p.shape, p.shape == g.shape) for p, g in module.param()] == [
        ((3, 2), True),
        ((2,), True),
    ]
    module.forward(x)
    module.backward(torch.ones(4, 2))
    once = [g.clone() for _, g in module.param()]
    module.backward(torch.ones(4, 2))
    for g, (_, twice) in zip(once, module.param()):
        assert g.any()
        assert torch.equal(2 * g, twice)
    module.zero_grad()
    assert not any(g.any() for _, g in module.param())


def test_a_users_own_module_works_in_a_sequential():
    net = f.Sequential(f.Linear(2, 3, rng=rng()), Halve(), f.Sequential(Split(), Add()), f.ReLU())
    x = torch.rand(5, 2, generator=rng(1))
    y = net.forward(x)
    dx = net.backward(torch.ones(5, 3))
    assert len(net.param()) == 3
    with torch.enable_grad():
        w, b = (p.clone().requires_grad_() for p, _ in net[0].param())
        s, live = torch.tensor([0.5], requires_grad=True), x.clone().requires_grad_()
        expected = ((live @ w + b) * s * 3).relu()
        grads = torch.autograd.grad(expected.sum(), [w, b, s, live])
    torch.testing.assert_close(y, expected.detach())
    for mine, theirs in zip([*(g for _, g in net.param()), dx], grads):
        torch.testing.assert_close(mine, theirs)
    net.zero_grad()
    assert not any(g.any() for _, g in net.param())


def test_a_stranger_works_in_a_sequential():
    shift = Shift()
    net = f.Sequential(f.Linear(2, 3, rng=rng()), shift, f.Dropout(0.5, rng=rng()))
    x = torch.rand(5, 2, generator=rng(1))
    assert not net.eval()[2].training
    assert torch.equal(net.forward(x), net[0].forward(x))
    net.backward(torch.ones(5, 3))
    assert torch.equal(shift.pair[1], torch.full((3,), 5.0))
    state = net.state()
    assert list(state) == ["0.w", "0.b", "1.0"]
    net.load({**state, "1.0": torch.ones(3)})
    assert torch.equal(shift.pair[0], torch.ones(3))


def test_tuples_go_in_and_come_out():
    module = f.Module(f.parallel(f.linear(2), f.relu), ((3,), (4,)), rng())
    a, b = torch.ones(5, 3), torch.ones(5, 4)
    one, two = module.forward(a, b), module.forward((a, b))
    assert all(torch.equal(p, q) for p, q in zip(one, two))
    da, db = module.backward(*one)
    assert (da.shape, db.shape) == (a.shape, b.shape)


def test_parameterless_modules_list_nothing():
    assert f.ReLU().param() == f.Tanh().param() == f.LossMSE().param() == []


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: f.Linear(2, 3).backward(torch.ones(1, 3)), "Linear: expected forward before backward"),
        (lambda: f.LossMSE().backward(), "LossMSE: expected forward before backward"),
        (lambda: f.Sequential(f.ReLU()).backward(torch.ones(1)), "Sequential: expected forward before backward"),
        (lambda: Bare().forward(torch.ones(1)), "Bare: expected a forward of its own, or a layer to wrap"),
    ],
)  # fmt: skip
def test_a_call_out_of_order_is_a_clear_error(make, text):
    with pytest.raises(f.UsageError, match="^" + re.escape(text)):
        make()


class Bare(f.Module):
    def __init__(self):
        pass


def test_what_is_no_module_is_refused():
    with pytest.raises(
        f.KindError, match=re.escape("Sequential[1]: expected a module with forward")
    ):
        f.Sequential(f.ReLU(), torch.relu)


def test_without_a_generator_torchs_own_seed_counts():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        one = f.Linear(2, 3).param()
        torch.manual_seed(3)
        two = f.Linear(2, 3).param()
    assert torch.equal(one[0][0], two[0][0])
    assert repr(TORCH_GENERATOR) == "torch's own generator"


def test_repr_is_how_it_was_made():
    net = f.Sequential(f.Linear(2, 25), f.ReLU(), f.Linear(25, 2, bias=False), f.Tanh())
    assert repr(net) == "Sequential(Linear(2, 25), ReLU(), Linear(25, 2, bias=False), Tanh())"
    assert repr(f.Module(f.serial(f.relu, f.tanh))) == "Module(serial(relu, tanh))"
    assert repr(Halve()) == "Halve()"


def test_a_long_repr_is_a_tree():
    inner = f.Sequential(f.Linear(25, 25), f.ReLU())
    net = f.Sequential(f.Linear(2, 25), inner, inner, inner, inner)
    nested = "Sequential(Linear(25, 25), ReLU())"
    lines = ["(0): Linear(2, 25)", *(f"({i}): {nested}" for i in range(1, 5))]
    assert repr(net) == "Sequential(\n  " + "\n  ".join(lines) + "\n)"
    assert repr(f.Sequential(net)).splitlines()[:3] == [
        "Sequential(",
        "  (0): Sequential(",
        "    (0): Linear(2, 25)",
    ]


def test_every_optimiser_has_a_class():
    ready = [f.sgd, f.adagrad, f.rmsprop, f.adam, f.adamw, f.radam, f.lion]
    ready += [f.adadelta, f.adamax, f.nadam, f.muon]
    descents = [name.lower() for name, c in vars(f).items() if hasattr(c, "step")]
    assert sorted(descents) == sorted(made.__name__ for made in ready)
    assert set(module.__all__) <= set(f.__all__)


# How many axes stand behind the channels in PyTorch, and the last of which they are here.
PADS = ("ZeroPad", "ConstantPad", "ReflectionPad", "ReplicationPad", "CircularPad")
POOLS = ("AvgPool", "MaxPool", "AdaptiveAvgPool", "AdaptiveMaxPool")
OWN_AXES = {
    **{f"{kind}{axes}d": axes for kind in (*PADS, *POOLS) for axes in (1, 2)},
    "BatchNorm2d": 2,
    "Conv1d": 1,
    "Conv2d": 2,
    "ConvTranspose1d": 1,
    "ConvTranspose2d": 2,
    "Dropout2d": 2,
    "GlobalAvgPool1d": 1,
    "GlobalAvgPool2d": 2,
    "GlobalMaxPool1d": 1,
    "GlobalMaxPool2d": 2,
    "GroupNorm": 2,
}


def channels(value, name, source, target):
    """Move the channels to where PyTorch has them, or back."""
    if name == "Upsample":
        return value.movedim(*(1 if place is None else place for place in (source, target)))
    own = -1 - OWN_AXES.get(name, 0)
    if own == -1 or not isinstance(value, torch.Tensor) or value.ndim < 3:
        return value
    return value.movedim(*(own if place is None else place for place in (source, target)))


SEQUENCES = ("GRU", "LSTM", "RNN")


@pytest.mark.parametrize("case", [c for c in cases.CASES if c.module], ids=str)
def test_every_module_is_its_layer(case):
    name, *args = case.module
    made = getattr(f, name)
    one = made(*args).eval()
    assert repr(eval(repr(one), vars(f).copy())) == repr(one)
    x = tree.map(lambda t: t.float() if t.is_floating_point() else t, case.inputs(rng()))
    shapes, _ = case.layer.init(rng(), case.shape)
    if name.startswith("BatchNorm"):
        one.params.mean.add_(0.5)  # as if it were measured
    params = tree.map(lambda p, like: p.reshape(like.shape), one.params, shapes)
    y, vjp = case.layer(params, x)
    dparams, dx = vjp(y)
    given = channels(x, name, -1, None)
    given = given[::-1] if name.endswith("Cell") else given
    mine = one.forward(*given) if case.target else one.forward(given)
    back = one.backward(mine[0] if name in SEQUENCES else mine)
    if case.target:
        dx = dx[0]  # the target's, which is None, is not given back
    got = mine[0] if name in SEQUENCES else channels(mine, name, None, -1)
    back = back[::-1] if name.endswith("Cell") else channels(back, name, None, -1)
    grads = tree.map(lambda g, like: g.reshape(like.shape), one.grads, shapes)
    for a, b in zip(tree.leaves((got, back, grads)), tree.leaves((y, dx, dparams))):
        assert b is None or torch.equal(a, b)
    state = one.state()
    again = made(*args)
    again.load(state)
    assert all(torch.equal(state[key], value) for key, value in again.state().items())
    assert again.state().keys() == state.keys()


@pytest.mark.parametrize(
    ("name", "inputs", "theirs"),
    [
        ("LossMSE", (torch.rand(4, 3), torch.rand(4, 3)), torch.nn.MSELoss),
        ("LossL1", (torch.rand(4, 3), torch.rand(4, 3)), torch.nn.L1Loss),
        ("LossHuber", (torch.rand(4, 3), 3 * torch.rand(4, 3)), torch.nn.HuberLoss),
        ("LossCrossEntropy", (torch.rand(4, 3), torch.tensor([0, 2, 1, 1])), torch.nn.CrossEntropyLoss),
        ("LossNLL", (torch.rand(4, 3).log(), torch.tensor([0, 2, 1, 1])), torch.nn.NLLLoss),
        ("LossBCE", (torch.rand(4), torch.tensor([0.0, 1, 1, 0])), torch.nn.BCELoss),
        ("LossBCEWithLogits", (torch.rand(4), torch.tensor([0.0, 1, 1, 0])), torch.nn.BCEWithLogitsLoss),
    ],
)  # fmt: skip
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_losses_agree_with_pytorchs(name, inputs, theirs, reduction):
    loss = getattr(f, name)(reduction=reduction)
    value = loss.forward(*inputs)
    with torch.enable_grad():
        live = [x.clone().requires_grad_() for x in inputs[:-1]]
        expected = theirs(reduction=reduction)(*live, inputs[-1])
        grads = torch.autograd.grad(expected.sum(), live)
    torch.testing.assert_close(value, expected.detach())
    torch.testing.assert_close(tree.leaves(loss.backward()), list(grads))


def test_other_losses_give_the_outputs_gradient():
    loss = f.LossHinge()
    assert loss.forward(torch.tensor([0.5]), torch.tensor([-1.0])) == 1.5
    assert loss.backward() == 1
    y, t = torch.rand(4, 3), torch.rand(4, 3)
    cosine = torch.nn.functional.cosine_similarity(y, t)
    torch.testing.assert_close(f.LossCosine(reduction="none")(y, t), 1 - cosine)
    loss = f.LossContrastive(2.0)
    apart = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 0.0]])
    assert loss.forward(*apart, torch.tensor([1.0])) > 0
    assert [d.shape for d in loss.backward()] == [(1, 2), (1, 2)]


def test_training_mode_hands_a_generator_to_the_layer():
    drop = f.Dropout(0.5, rng=rng())
    net = f.Sequential(f.Linear(3, 50, rng=rng()), Halve(), f.Sequential(drop))
    x = torch.ones(4, 3)
    one, two = net.forward(x), net.forward(x)
    assert not torch.equal(one, two)
    assert torch.equal(net.backward(torch.zeros(4, 50)), torch.zeros(4, 3))
    assert net.eval() is net
    assert not drop.training
    assert torch.equal(net.forward(x), net.forward(x))
    net.train()
    again = f.Dropout(0.5, rng=rng())
    drop = f.Dropout(0.5, rng=rng())
    assert torch.equal(again(one), drop(one))


def test_without_a_generator_dropout_draws_from_torchs_own():
    drop, x = f.Dropout(0.5), torch.ones(50)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        one = drop(x)
        torch.manual_seed(3)
        assert torch.equal(one, drop(x))
        assert not torch.equal(one, drop(x))


@pytest.mark.parametrize("momentum", [0.1, 0.7, None])
def test_batch_norm_keeps_moving_means_as_pytorch_does(momentum):
    mine, theirs = f.BatchNorm2d(3, momentum=momentum), torch.nn.BatchNorm2d(3, momentum=momentum)
    for seed in range(5):
        x = torch.rand(4, 3, 5, 5, generator=rng(seed))
        torch.testing.assert_close(mine(x), theirs(x), rtol=1e-4, atol=1e-5)
    assert torch.equal(mine.num_batches_tracked, theirs.num_batches_tracked)
    torch.testing.assert_close(mine.params.mean, theirs.running_mean)
    torch.testing.assert_close(mine.params.var, theirs.running_var)
    torch.testing.assert_close(mine.eval()(x), theirs.eval()(x), rtol=1e-4, atol=1e-5)
    assert len(mine.param()) == 2
    assert list(mine.state()) == ["scale", "bias", "mean", "var"]


def test_state_goes_into_another_network_of_the_same_kind():
    def make(seed):
        g = rng(seed)
        return f.Sequential(
            f.Linear(2, 3, rng=g), f.ReLU(), f.Sequential(Halve(), f.Linear(3, 1, rng=g))
        )

    one, two = make(0), make(1)
    state = one.state()
    assert list(state) == ["0.w", "0.b", "2.0.0", "2.1.w", "2.1.b"]
    pairs = two.param()
    two.load(state)
    assert all(torch.equal(p, q) for (p, _), q in zip(pairs, state.values()))
    del state["2.1.b"]
    with pytest.raises(f.TreeError, match=r"expected an entry 2\.1\.b, got none"):
        two.load(state)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: f.Linear(0, 2), f.InputError, "Linear: expected in_features to be at least 1, got 0"),
        (lambda: f.Linear(2), f.KindError, "Linear: missing a required argument: 'out_features'"),
        (lambda: f.ReLU(3), f.KindError, "ReLU: expected inplace to be True or False, got 3"),
        (lambda: f.ReLU(False, 3), f.KindError, "ReLU: too many positional arguments"),
        (lambda: f.Linear(2, 3, size=4), f.KindError, "Linear: got an unexpected keyword argument 'size'"),
        (lambda: f.Linear(2, 25, "He"), f.KindError, "Linear: expected bias to be True or False, got 'He'"),
        (lambda: f.Linear(2, 25, rng=3), f.KindError, "Linear: expected rng to be a torch.Generator, got int"),
        (lambda: f.Linear(2, 25, w_init=lambda rng, shape: torch.ones(3)), f.KindError, "Linear: expected an initialiser to give a tensor of shape (2, 25), got Tensor"),
        (lambda: f.Linear(2, 25, dtype=torch.int64), f.KindError, "Linear: expected dtype to be a float's, got torch.int64"),
        (lambda: f.Linear(2, 25, device="nowhere"), f.InputError, "Linear: expected a device and a dtype of torch's"),
        (lambda: f.Conv2d(2, 3, 0), f.InputError, "Conv2d: expected kernel_size to be at least 1, got 0"),
        (lambda: f.Conv2d(3, 4, 3, groups=2), f.InputError, "Conv2d: expected groups to divide in_channels, 3, got 2"),
        (lambda: f.Conv2d(3, 4, 3, groups=0), f.InputError, "conv2d: expected groups to be at least 1, got 0"),
        (lambda: f.Conv2d(2, 3, 3, 2, "same"), f.InputError, 'Conv2d: expected stride=1 with padding="same", got (2, 2)'),
        (lambda: f.Conv2d(2, 3, 3, padding="full"), f.KindError, """Conv2d: expected padding to be "same", "valid" or a number, got 'full'"""),
        (lambda: f.LossMSE("sum"), f.InputError, "LossMSE: expected size_average=None, got 'sum': write reduction="),
        (lambda: f.LossMSE()(torch.ones(2, 3)), f.KindError, "LossMSE: expected an output and a target, got one of them"),
        (lambda: f.LossMSE()(torch.ones(2), out=3), f.KindError, "LossMSE: expected the inputs input, target, got 1 by place and out"),
        (lambda: f.BCELoss()(torch.tensor([2.0]), torch.ones(1)), f.InputError, "BCELoss: expected probabilities from 0 to 1: of logits it is BCEWithLogitsLoss"),
        (lambda: f.GroupNorm(3, 4), f.InputError, "GroupNorm: expected num_groups to divide 4 channels, got 3"),
        (lambda: f.SelfAttention(8, 3), f.InputError, "SelfAttention: expected num_heads to divide 8, got 3"),
        (lambda: f.Hardtanh(1, 1), f.InputError, "Hardtanh: expected max_val above 1, got 1"),
        (lambda: f.Flatten(2)(torch.ones(3, 4)), f.ShapeError, "Flatten: expected x to have axes from 2 to -1, got (3, 4)"),
        (lambda: f.Softmax(2)(torch.ones(3, 4)), f.ShapeError, "Softmax: expected x to have an axis 2, got (3, 4)"),
        (lambda: f.Conv2d(3, 2, 3)(torch.ones(5, 7, 6, 3)), f.ShapeError, "Conv2d: expected x (…, 3, height ≥ 3, width ≥ 3), got (5, 7, 6, 3)"),
        (lambda: f.BatchNorm2d(3)(torch.ones(5, 3)), f.ShapeError, "BatchNorm2d: expected x to have 4 axes, got (5, 3)"),
        (lambda: f.Dropout2d()(torch.ones(5, 3)), f.ShapeError, "Dropout2d dropout: expected x to have 3 or 4 axes, got (5, 3)"),
    ],
)  # fmt: skip
def test_a_modules_arguments_are_checked(make, error, text):
    with pytest.raises(error, match="^" + re.escape(text)):
        make()


@pytest.mark.parametrize("shape", [(5, 4, 3), (5, 3)], ids=["batch", "no batch"])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_a_gru_of_one_layer_is_pytorchs(shape, batch_first, bias):
    torch.manual_seed(0)
    theirs = torch.nn.GRU(3, 2, 1, bias, batch_first)
    torch.manual_seed(0)
    mine = f.GRU(3, 2, 1, bias, batch_first)
    assert torch.equal(mine.params.x.w.T, theirs.weight_ih_l0)
    assert torch.equal(mine.params.h.w.T, theirs.weight_hh_l0)
    x = torch.rand(shape, generator=rng())
    with torch.enable_grad():
        live = x.clone().requires_grad_()
        expected = theirs(live)
        weighed = [(y * (1 + i)).square().sum() for i, y in enumerate(expected)]
        sum(weighed).backward()
    got = mine(x)
    for a, b in zip(got, expected):
        torch.testing.assert_close(a, b.detach())
    dx = mine.backward(2 * got[0], 8 * got[1])
    torch.testing.assert_close(dx, live.grad)
    torch.testing.assert_close(mine.grads.h.w.T, theirs.weight_hh_l0.grad)
    alone = mine.backward(got[0])
    assert torch.equal(mine.backward(got[0], torch.zeros_like(got[1])), alone)


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("kind", ["GRU", "LSTM", "RNN"])
def test_recurrent_modules_are_pytorchs(kind, both, layers, begun, batched):
    made = {"num_layers": layers, "bidirectional": both, "batch_first": True}
    torch.manual_seed(0)
    theirs = getattr(torch.nn, kind)(3, 2, **made)
    torch.manual_seed(0)
    mine = getattr(f, kind)(3, 2, **made)
    assert list(mine.state_dict()) == list(theirs.state_dict())
    for name, p in theirs.named_parameters():
        assert torch.equal(getattr(mine, name), p)
    x, count = torch.rand(5, 4, 3, generator=rng()), layers * (1 + both)
    state = torch.rand(2, count, 5, 2, generator=rng(1)).unbind(0)
    if not batched:
        x, state = x[0], tuple(t[:, 0] for t in state)
    hx = (state if kind == "LSTM" else state[0],) if begun else ()
    with torch.enable_grad():
        live = tree.map(lambda t: t.clone().requires_grad_(), (x, *hx))
        expected = theirs(*live)
        weighed = [(y * (1 + i)).square().sum() for i, y in enumerate(tree.leaves(expected))]
        sum(weighed).backward()
    got = mine(x, *hx)
    torch.testing.assert_close(tree.leaves(got), [y.detach() for y in tree.leaves(expected)])
    leaves, structure = tree.to_leaves(got)
    dys = [2 * (1 + i) ** 2 * y for i, y in enumerate(leaves)]
    back = mine.backward(*tree.from_leaves(structure, dys))
    torch.testing.assert_close(tree.leaves(back), [t.grad for t in tree.leaves(live)])
    for name, p in theirs.named_parameters():
        torch.testing.assert_close(getattr(mine, name).grad, p.grad)


@pytest.mark.parametrize("kind", ["GRU", "LSTM", "RNN"])
def test_recurrent_modules_drop_between_layers_in_training_alone(kind):
    made = getattr(f, kind)(3, 8, num_layers=2, dropout=0.5, rng=rng())
    plain = getattr(f, kind)(3, 8, num_layers=2, rng=rng())
    x = torch.rand(6, 4, 3, generator=rng())
    assert not torch.equal(made(x)[0], made(x)[0])
    assert torch.equal(made.eval()(x)[0], plain(x)[0])


def test_recurrent_modules_refuse_what_does_not_fit():
    x, lengths = torch.ones(5, 4, 3), torch.tensor([5, 5, 3, 1])
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths)
    calls = [
        (lambda: f.GRU(3, 2)(packed), "GRU: expected a padded tensor, got a PackedSequence: the layer gru("),
        (lambda: f.GRU(3, 2)(x, torch.ones(1, 5, 2)), "GRU: expected hx (1, 4, 2), got (1, 5, 2)"),
        (lambda: f.GRU(3, 2)(x[:, 0], torch.ones(1, 4, 2)), "GRU: expected hx (1, 2), got (1, 4, 2)"),
        (lambda: f.RNN(3, 2, batch_first=True)(x, "h"), "RNN: expected hx to be a tensor, got str"),
        (lambda: f.LSTM(3, 2)(x, torch.ones(1, 4, 2)), "LSTM: expected hx to be a pair of tensors, got Tensor"),
        (lambda: f.LSTM(3, 2)(x, x, x), "LSTM: expected an input and a state, got 3 tensors"),
        (lambda: f.RNN(3, 2, nonlinearity="cos"), "rnn: expected activation to be \"tanh\" or \"relu\", got 'cos'"),
        (lambda: f.GRU(3, 2, num_layers=0), "GRU: expected num_layers to be at least 1, got 0"),
        (lambda: f.LSTMCell(3, 2)(x[0], torch.ones(4, 2)), "LSTMCell lstm_cell: expected x[0] to be a pair (h, c), got Tensor"),
        (lambda: setattr(f.GRU(3, 2, 2), "weight_ih_l1", x), "GRU: expected weight_ih_l1 to be written to in place"),
    ]  # fmt: skip
    for call, text in calls:
        with pytest.raises(f.FuncdlError, match="^" + re.escape(text)):
            call()
    assert not hasattr(f.GRU(3, 2), "weight_ih_l1")


def test_a_cell_begins_with_a_state_of_0():
    cell, x = f.GRUCell(3, 2, rng=rng()), torch.rand(4, 3, generator=rng())
    y, dy = cell(x), torch.rand(4, 2, generator=rng(1))
    dx = cell.backward(dy)
    assert torch.equal(cell(x, None), y)
    assert torch.equal(cell.backward(dy), dx)
    assert torch.equal(cell(x, torch.zeros(4, 2)), y)
    back, dh = cell.backward(dy)
    assert torch.equal(back, dx)
    assert dh.shape == (4, 2)


@pytest.mark.parametrize(
    ("kind", "args"),
    [
        ("Linear", (3, 4)),
        ("Conv1d", (2, 4, 3, 1, 0, 1, 2)),
        ("Conv2d", (2, 4, (3, 2))),
        ("ConvTranspose1d", (4, 6, 3, 1, 0, 0, 2)),
        ("ConvTranspose2d", (2, 4, (3, 2))),
        ("ConvTranspose2d", (4, 6, 3, 1, 0, 0, 2, False)),
        ("Embedding", (5, 3)),
        ("GRU", (3, 4)),
        ("GRU", (3, 4, 2, True, False, 0.0, True)),
        ("GRUCell", (3, 4)),
        ("LSTM", (3, 4, 2, True, False, 0.0, True)),
        ("LSTMCell", (3, 4)),
        ("RNN", (3, 4, 2, "relu", True, False, 0.0, True)),
        ("RNNCell", (3, 4)),
        ("MultiheadAttention", (4, 2)),
        ("MultiheadAttention", (4, 2, 0.0, True, True, False, 3, 5)),
    ],
)
@pytest.mark.parametrize("dtype", [None, torch.float64])
def test_modules_begin_with_pytorchs_numbers(kind, args, dtype):
    torch.manual_seed(3)
    theirs = getattr(torch.nn, kind)(*args, dtype=dtype)
    after = torch.rand(1)
    torch.manual_seed(3)
    mine = getattr(f, kind)(*args, dtype=dtype)
    assert torch.equal(torch.rand(1), after)
    for p in theirs.parameters():
        ours = [q for q in tree.leaves(mine.params) if q.numel() == p.numel()]
        assert any(torch.equal(q.flatten().sort()[0], p.detach().flatten().sort()[0]) for q in ours)
        assert all(q.dtype == p.dtype for q in ours)
    again = getattr(f, kind)(*args, dtype=dtype, rng=torch.Generator().manual_seed(3))
    for p, q in zip(tree.leaves(mine.params), tree.leaves(again.params)):
        assert torch.equal(p, q)


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("keys", "values"), [(3, 5), (None, 5), (3, None), (4, 4)])
def test_attention_takes_keys_and_values_of_other_sizes(keys, values, bias, rows):
    made = {"bias": bias, "add_bias_kv": rows, "kdim": keys, "vdim": values, "batch_first": True}
    torch.manual_seed(0)
    theirs = torch.nn.MultiheadAttention(4, 2, **made)
    torch.manual_seed(0)
    mine = f.MultiheadAttention(4, 2, **made)
    assert sorted(mine.state_dict()) == sorted(theirs.state_dict())
    for name, p in theirs.state_dict().items():
        assert torch.equal(mine.state_dict()[name], p)
    xs = [
        torch.rand(2, n, size, generator=rng())
        for n, size in ((5, 4), (6, keys or 4), (6, values or 4))
    ]
    padding = torch.arange(6) > torch.tensor([[5], [3]])
    with torch.enable_grad():
        live = [x.clone().requires_grad_() for x in xs]
        y, weights = theirs(*live, key_padding_mask=padding)
        (y.square().sum() + 3 * weights.square().sum()).backward()
    got = mine(*xs, key_padding_mask=padding)
    torch.testing.assert_close(got, (y.detach(), weights.detach()))
    back = mine.backward(2 * got[0], 6 * got[1])
    torch.testing.assert_close(list(back), [x.grad for x in live])
    named = dict(mine.named_parameters())
    for name, p in theirs.named_parameters():
        torch.testing.assert_close(named[name].grad, p.grad)
    assert (mine.q_proj_weight is None) == (theirs.q_proj_weight is None)
    assert (mine.in_proj_weight is None) == (theirs.in_proj_weight is None)


def test_attention_drops_weights_in_training_alone():
    x = torch.rand(2, 50, 8, generator=rng())
    made = f.MultiheadAttention(8, 2, 0.25, batch_first=True, rng=rng())
    plain = f.MultiheadAttention(8, 2, batch_first=True, rng=rng())
    y, weights = made(x, x, x, average_attn_weights=False)
    assert not torch.equal(made(x, x, x)[0], y)
    assert 0.2 < float((weights == 0).float().mean()) < 0.3
    exact = plain(x, x, x, average_attn_weights=False)[1]
    torch.testing.assert_close(weights, exact.where(weights != 0, 0) / 0.75)
    assert torch.equal(made.eval()(x, x, x)[0], plain(x, x, x)[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("size", [1e-4, 1e-3, 1.0])
def test_rms_norm_has_pytorchs_eps(dtype, size):
    x = (size * torch.rand(4, 8, generator=rng())).to(dtype)
    mine, theirs = f.RMSNorm(8, dtype=dtype), torch.nn.RMSNorm(8, dtype=dtype)
    torch.testing.assert_close(mine(x), theirs(x))
    assert mine(x).abs().max() > 0.1


@pytest.mark.parametrize("low", [-1.0, 0.25])
def test_hardtanh_has_bounds(low):
    x = torch.linspace(-2, 2, 9)
    mine, theirs = f.Hardtanh(low, 1.5), torch.nn.Hardtanh(low, 1.5)
    assert torch.equal(mine(x), theirs(x))
    with torch.enable_grad():
        live = x.clone().requires_grad_()
        theirs(live).sum().backward()
    assert torch.equal(mine.backward(torch.ones(9)), live.grad)


def test_dropout2d_drops_channels():
    torch.manual_seed(0)
    y = f.Dropout2d(0.5)(torch.ones(20, 30, 4, 5))
    assert set(y.flatten(2).sum(-1).unique().tolist()) == {0.0, 40.0}
    y = f.Dropout2d(0.5)(torch.ones(20, 30, 4))
    assert set(y.sum(-1).unique().tolist()) == {0.0, 8.0}


def test_attention_drops_what_is_not_asked_for():
    x = torch.rand(2, 5, 8, generator=rng())
    one = f.MultiheadAttention(8, 2, batch_first=True)
    y, weights = one(x, x, x, need_weights=False)
    assert weights is None
    dq, dk, dv = one.backward(y)
    alone = f.SelfAttention(8, 2)
    alone.params = one.params
    alone.grads = tree.zeros_like(one.params)
    torch.testing.assert_close(alone(x), y)
    torch.testing.assert_close(alone.backward(y), dq + dk + dv)
    torch.testing.assert_close(alone.grads.qkv.w, one.grads.qkv.w)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda m, x: m(x), f.KindError, "MultiheadAttention: forward missing 2 required positional arguments"),
        (lambda m, x: m(x, x, x, mask=x), f.KindError, "MultiheadAttention: forward got an unexpected keyword argument 'mask'"),
        (lambda m, x: m(x, x, 3), f.KindError, "MultiheadAttention: expected value to be a tensor, got 3"),
        (lambda m, x: m(x[..., :4], x, x), f.ShapeError, "MultiheadAttention: expected query of shape (…, 8) with 2 or 3 axes, got (2, 5, 4)"),
        (lambda m, x: m(x, x[:1], x[:1]), f.ShapeError, "MultiheadAttention: expected query, key and value of one batch, and as many values as keys"),
        (lambda m, x: m(x, x, x, is_causal=True), f.InputError, "MultiheadAttention: expected attn_mask with is_causal=True, got none"),
        (lambda m, x: m(x, x, x, attn_mask=torch.zeros(3, 5, 5)), f.ShapeError, "MultiheadAttention: expected attn_mask for 2 sequences and 2 heads, got (3, 5, 5)"),
        (lambda m, x: m(x, x, x, attn_mask=torch.zeros(5, 4)), f.ShapeError, "MultiheadAttention: expected masks for 5 keys, got (5, 4)"),
    ],
)  # fmt: skip
def test_attention_refuses_what_does_not_fit(call, error, text):
    with pytest.raises(error, match="^" + re.escape(text)):
        call(f.MultiheadAttention(8, 2, batch_first=True), torch.rand(2, 5, 8))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: f.MultiheadAttention(8, 2, 1.5), "MultiheadAttention: expected dropout to be at least 0 and below 1, got 1.5"),
        (lambda: f.MultiheadAttention(8, 2, kdim=0), "MultiheadAttention: expected kdim to be at least 1, got 0"),
        (lambda: f.LSTM(2, 3, proj_size=2), "LSTM: expected proj_size=0, got 2: put a Linear behind it"),
        (lambda: f.GRU(2, 3, dropout=0.5), "GRU: expected dropout=0.0, got 0.5"),
        (lambda: f.ConvTranspose2d(4, 4, 3, padding_mode="reflect"), "ConvTranspose2d: expected padding_mode='zeros', got 'reflect'"),
        (lambda: f.Upsample(scale_factor=2, mode="bicubic"), """Upsample: expected mode to be "nearest", "linear" or "bilinear", got 'bicubic'"""),
        (lambda: f.Conv2d(4, 4, 3, padding_mode="constant"), """Conv2d: expected padding_mode to be "zeros", "reflect", "replicate" or "circular", got 'constant'"""),
        (lambda: f.MaxPool2d(2, return_indices=True), "MaxPool2d: expected return_indices=False, got True"),
        (lambda: f.MaxPool1d(2, return_indices=True), "MaxPool1d: expected return_indices=False, got True"),
        (lambda: f.Embedding(4, 3, 4), "Embedding: expected padding_idx to be at most 3, got 4"),
        (lambda: f.Embedding(4, 3, max_norm=1.0), "Embedding: expected max_norm=None, got 1.0"),
        (lambda: f.Softmax(), "Softmax: expected dim=-1, got None: say which axis"),
        (lambda: f.Hardtanh(min_value=0.0), "Hardtanh: expected min_value=None, got 0.0: write min_val"),
    ],
)  # fmt: skip
def test_what_is_not_offered_is_refused_by_name(make, text):
    with pytest.raises(f.InputError, match="^" + re.escape(text)):
        make()


def test_the_type_checker_reads_what_is_wrong():
    # tests/typed.py has a mark where mypy has to find an error: see pyproject.toml.
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    assert settings["strict"]
    assert "typed" in settings["modules"]
    assert settings["mypy_path"] == "tests"
    with pytest.raises(f.KindError, match=r"^Linear: missing a required argument: 'out_features'"):
        typed.wrong()
    assert repr(typed.right()).count("(2, ") == 2


class Slow(f.SGD):
    """An optimiser of a user's own: what it is made of is that of the class above."""


@pytest.mark.parametrize(
    "make",
    [
        lambda pairs: f.SGD(pairs, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
        lambda pairs: f.Adam(pairs, 0.1, betas=(0.8, 0.9)),
        lambda pairs: f.RMSprop(pairs),
        lambda pairs: Slow(pairs, lr=0.1),
    ],
)
def test_optimisers_update_what_they_were_given(make):
    net = f.Linear(3, 1, rng=rng())
    before = [p.clone() for p, _ in net.param()]
    optimiser = make(net.param())
    net.forward(torch.ones(4, 3))
    net.backward(torch.ones(4, 1))
    optimiser.step()
    assert all((p < old).all() for (p, _), old in zip(net.param(), before))
    optimiser.zero_grad()
    assert not any(g.any() for _, g in net.param())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: f.BatchNorm2d(3, momentum="0.1"), "BatchNorm2d: expected momentum to be a number"),
        (lambda: f.LayerNorm([4, 0.5]), "LayerNorm: expected each length of normalized_shape"),
        (lambda: f.RMSNorm("4"), "RMSNorm: expected each length of normalized_shape"),
    ],
)
def test_arguments_of_pytorchs_that_are_not_offered_are_refused_in_a_sentence(make, words):
    with pytest.raises(f.KindError, match=words):
        make()


def test_a_norms_shape_may_be_a_list():
    x = torch.rand(3, 4, 5)
    expected = torch.nn.LayerNorm([4, 5])(x)
    torch.testing.assert_close(f.LayerNorm([4, 5]).forward(x), expected)
