"""The adapter, as the interface asks for it, and against the functional path."""

import re

import pytest
import torch

import funcdl as f
from funcdl import cases, module, tree
from funcdl.initialisers import TORCH_GENERATOR


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


class Halve(f.Module):
    """A module of a user's own, with no layer under it and no call of the base class."""

    def __init__(self):
        self.scale, self.grad = torch.tensor([0.5]), torch.zeros(1)

    def forward(self, *input):
        (self.x,) = input
        return self.x * self.scale

    def backward(self, *gradwrtoutput):
        (dy,) = gradwrtoutput
        self.grad += (dy * self.x).sum().reshape(1)
        return dy * self.scale

    def param(self):
        return [(self.scale, self.grad)]


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
    module = f.Sequential(
        f.Linear(2, 25, rng=g), f.ReLU(), f.Linear(25, 25, rng=g), f.Tanh(), f.Linear(25, 2, rng=g)
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
    descents = [name.lower() for name, c in vars(f).items() if hasattr(c, "step")]
    assert sorted(descents) == sorted(made.__name__ for made in ready)
    assert set(module.__all__) <= set(f.__all__)


@pytest.mark.parametrize("case", [c for c in cases.CASES if c.module], ids=str)
def test_every_module_is_its_layer(case):
    name, *args = case.module
    made = getattr(f, name)
    one = made(*args, rng=rng()).eval()
    assert repr(one.layer) == repr(case.layer)
    assert repr(one) == f"{name}({', '.join(map(repr, args))})"
    x = tree.map(lambda t: t.float() if t.is_floating_point() else t, case.inputs(rng()))
    y, vjp = one.layer(one.params, x)
    dparams, dx = vjp(y)
    mine = one.forward(x[0], x[1]) if case.target else one.forward(x)
    back = one.backward(mine)
    if case.target:
        dx = dx[0]  # the target's, which is None, is not given back
    for a, b in zip(tree.leaves((mine, back, one.grads)), tree.leaves((y, dx, dparams))):
        assert b is None or torch.equal(a, b)
    state = one.state()
    again = made(*args, rng=rng(1))
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
        ("LossBCE", (torch.rand(4), torch.tensor([0.0, 1, 1, 0])), torch.nn.BCEWithLogitsLoss),
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


def test_batch_norm_keeps_moving_means_as_pytorch_does():
    mine, theirs = f.BatchNorm2d(3), torch.nn.BatchNorm2d(3)
    for seed in range(5):
        x = torch.rand(4, 5, 5, 3, generator=rng(seed))
        y, expected = mine(x), theirs(x.movedim(-1, 1)).movedim(1, -1)
        torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(mine.params.mean, theirs.running_mean)
    torch.testing.assert_close(mine.params.var, theirs.running_var)
    expected = theirs.eval()(x.movedim(-1, 1)).movedim(1, -1)
    torch.testing.assert_close(mine.eval()(x), expected, rtol=1e-4, atol=1e-5)
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
        (lambda: f.ReLU(3), f.KindError, "ReLU: too many positional arguments"),
        (lambda: f.Conv2d(2, 3, 0), f.InputError, "conv2d: expected kernel to be at least 1, got 0"),
        (lambda: f.LossMSE("sum"), f.KindError, "LossMSE: too many positional arguments"),
    ],
)  # fmt: skip
def test_a_modules_arguments_are_checked(make, error, text):
    with pytest.raises(error, match="^" + re.escape(text)):
        make()


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
        (lambda: f.BatchNorm1d(3, momentum=None), "BatchNorm1d: expected momentum to be a number"),
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
