"""Choosing, ordering and nesting entries: what comes back, and what is refused."""

import pytest
import torch

import funcdl as f
from funcdl import tree
from funcdl.errors import InputError, KindError, ShapeError


def entries():
    return {
        "a": torch.arange(6.0).view(2, 3),
        "b": (torch.ones(2, 4), {"c": torch.full((2, 1), 7.0)}),
    }


def test_entries_are_chosen_out_of_anything_and_nested_as_wished():
    x = entries()
    y, vjp = f.take(("a", [*"b", 0], {"again": "a", "c": ["b", 1, "c"]}))((), x)
    assert torch.equal(y[0], x["a"])
    assert torch.equal(y[1], x["b"][0])
    assert y[2].keys() == {"again", "c"}
    dy = tree.map(torch.ones_like, y)
    _, dx = vjp(dy)
    assert torch.equal(dx["a"], 2 * torch.ones(2, 3))
    assert torch.equal(dx["b"][0], torch.ones(2, 4))
    assert torch.equal(dx["b"][1]["c"], torch.ones(2, 1))
    assert vjp(dy, False)[1] is None


def test_what_is_not_taken_has_no_influence():
    x = torch.ones(2), torch.ones(3), torch.ones(4), torch.ones(5).long()
    _, vjp = f.take((2, 0))((), x)
    _, dx = vjp((torch.full((4,), 3.0), None))
    assert torch.equal(dx[0], torch.zeros(2))  # nobody gave one
    assert torch.equal(dx[1], torch.zeros(3))
    assert torch.equal(dx[2], torch.full((4,), 3.0))
    assert dx[3] is None  # classes have none


def test_a_node_and_what_is_inside_of_it_are_added():
    x = ((torch.ones(2), torch.ones(3)), torch.ones(4))
    (whole, _), vjp = f.take((0, [0, 1]))((), x)
    _, dx = vjp((tree.map(torch.ones_like, whole), torch.ones(3)))
    assert dx[0][0].tolist() == [1.0] * 2
    assert dx[0][1].tolist() == [2.0] * 3
    assert torch.equal(dx[1], torch.zeros(4))


def test_shapes_are_routed_as_values_are(rng):
    shapes = {"a": (2, 3), "b": ((2, 4), {"c": (2, 1)})}
    layer = f.take(({"c": ["b", 1, "c"]}, "a"))
    assert layer.init(rng, shapes) == ((), ({"c": (2, 1)}, (2, 3)))
    assert f.swap.init(rng, ((2,), (3,)))[1] == ((3,), (2,))
    assert f.drop(0, 2).init(rng, ((2,), (3,), (4,), (5,)))[1] == ((3,), (5,))


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (f.take(2), r"^take: expected an entry x\[2\], got 2 entries$"),
        (f.take([0, 0]), r"^take: expected an entry x\[0\]\[0\], got a tensor$"),
        (f.take("a"), r"^take: expected an entry x\['a'\], got 2 entries$"),
        (f.drop(5), r"^drop: expected an entry x\[5\], got 2 entries$"),
    ],
)
def test_an_entry_that_is_not_there_is_refused(layer, words, rng):
    with pytest.raises(ShapeError, match=words):
        layer((), (torch.ones(2), torch.ones(3)))
    with pytest.raises(ShapeError, match=words):
        layer.init(rng, ((2,), (3,)))


def test_a_key_that_is_not_there_is_answered_with_those_that_are():
    with pytest.raises(
        ShapeError, match=r"^take: expected an entry x\['z'\], got the keys 'a', 'b'"
    ):
        f.take("z")((), entries())


def test_what_names_no_entry_is_refused():
    for bad in (1.5, None, [], [0, None], True):
        with pytest.raises(KindError, match=r"^take: expected places and keys"):
            f.take(bad)
    for bad in ((), {}, -1):
        with pytest.raises(InputError):
            f.take(bad)


def dictionary_net():
    return f.serial(
        f.take(("left", "right")), f.shared(f.linear(4)), f.fan_in("sum"), f.tanh, f.linear(2)
    )


@pytest.mark.parametrize("staged", [False, True])
def test_a_network_of_a_dictionary_is_trained(staged, rng):
    net = dictionary_net()
    params, shape = net.init(rng, {"left": (3,), "right": (3,)})
    assert shape == (2,)
    objective, descent = f.supervised(net, f.mse()), f.adam(0.05)
    step = f.training_step(objective, descent)
    step = f.stage(step) if staged else step
    state = descent.init(params)
    x = {"left": torch.rand(16, 3, generator=rng), "right": torch.rand(16, 3, generator=rng)}
    t = (x["left"] + x["right"])[:, :2]
    losses = []
    for _ in range(200):
        params, state, loss = step(params, state, (x, t))
        losses.append(float(loss))
    assert losses[-1] < losses[0] / 4


def test_a_cotangent_of_a_dictionary_is_looked_at(rng):
    layer = f.take({"a": 0, "b": 1})
    y, vjp = layer((), (torch.ones(2), torch.ones(3)))
    assert y.keys() == {"a", "b"}
    for bad in ({"a": torch.ones(2)}, {"a": torch.ones(3), "b": torch.ones(3)}):
        with pytest.raises(f.FuncdlError, match=r"^take: expected dy "):
            vjp(bad)
    assert not vjp({"a": None, "b": torch.ones(3)})[1][0].any()
    assert vjp({"a": None, "b": None})[1] is None


def test_a_derivative_through_dictionaries_is_checked(rng):
    net = dictionary_net()
    params, _ = net.init(rng, {"left": (3,), "right": (3,)})
    params = tree.map(torch.Tensor.double, params)
    x = {key: torch.rand(5, 3, generator=rng, dtype=torch.float64) for key in ("left", "right")}
    y, vjp = net(params, x)
    dy = torch.rand(y.shape, generator=rng, dtype=torch.float64)
    dparams, dx = vjp(dy)
    leaves = [leaf.clone().requires_grad_() for leaf in (*tree.leaves(params), *x.values())]
    p = tree.from_leaves(tree.to_leaves(params)[1], leaves[:-2])
    with torch.enable_grad():
        out = net(p, dict(zip(x, leaves[-2:])))[0]
        wanted = torch.autograd.grad(out, leaves, dy)
    for a, b in zip((*tree.leaves(dparams), dx["left"], dx["right"]), wanted, strict=True):
        torch.testing.assert_close(a, b)
