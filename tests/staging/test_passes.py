"""Plans of small steps, without the proof that would leave a wrong one out."""

import pytest
import torch

import funcdl as f
from funcdl import tree
from funcdl.staging.carried import Carried
from funcdl.staging.plan import plan
from funcdl.staging.recording import run
from funcdl.staging.replay import bind
from funcdl.staging.translate import program_of, translate


def normal(*shape, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=rng, dtype=torch.float64)


def two(*shape):
    return tuple(normal(*shape, seed=seed) for seed in (1, 2))


STEPS = {
    "an operand in two views": (lambda p, s, b: (p, s, (p * b).add((p * b).mT)), normal(3, 3), ()),
    "one result in two views": (
        lambda p, s, b: (p, s, (lambda y: y.add(y.mT))(p * b)),
        normal(3, 3),
        (),
    ),
    "neighbours": (lambda p, s, b: (p, s, (lambda y: y[1:] + y[:-1])(p * b)), normal(5), ()),
    "swapped": (lambda p, s, b: (p[::-1], s, b), two(3), ()),
    "computed and swapped": (lambda p, s, b: ((p[1] * b, p[0] * b), s), two(3), ()),
    "computed together and swapped": (
        lambda p, s, b: (tuple(q * b for q in p)[::-1], s),
        two(3),
        (),
    ),
    "each other's": (lambda p, s, b: (tuple(q * b for q in s), p), two(3), two(3)),
    "one for both": (
        lambda p, s, b: (lambda g: (tuple(q - g for q in p), tuple(q + g for q in s)))(p[0] * b),
        two(3),
        two(3),
    ),
    "the other's gradient": (
        lambda p, s, b: (tuple(q - g for q, g in zip(p, (p[1] * b, p[0] * b))), s),
        two(3),
        (),
    ),
    "handed on and given": (lambda p, s, b: (p * b, s, p, p.sum()), normal(3), ()),
    "read after it moved": (lambda p, s, b: (p - b, s, (p * b).tanh() + p), normal(3), ()),
    "only some of them": (lambda p, s, b: ((p[0] * 0.9 - b, p[1] - b), s), two(3), ()),
}


@pytest.mark.parametrize(("step", "params", "state"), STEPS.values(), ids=STEPS)
def test_a_plan_gives_the_steps_numbers(step, params, state):
    batch = torch.tensor(0.5, dtype=torch.float64)
    carried = Carried((params, state))
    replay = bind(plan(translate(run(step, (params, state, batch)), carried)), carried)
    carried.fill((params, state))
    slow = params, state
    for factor in (1, 2, 3):
        slow, quick = step(*slow[:2], batch * factor), replay(batch * factor)
        for a, b in zip(tree.leaves(quick), tree.leaves(slow)):
            torch.testing.assert_close(a, b)


NETWORKS = {
    "2-25-25-25-2, sgd": ((25, 25, 25), f.relu, f.sgd(0.1), 29),
    "2-25-25-25-2, momentum": ((25, 25, 25), f.relu, f.sgd(0.1, momentum=0.9), 31),
    "2-25-25-25-2, adam": ((25, 25, 25), f.relu, f.adam(0.01), 53),
    "2-25-25-2 with tanh, sgd": ((25, 25), f.tanh, f.sgd(0.1), 22),
    "2-2, sgd": ((), f.relu, f.sgd(0.1), 8),
}


@pytest.mark.parametrize(
    ("widths", "activation", "optimiser", "most"), NETWORKS.values(), ids=NETWORKS
)
def test_an_ordinary_network_takes_few_calls(widths, activation, optimiser, most):
    hidden = [part for width in widths for part in (f.linear(width), activation)]
    objective = f.supervised(f.serial(*hidden, f.linear(2)), f.mse())
    params, _ = objective.init(torch.Generator().manual_seed(0), ((2,), (2,)))
    step = f.training_step(objective, optimiser)
    batch = torch.ones(10, 2), torch.zeros(10, 2)
    assert len(plan(program_of(step, params, optimiser.init(params), batch)).calls) <= most


def test_what_writes_into_its_arguments_has_no_program():
    def step(params, state, batch):
        return params.mul_(2), state

    with pytest.raises(f.errors.KindError, match="writes into none of its arguments"):
        program_of(step, torch.ones(3), (), ())
