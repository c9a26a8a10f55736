"""Batches of data: every example once, in an order that is drawn, given or kept."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import funcdl as f
from funcdl.errors import InputError, KindError, ShapeError


def data(count):
    x = torch.arange(count)
    return {"x": x, "rest": (x.view(-1, 1) * torch.ones(3), [x * 2])}


@given(
    st.integers(0, 40), st.integers(1, 50), st.booleans(), st.booleans(), st.integers(0, 2**32 - 1)
)
def test_every_example_comes_once_and_with_what_belongs_to_it(count, size, shuffle, drop, seed):
    rng = torch.Generator().manual_seed(seed) if shuffle else None
    found = list(f.batches(data(count), size, rng, drop_last=drop))
    seen = [i for batch in found for i in batch["x"].tolist()]
    whole = count // size * size if drop else count
    assert len(seen) == len(set(seen)) == whole
    assert set(seen) <= set(range(count))
    if not shuffle:
        assert seen == list(range(whole))
    sizes = [len(batch["x"]) for batch in found]
    assert all(n == size for n in sizes[:-1])
    for batch in found:
        wide, (twice,) = batch["rest"]
        assert torch.equal(wide[:, 0], batch["x"].float())
        assert torch.equal(twice, batch["x"] * 2)


def test_an_order_is_drawn_anew_and_the_same_for_the_same_seed():
    rng = torch.Generator().manual_seed(3)
    orders = [[i for b in f.batches(data(30), 7, rng) for i in b["x"].tolist()] for _ in range(2)]
    assert orders[0] != orders[1]
    again = torch.Generator().manual_seed(3)
    assert [i for b in f.batches(data(30), 7, again) for i in b["x"].tolist()] == orders[0]


def test_all_orders_are_as_likely():
    rng = torch.Generator().manual_seed(0)
    found = {}
    for _ in range(6000):
        order = tuple(i for b in f.batches(torch.arange(3), 3, rng) for i in b.tolist())
        found[order] = found.get(order, 0) + 1
    assert len(found) == 6
    # The chi-squared of 5 degrees of freedom exceeds 20.5 once in a thousand.
    assert sum((n - 1000) ** 2 / 1000 for n in found.values()) < 20.5


def test_an_order_is_given():
    order = torch.tensor([4, 0, 2])
    assert [b.tolist() for b in f.batches(torch.arange(5), 2, order=order)] == [[4, 0], [2]]


def test_they_are_cut_along_another_axis_behind_that_of_models():
    x = torch.arange(24).view(2, 6, 2)
    found = list(f.batches({"x": x, "t": x[..., 0]}, 4, axis=1))
    assert [batch["x"].shape for batch in found] == [(2, 4, 2), (2, 2, 2)]
    assert torch.equal(torch.cat([batch["t"] for batch in found], 1), x[..., 0])
    order = torch.tensor([5, 0])
    (only,) = f.batches(x, 2, order=order, axis=1)
    assert torch.equal(only, x[:, order])


def test_a_staged_step_takes_them(rng):
    net, descent = f.linear(1), f.sgd(0.1)
    params, _ = net.init(rng, (3,))
    step = f.training_step(f.supervised(net, f.mse()), descent)
    x = torch.rand(50, 3, generator=rng)
    fast, state, slow = f.stage(step), descent.init(params), params
    quick, kept = params, state
    for batch in f.batches((x, x[:, :1]), 8, torch.Generator().manual_seed(1)):
        slow, state, loss = step(slow, state, batch)
        quick, kept, again = fast(quick, kept, batch)
        torch.testing.assert_close(loss, again)
    torch.testing.assert_close(slow.w, quick.w)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((torch.ones(3), 0), InputError, "size to be at least 1, got 0"),
        ((torch.ones(3), 2, 7), KindError, "Generator"),
        (((), 2), InputError, "at least one tensor, got none"),
        (((torch.ones(3), torch.ones(2)), 2), ShapeError, r"data\[1\] to have 3 examples, got 2"),
        (({"a": 3.0}, 2), KindError, r"data.a to be a tensor of examples, got float"),
        ((torch.ones(()), 2), KindError, "got one without axes"),
    ],
)
def test_what_cannot_be_cut_is_refused_at_once(arguments, error, words):
    with pytest.raises(error, match=f"^batches: expected .*{words}"):
        f.batches(*arguments)


@pytest.mark.parametrize(
    ("order", "error", "words"),
    [
        (torch.ones(3), KindError, r"int64 with one axis, got torch.float32 \(3,\)"),
        ([0, 1], KindError, r"got \[0, 1\]"),
        (torch.tensor([0, 3]), InputError, "from 0 to 2, got one of 0 to 3"),
    ],
)
def test_what_is_no_order_is_refused(order, error, words):
    with pytest.raises(error, match=f"^batches: expected order .*{words}"):
        f.batches(torch.ones(3), 2, order=order)


def test_an_order_is_drawn_or_given(rng):
    with pytest.raises(InputError, match="a generator or an order, got both"):
        f.batches(torch.ones(3), 2, rng, order=torch.tensor([0]))
