"""Plans of small steps, without the proof that would leave a wrong one out."""

from collections import Counter
from itertools import combinations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import funcdl as f
from funcdl import tree
from funcdl.staging.carried import Carried
from funcdl.staging.passes.share import Span, arranged
from funcdl.staging.plan import plan
from funcdl.staging.program import reads, writes
from funcdl.staging.recording import run
from funcdl.staging.replay import bind
from funcdl.staging.translate import program_of, translate
from funcdl.watching.nested import storage, tensors
from pairs.models import MODELS


def normal(*shape, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=rng, dtype=torch.float64)


def two(*shape):
    return tuple(normal(*shape, seed=seed) for seed in (1, 2))


def in_pieces(x, then=lambda x, y: y.sum(), turned=False):
    """Copy a tensor's halves, each doubled or trebled before the next one is copied."""
    y = x.new_empty(4)
    for k, part in enumerate((x[2:], x[:2]) if turned else (x[:2], x[2:])):
        y[2 * k : 2 * k + 2].copy_(part).mul_(2 + k)
    return then(x, y)


def copied_twice(x):
    """Copy a half, change it, use it, and copy it again."""
    y = x.new_empty(4)
    y[:2].copy_(x[:2]).mul_(2)
    before = y[:2].sum()
    y.copy_(x)
    return before, y.sum()


def changed_behind(x):
    """Copy a half, and change what it was copied from, of which the other half is read."""
    y = x.new_empty(2)
    y.copy_(x[:2])
    x.mul_(3)
    return y.sum(), x[2:].sum()


def copied_and_turned(x):
    """Copy a row to its own place, and the others turned to the place that they have together."""
    y = x.new_empty(3, 2)
    y[2:].copy_(x[2:]).mul_(2)
    y[:2].copy_(x[:2].mT)
    return y.unbind()


STEPS = {
    "copied and turned": (
        lambda p, s, b: (p, s, *(row.sum() for row in copied_and_turned(p * b))),
        normal(3, 2),
        (),
    ),
    "copied twice": (lambda p, s, b: (p, s, *copied_twice(p * b)), normal(4), ()),
    "changed behind": (lambda p, s, b: (p, s, *changed_behind(p * b)), normal(4), ()),
    "in pieces": (lambda p, s, b: (p, s, in_pieces(p * b)), normal(4), ()),
    "in pieces, the other way round": (
        lambda p, s, b: (p, s, in_pieces(p * b, turned=True)),
        normal(4),
        (),
    ),
    "in pieces, and read again": (
        lambda p, s, b: (p, s, in_pieces(p * b, lambda x, y: (x * y).sum())),
        normal(4),
        (),
    ),
    "in pieces, and a half read again": (
        lambda p, s, b: (p, s, in_pieces(p * b, lambda x, y: y.sum() + x[3])),
        normal(4),
        (),
    ),
    "in pieces, and given": (
        lambda p, s, b: (p, s, *in_pieces(p * b, lambda x, y: (x, y))),
        normal(4),
        (),
    ),
    "in pieces of pieces": (
        lambda p, s, b: (p, s, in_pieces(in_pieces(p * b, lambda x, y: y))),
        normal(4),
        (),
    ),
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
    "2-25-25-25-2, adam": ((25, 25, 25), f.relu, f.adam(0.01), 51),
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


@pytest.mark.parametrize("optimiser", [f.adam(0.01), f.rmsprop(0.01)])
def test_an_optimisers_state_is_written_where_it_came_in(optimiser):
    objective = f.supervised(f.serial(f.linear(3), f.tanh, f.linear(2)), f.mse())
    params, _ = objective.init(torch.Generator().manual_seed(0), ((2,), (2,)))
    batch = torch.ones(4, 2), torch.zeros(4, 2)
    step = f.training_step(objective, optimiser)
    program = plan(program_of(step, params, optimiser.init(params), batch))
    starts = {slot.buffer for slot in program.starts}
    copied = [call for call in program.calls if call.name == "copy_"]
    assert not any(call.outs[0].buffer in starts for call in copied)


def test_what_writes_into_its_arguments_has_no_program():
    def step(params, state, batch):
        return params.mul_(2), state

    with pytest.raises(f.errors.KindError, match="writes into none of its arguments"):
        program_of(step, torch.ones(3), (), ())


@pytest.mark.parametrize(
    ("name", "copies"),
    [
        ("in pieces", 0),
        ("in pieces, the other way round", 2),
        ("in pieces, and read again", 2),
        ("in pieces, and a half read again", 2),
        ("in pieces of pieces", 0),
    ],
)
def test_what_is_copied_and_not_read_again_stays(name, copies):
    step, params, state = STEPS[name]
    program = plan(program_of(step, params, state, torch.tensor(0.5, dtype=torch.float64)))
    pieces = [call for call in program.calls if call.args[0].shape == (2,)]
    assert [call.name for call in pieces].count("copy_") == copies


def planned(step, params, state, batch):
    """A step's program with its memory shared, and its replay; for each call, who is alive then."""
    carried = Carried((params, state))
    program = plan(translate(run(step, (params, state, batch)), carried))
    replay = bind(program, carried)
    carried.fill((params, state))
    first, last = dict.fromkeys((slot.buffer for slot in program.batch), -1), {}
    for i, call in enumerate(program.calls):
        for buffer in reads(call) | writes(call):
            first.setdefault(buffer, i)
            last[buffer] = i
    last |= dict.fromkeys((slot.buffer for slot in program.outputs()), len(program.calls))
    lives = [{b for b in last if first[b] <= i <= last[b]} for i in range(len(program.calls))]
    return program, replay, lives


def shared_memory(program):
    """The one memory that is shared, as bytes: that of most calls."""
    memory = [call.outs[0].buffer.memory for call in program.calls if call.outs]
    ((most, _),) = Counter(map(storage, memory)).most_common(1)
    return next(t for t in memory if storage(t) == most).view(torch.int8)


def ranges(buffers, memory):
    """Where buffers lie in it, in bytes; no matter which those are that lie elsewhere."""
    for b in buffers:
        if b.memory is not None and storage(b.memory) == storage(memory):
            count = b.size // b.rows.width * b.rows.pitch if b.rows else b.size
            size = b.memory.element_size()
            yield b.start * size, (b.start + count) * size


def pairs_step(name, size):
    model = MODELS[name]
    objective, optimiser = f.supervised(model.net, model.loss), f.adam(1e-3)
    params, _ = model.net.init(torch.Generator().manual_seed(0), (2, 14, 14))
    rng = torch.Generator().manual_seed(1)
    classes = torch.randint(10, (size, 2), generator=rng)
    targets = (classes.amax(1) % 2, classes)[: model.outputs]
    batch = torch.rand(size, 2, 14, 14, generator=rng), targets
    return f.training_step(objective, optimiser), params, optimiser.init(params), batch


@pytest.mark.parametrize("name", ["conv-plain", "conv-shared-aux", "fc-plain"])
def test_no_call_reads_what_is_left_in_memory_that_it_shares(name):
    step, params, state, batch = pairs_step(name, 4)
    program, replay, lives = planned(step, params, state, batch)
    memory = shared_memory(program)
    for buffer, x in zip(replay.batch, tensors(batch)):
        buffer.copy_(x)
    for call, alive in zip((*replay.body, *replay.tail), lives):
        kept = torch.zeros(len(memory), dtype=torch.bool)
        for begin, end in ranges(alive, memory):
            kept[begin:end] = True
        memory[~kept] = -1  # of the bits of floats, NaN
        call()
    assert int((memory == -1).sum()) > len(memory) / 4  # most is shared
    expected = step(params, state, batch)
    for a, b in zip(
        tree.leaves((replay.carried.params, replay.rest[0])),
        tree.leaves((expected[0], expected[2])),
    ):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["conv-plain", "conv-shared-aux", "fc-plain"])
def test_shared_memory_is_hardly_more_than_lives_at_once(name):
    program, _, lives = planned(*pairs_step(name, 100))
    memory = shared_memory(program)
    most = max(sum(end - begin for begin, end in ranges(alive, memory)) for alive in lives)
    assert most <= len(memory) < 1.05 * most


@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.integers(-1, 9), st.integers(0, 5)),
        max_size=30,
    )
)
def test_what_lives_at_the_same_time_lies_apart(drawn):
    spans = [Span(size, first, first + more) for size, first, more in drawn]
    starts, total = arranged(spans)
    assert all(start % 64 == 0 for start in starts)
    assert all(start + span.size <= total for start, span in zip(starts, spans))
    for (a, p), (b, q) in combinations(zip(starts, spans), 2):
        if p.size and q.size and p.first <= q.last and q.first <= p.last:
            assert a + p.size <= b or b + q.size <= a
