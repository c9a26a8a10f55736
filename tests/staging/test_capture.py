"""A staged step whose calls are captured: here by a capture that makes them, as a graph would."""

import copy
import gc
import weakref

import pytest
import torch
from users import looking

import funcdl as f
from funcdl import tree
from funcdl.errors import KindError, ResourceError, UsageError
from studykit.capture import cuda_graph

CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def calling(calls):
    """Capture nothing: make the calls again."""
    return calls


def warmed(calls):
    """Make the calls some times before, as a graph's warm-up does."""
    for _ in range(3):
        calls()
    return calls


def net():
    return f.serial(f.linear(6), f.tanh, f.dropout(0.5), f.linear(2))


def start(optimiser, device="cpu"):
    rng = torch.Generator(device).manual_seed(3)
    network = net()
    params, _ = network.init(rng, (3,))
    x = torch.rand(9, 7, 3, generator=torch.Generator().manual_seed(4)).to(device)
    batches = [(part, part[:, :2] * 2) for part in x]
    step = f.training_step(f.supervised(network, f.mse()), optimiser)
    return step, params, optimiser.init(params), batches


def course(step, params, state, batches, rng):
    """Take the steps; give all losses and the last parameters and state."""
    losses = []
    for batch in batches:
        params, state, loss = step(params, state, batch, rng)
        losses.append(loss)
    return torch.stack(losses), [leaf.clone() for leaf in tree.leaves((params, state))]


def seeded(device="cpu"):
    return torch.Generator(device).manual_seed(7)


def assert_alike(found, expected):
    torch.testing.assert_close(found[0], expected[0])
    for a, b in zip(found[1], expected[1], strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("normed", [False, True])
@pytest.mark.parametrize("capture", [calling, warmed])
def test_what_comes_in_is_still_there_when_the_calls_are_made_again(capture, normed):
    """Classes are indices: of what lay in their place, one would be far out of range."""
    norm = [f.batch_norm()] if normed else []
    network = f.serial(f.expand_dims(-1), f.conv2d(4, 3), f.max_pool2d(2), *norm, f.relu, f.flatten(3), f.linear(5))  # fmt: skip
    rng = torch.Generator().manual_seed(3)
    params, _ = network.init(rng, (8, 8))
    batches = [(torch.rand(6, 8, 8, generator=rng), torch.arange(6) % 5) for _ in range(4)]
    descent = f.adam(0.01)
    step = f.training_step(f.supervised(network, f.cross_entropy()), descent)
    rngs = [seeded()] if normed else [None]
    plain = course(f.stage(step), params, descent.init(params), batches, *rngs)
    found = course(f.stage(step, capture=capture), params, descent.init(params), batches, *rngs)
    assert_alike(found, plain)


OPTIMISERS = {
    "adam": f.adam(0.01),
    "scheduled": f.adam(f.schedules.one_cycle(0.1, 9)),
    "momentum": f.sgd(0.1, momentum=0.9),
    "radam": f.radam(0.01),
}


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("capture", [calling, warmed])
def test_a_captured_step_takes_the_staged_ones_course(name, capture):
    step, *rest = start(OPTIMISERS[name])
    expected = course(f.stage(step), *rest, seeded())
    found = course(f.stage(step, capture=capture), *rest, seeded())
    assert torch.equal(found[0], expected[0])
    assert all(map(torch.equal, found[1], expected[1]))


def test_what_is_repeated_is_all_that_a_replay_does():
    step, *rest = start(f.adam(0.01))
    made = []

    def counted(calls):
        def again():
            made.append(1)
            calls()

        return again

    fast = f.stage(step, capture=counted)
    course(fast, *rest, seeded())
    assert len(made) == 8  # the first step is the recorded one
    assert all(not replay.body and len(replay.tail) == 1 for replay in fast.replays.values())


def test_the_capture_is_asked_once_for_each_kind_of_batch_and_kept_by_a_copy():
    step, params, state, batches = start(f.adam(0.01))
    asked = []

    def counted(calls):
        asked.append(1)
        return calls

    fast = f.stage(step, capture=counted)
    for rows in (7, 5, 7, 5):
        x, t = batches[0]
        params, state, _ = fast(params, state, (x[:rows], t[:rows]), seeded())
    assert len(asked) == 2
    assert copy.copy(fast).capture is counted


def test_what_was_captured_lives_as_long_as_the_step():
    made = []

    def forgetful(calls):
        made.append(weakref.ref(calls))
        return lambda: None  # a graph knows the addresses of the tensors, and keeps none of them

    pure, *carried, batches = start(f.sgd(0.1))
    step = f.stage(pure, capture=forgetful)
    step(*carried, batches[0], seeded())
    gc.collect()
    assert made[0]() is not None
    del step
    gc.collect()
    assert made[0]() is None


def test_another_generator_draws_other_numbers():
    step, params, state, batches = start(f.sgd(0.1))
    fast, slow = f.stage(step, capture=warmed), f.stage(step)
    other = [torch.Generator().manual_seed(i) for i in range(3)]
    again = [torch.Generator().manual_seed(i) for i in range(3)]
    losses = []
    for rngs, made in ((other, fast), (again, slow)):
        p, s = params, state
        for rng, batch in zip(rngs, batches):
            p, s, loss = made(p, s, batch, rng)
            losses.append(float(loss))
    assert losses[:3] == losses[3:]
    assert [rng.get_state().tolist() for rng in other] == [r.get_state().tolist() for r in again]


def refused(step, params, state, batch, rng=None, capture=calling):
    with pytest.raises(UsageError) as caught:
        f.stage(step, capture=capture)(params, state, batch, rng)
    return str(caught.value)


def test_inputs_on_several_devices_are_refused():
    step, params, state, batches = start(f.adam(0.01))
    elsewhere = state._replace(lr=state.lr.to("meta"))
    said = refused(step, params, elsewhere, batches[0], seeded())
    assert said == (
        "stage: expected params, state, batch and generator on one device, to be captured, got "
        "some on cpu and some on meta"
    )


def test_a_layer_that_is_called_as_it_is_is_refused(rng):
    network = f.serial(f.linear(4), looking, f.linear(2))
    params, _ = network.init(rng, (3,))
    descent = f.sgd(0.1)
    step = f.training_step(f.supervised(network, f.mse()), descent)
    said = refused(step, params, descent.init(params), (torch.ones(5, 3), torch.ones(5, 2)))
    assert "the layer looking, which has to be called as it is" in said


@pytest.mark.parametrize(
    ("capture", "words"),
    [
        (lambda calls: None, "NoneType from capture"),
        (lambda calls: calls(3), "an error: "),
    ],
)
def test_a_capture_that_fails_is_refused_and_nothing_is_lost(capture, words):
    step, params, state, batches = start(f.adam(0.01))
    before = [leaf.clone() for leaf in tree.leaves((params, state))]
    rng = seeded()
    said = refused(step, params, state, batches[0], rng, capture)
    assert said.startswith("stage: expected calls that can be captured, got ")
    assert words in said
    assert all(map(torch.equal, tree.leaves((params, state)), before))
    assert torch.equal(rng.get_state(), seeded().get_state())


def test_no_room_for_a_capture_is_said():
    def full(calls):
        raise MemoryError

    step, params, state, batches = start(f.adam(0.01))
    with pytest.raises(ResourceError, match=r"^stage: "):
        f.stage(step, capture=full)(params, state, batches[0], seeded())


def test_what_is_no_function_is_refused():
    with pytest.raises(KindError, match=r"^stage: expected capture to be a function, got int"):
        f.stage(start(f.sgd(0.1))[0], capture=3)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_state_lives_where_its_parameters_do(name):
    params = tree.map(lambda p: p.to("meta"), start(f.sgd(0.1))[1])
    state = OPTIMISERS[name].init(params)
    assert {leaf.device.type for leaf in tree.leaves(state)} == {"meta"}


@CUDA
@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_graph_takes_the_staged_ones_course(name):
    step, *rest = start(OPTIMISERS[name], "cuda")
    with torch.inference_mode():
        rng = seeded("cuda")
        found = course(f.stage(step, capture=cuda_graph(rng)), *rest, rng)
        assert_alike(found, course(f.stage(step), *rest, seeded("cuda")))
        assert_alike(found, course(step, *rest, seeded("cuda")))


@CUDA
def test_a_graph_that_reads_another_device_is_refused():
    step, params, state, batches = start(f.adam(0.01), "cuda")
    rng = seeded("cuda")
    for bad in (state._replace(lr=state.lr.cpu()), state):
        generator = seeded() if bad is state else rng
        said = refused(step, params, bad, batches[0], generator, cuda_graph(rng))
        assert "on cpu and some on cuda" in said
