"""What newcomers write, and the sentence that says what to write instead."""

import pytest
import torch
from helpers import seeded

import funcdl as f

X = torch.ones(5, 2)
FUNCTION = "layer: expected a function (params, x) -> (y, vjp), got "


def kept(params, x):
    return x, lambda dy: ((), dy)


def inits(init):
    return lambda: f.serial(f.layer(kept, init)).init(seeded(), (3,))


NET = f.serial(f.linear(3), f.relu, f.linear(1))
OBJECTIVE = f.supervised(NET, f.mse())


@pytest.mark.parametrize(
    ("write", "text"),
    [
        # In the place of a layer.
        (lambda: f.serial(f.linear(3), f.gelu), f"serial[1] {FUNCTION}the function gelu, which has to be called: write gelu()"),
        (lambda: f.serial(f.linear), f"serial[0] {FUNCTION}the function linear, which has to be called: write linear(out)"),
        (lambda: f.parallel(f.relu, f.max_pool2d), f"parallel[1] {FUNCTION}the function max_pool2d, which has to be called: write max_pool2d(kernel)"),
        (lambda: f.supervised(NET, f.mse), f"supervised[1] {FUNCTION}the function mse, which has to be called: write mse()"),
        (lambda: f.weighted_sum((1.0, f.mse)), f"weighted_sum[0] {FUNCTION}the function mse, which has to be called: write mse()"),
        (lambda: f.scan(f.gru_cell, 3), f"scan[0] {FUNCTION}the function gru_cell, which has to be called: write gru_cell(hidden)"),
        (lambda: f.Module(f.linear, (2,)), f"{FUNCTION}the function linear, which has to be called: write linear(out)"),
        (lambda: f.check(f.gelu, (), X, seeded()), f"{FUNCTION}the function gelu, which has to be called: write gelu()"),
        (lambda: f.stage(NET), "stage: expected a training step, got the layer serial: write stage(training_step(supervised(net, loss), optimiser))"),
        (lambda: f.stage(f.training_step), "stage: expected a training step, got the function training_step, which has to be called: write training_step(objective, optimiser)"),
        (lambda: f.stage(3), "stage: expected a training step, got int"),
        (lambda: f.serial(f.serial), f"serial[0] {FUNCTION}the function serial, which has to be called: write serial(*layers)"),
        (lambda: f.serial(f.Linear(2, 3)), f"serial[0] {FUNCTION}the module Linear: write module.layer, which is the layer in it"),
        (lambda: f.serial(f.Sequential(f.ReLU())), f"serial[0] {FUNCTION}the module Sequential: modules go into Sequential, layers into serial"),
        (lambda: f.serial(f.ReLU), f"serial[0] {FUNCTION}the class ReLU: write relu, the layer"),
        (lambda: f.serial(f.Linear), f"serial[0] {FUNCTION}the class Linear: write linear(out), the layer"),
        (lambda: f.serial(torch.nn.ReLU), f"serial[0] {FUNCTION}the class ReLU: write a layer, such as relu or linear(25)"),
        (lambda: f.serial(torch.nn.ReLU()), f"serial[0] {FUNCTION}the module ReLU of torch.nn: write the layer, from_torch has its weights"),
        (lambda: f.serial(torch.relu), f"serial[0] {FUNCTION}torch's relu, which has no vjp: write a layer, such as relu"),
        (lambda: f.serial(torch.nn.functional.relu), f"serial[0] {FUNCTION}torch's relu, which has no vjp: write a layer, such as relu"),
        (lambda: f.serial(torch.Tensor.relu), f"serial[0] {FUNCTION}torch's relu, which has no vjp: write a layer, such as relu"),
        (lambda: f.serial([f.linear(3), f.relu]), f"serial[0] {FUNCTION}a list: hand the layers over one by one, serial(*layers)"),
        (lambda: f.serial(lambda x: x), f"serial[0] {FUNCTION}<lambda>(x), which cannot be called with params and x"),
        (lambda: f.training_step(f.sgd(0.1), OBJECTIVE), f"{FUNCTION}Optimiser"),
        # A layer called as a factory, or as a module.
        (lambda: f.serial(f.linear(3), f.relu()), "relu: expected params and x, got nothing: relu is a layer already"),
        (lambda: f.serial(f.softmax(-1)), "softmax: expected params and x, got -1: softmax is a layer already"),
        (lambda: f.relu(X), "relu: expected params and x, got one of them: write relu(params, x), with () where there are no parameters"),
        (lambda: f.mse()((X, X)), "mse: expected params and x, got one of them: write mse(params, x), with () where there are no parameters"),
        # Shapes and generators.
        (lambda: NET.init(seeded(), 3), "serial: expected a shape, got 3: write (3,)"),
        (lambda: f.linear(3).init(seeded(), 3), "linear: expected a shape, got 3: write (3,)"),
        (lambda: NET.init(seeded(), [5, 2]), "serial: expected a shape, got a list: write (5, 2)"),
        (lambda: OBJECTIVE.init(seeded(), [[2], [1]]), "supervised: expected a shape, got a list: write ((2,), (1,))"),
        (lambda: NET.init(seeded(), X), "serial: expected the shape of an input, got a tensor: write x.shape"),
        (lambda: NET.init(seeded(), None), "serial: expected a shape such as (3,), got None"),
        (lambda: NET.init(seeded(), seeded()), "serial: expected a shape such as (3,), got a generator: write init(rng, in_shape)"),
        (lambda: NET.init(seeded(), (2.0,)), "serial: expected a shape of integers from 0 on, got (2.0,)"),
        (lambda: NET.init(seeded(), (-1, 2)), "serial: expected a shape of integers from 0 on, got (-1, 2)"),
        (lambda: NET.init(0, (2,)), "serial: expected rng to be a torch.Generator, got int: write torch.Generator().manual_seed(0)"),
        (lambda: f.relu.init(0, (2,)), "relu: expected rng to be a torch.Generator, got int: write torch.Generator().manual_seed(0)"),
        (lambda: NET.init((2,), seeded()), "serial: expected rng to be a torch.Generator, got tuple"),
        (lambda: NET.init((2,)), "serial: expected rng to be a torch.Generator, got tuple"),
        (lambda: f.check(NET, NET.init(seeded(), (2,))[0], X, 7), "check: expected rng to be a torch.Generator, got int: write torch.Generator().manual_seed(7)"),
        (lambda: f.batch_norm()(f.batch_norm().init(seeded(), (2,))[0], X, 3), "batch_norm: expected rng to be a torch.Generator, got int: write torch.Generator().manual_seed(3)"),
        (lambda: f.value_and_grad(OBJECTIVE)((), (X, X), 3), "training: expected rng to be a torch.Generator, got int: write torch.Generator().manual_seed(3)"),
        # An init of one's own.
        (inits(lambda rng, shape: torch.ones(shape)), "serial[0] kept: expected (params, out_shape) from its init, got Tensor"),
        (inits(lambda rng, shape: torch.ones(2, 3)), "serial[0] kept: expected (params, out_shape) from its init, got Tensor"),
        (inits(lambda rng, shape: None), "serial[0] kept: expected (params, out_shape) from its init, got NoneType"),
        (inits(lambda rng, shape: ((), shape, 3)), "serial[0] kept: expected (params, out_shape) from its init, got 3 entries"),
        (inits(lambda rng, shape: ((), 3)), "serial[0] kept: expected (params, out_shape) from its init, got 3 for a shape"),
        (inits(lambda rng, shape: (shape, torch.ones(2))), "serial[0] kept: expected (params, out_shape) from its init, got Tensor for a shape"),
        (lambda: f.linear(3, w_init="he").init(seeded(), (2,)), "linear: expected w_init to be a function (rng, shape) -> tensor, got 'he'"),
        (lambda: f.conv2d(3, 3, b_init=False).init(seeded(), (4, 4, 2)), "conv2d: expected b_init to be a function (rng, shape) -> tensor, got False"),
        # A Layer of one's own.
        (lambda: f.Layer(f.relu.init, "mine", kept), "Layer: expected (name, init, apply), got function, 'mine'"),
        (lambda: f.Layer("mine", None, kept), "Layer: expected (name, init, apply), got 'mine', None"),
        (lambda: f.Layer("mine", f.relu.init, kept), "mine: expected apply(params, x, rng=None), got (params, x): layer(apply, init, name) takes any function"),
        (lambda: f.Layer("mine", f.relu.init, 3), "mine: expected apply(params, x, rng=None), got int: layer(apply, init, name) takes any function"),
        (lambda: f.Layer("mine", f.relu.init, lambda p, x, rng: x)((), X), "mine: expected (y, vjp), got Tensor"),
        (lambda: f.Layer("mine", f.relu.init, lambda p, x, rng: (x, x))((), X), "mine: expected a vjp to call, got Tensor"),
        # Optimisers and schedules.
        (lambda: f.training_step(OBJECTIVE, f.sgd), "training_step: expected an optimiser, got the function sgd, which has to be called: write sgd(lr)"),
        (lambda: f.training_step(OBJECTIVE, f.SGD), "training_step: expected an optimiser, got the class SGD"),
        (lambda: f.training_step(OBJECTIVE, 0.1), "training_step: expected an optimiser, got float"),
        (lambda: f.averaged(f.adam, 0.9), "averaged: expected an optimiser, got the function adam, which has to be called: write adam()"),
        (lambda: f.optimiser(f.momentum, lr=0.1), "chain[0]: expected a transform, got the function momentum, which has to be called: write momentum(rate)"),
        (lambda: f.sgd(f.schedules.cosine), "sgd: expected lr to be a number or a schedule, got the function cosine, which has to be called: write cosine(start, steps)"),
        (lambda: f.optimiser(lr=f.schedules.constant), "optimiser: expected lr to be a number or a schedule, got the function constant, which has to be called: write constant(rate)"),
        (lambda: f.adam([torch.ones(30, 30)]), "adam: expected lr to be a number, got list"),
        # Losses.
        (lambda: f.cross_entropy()((), (torch.tensor([0, 1]), torch.zeros(2, 3))), "cross_entropy: expected output to be floats, got torch.int64: are output and target swapped?"),
        (lambda: f.mse()((), X), "mse: expected a pair (output, target), got Tensor"),
        # Modules.
        (lambda: f.Sequential(f.relu), "Sequential[0]: expected a module with forward, backward and param, got the layer relu: write Module(relu, in_shape)"),
        (lambda: f.Sequential(f.linear), "Sequential[0]: expected a module with forward, backward and param, got the function linear, which has to be called: write linear(out)"),
        (lambda: f.Sequential(f.ReLU(), f.Tanh), "Sequential[1]: expected a module with forward, backward and param, got the class Tanh: write Tanh(…), one of it"),
    ],
)  # fmt: skip
def test_it_says_what_to_write(write, text):
    with pytest.raises(f.FuncdlError) as caught:
        write()
    assert str(caught.value) == text


def test_what_was_right_stays_right():
    assert NET.init(seeded(), X.shape)[1] == (5, 1)
    mine = f.Layer("mine", f.relu.init, lambda p, x, rng: (x, lambda dy: ((), dy)))
    assert torch.equal(f.serial(mine)(((),), X)[1](X)[1], X)
    assert f.serial(lambda params, x, *, rng=None: (x, lambda dy: ((), dy))).layers
    assert f.sgd(lambda step: 0.1 / (1 + step)).init(())
    assert f.layer(lambda *args: (args[1], lambda dy: ((), dy)))((), X)
