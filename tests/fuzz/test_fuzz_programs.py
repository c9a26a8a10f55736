"""Steps that are random straight lines of calls: what a plan does to them may not be seen."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from programs import SHAPES, program

import funcdl as f
from funcdl import tree
from funcdl.staging.carried import Carried
from funcdl.staging.passes import bring_home, lower, separate
from funcdl.staging.plan import PASSES
from funcdl.staging.recording import run
from funcdl.staging.replay import bind
from funcdl.staging.translate import translate

STEPS = {
    "seed": st.integers(0, 2**31),
    "length": st.integers(1, 14),
    "shapes": st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3),
    "states": st.integers(0, 2) | st.lists(st.sampled_from(SHAPES), max_size=3),
}


def drawn(seed, length, shapes, states):
    """A step, what it begins with, and four batches."""
    rng = torch.Generator().manual_seed(seed)

    def normal(shape):
        return torch.randn(shape, generator=rng, dtype=torch.float64)

    others = shapes * states if isinstance(states, int) else states
    carried = tuple(map(normal, shapes)), tuple(map(normal, others))
    batches = [normal(shape) for shape in ((3,), (3,), (2, 3), (3,))]
    return program(length, seed), carried, batches


def assert_same(fast, slow):
    for a, b in zip(tree.leaves(slow), tree.leaves(fast)):
        torch.testing.assert_close(b, a, rtol=1e-9, atol=1e-11, equal_nan=True)


@given(**STEPS)
def test_a_program_of_any_calls_gives_its_numbers(seed, length, shapes, states):
    step, carried, batches = drawn(seed, length, shapes, states)
    slow = quick = carried
    fast = f.stage(step)
    for batch in batches:
        slow, quick = step(*slow[:2], batch), fast(*quick[:2], batch)
        assert_same(quick, slow)


@given(**STEPS)
def test_after_each_pass_a_program_gives_its_numbers_and_the_one_before_is_as_it_was(
    seed, length, shapes, states
):
    step, start, (batch, other, *_) = drawn(seed, length, shapes, states)
    # Before `separate`, what goes out may lie where the next step is written.
    for count in range(PASSES.index(separate) + 1, len(PASSES) + 1):
        recording, carried = run(step, (*start, batch)), Carried(start)
        before = translate(recording, carried)
        if before is None:  # it writes into its arguments
            return
        for one in PASSES[:count]:
            shown = str(before)
            after = one(before)
            assert str(before) == shown
            before = after
        replay, slow = bind(bring_home(lower(before)), carried), start
        carried.fill(start)
        for given_batch in (batch, other):
            slow, quick = step(*slow[:2], given_batch), replay(given_batch)
            assert_same(quick, slow)
