"""The adapter, as the interface asks for it, and against the functional path."""

import re

import pytest
import torch

import funcdl as f
from funcdl import tree


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
        w, b = (p.clone().requires_grad_() for p, _ in net.modules[0].param())
        s, live = torch.tensor([0.5], requires_grad=True), x.clone().requires_grad_()
        expected = ((live @ w + b) * s * 3).relu()
        grads = torch.autograd.grad(expected.sum(), [w, b, s, live])
    torch.testing.assert_close(y, expected.detach())
    for mine, theirs in zip([*(g for _, g in net.param()), dx], grads):
        torch.testing.assert_close(mine, theirs)
    net.zero_grad()
    assert not any(g.any() for _, g in net.param())


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
        (lambda: f.Sequential(f.ReLU()).backward(torch.ones(1)), "Sequential[0] ReLU: expected forward before backward"),
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


def test_repr_is_how_it_was_made():
    net = f.Sequential(f.Linear(2, 25), f.ReLU(), f.Linear(25, 2, bias=False), f.Tanh())
    assert repr(net) == "Sequential(Linear(2, 25), ReLU(), Linear(25, 2, bias=False), Tanh())"
