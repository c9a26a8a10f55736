"""Guards at the boundary: what fitted once is called without guards inside, and refused as ever."""

import pickle
from collections import OrderedDict
from dataclasses import replace

import pytest
import torch

import funcdl as f
from funcdl import tree
from funcdl.fitted import MOST, Composition, kinds_key
from funcdl.signature import Signature


@pytest.fixture
def net():
    return f.serial(f.linear(3), f.relu, f.serial(f.linear(4), f.tanh), f.linear(2))


@pytest.fixture
def params(net, rng):
    return net.init(rng, (5,))[0]


def looks(monkeypatch):
    """Count the calls whose arguments are looked at."""
    found = []
    fit = Signature.fit

    def counted(self, where, params, x):
        found.append(where)
        return fit(self, where, params, x)

    monkeypatch.setattr(Signature, "fit", counted)
    return found


def test_parts_are_looked_at_once(net, params, monkeypatch):
    found = looks(monkeypatch)
    first, vjp = net(params, torch.ones(6, 5))
    assert sorted(found) == sorted(["serial"] * 2 + ["linear"] * 3 + ["relu", "tanh"])
    found.clear()
    again, vjp_again = net(params, torch.ones(6, 5))
    assert found == []
    assert torch.equal(first, again)
    for need_dx in (True, False):
        given = vjp(torch.ones(6, 2), need_dx), vjp_again(torch.ones(6, 2), need_dx)
        (dparams, dx), (same, dx_again) = given
        assert all(map(torch.equal, tree.leaves(dparams), tree.leaves(same)))
        assert (dx is None and dx_again is None) if not need_dx else torch.equal(dx, dx_again)
    net(params, torch.ones(7, 5))
    assert len(found) == 7


BAD = {
    "input": lambda p, x: (p, torch.ones(6, 4)),
    "dtype": lambda p, x: (p, x.double()),
    "one leading axis": lambda p, x: (p, x[0, 0]),
    "bias that would be broadcast": lambda p, x: ((p[0]._replace(b=torch.ones(1)), *p[1:]), x),
    "width of a part": lambda p, x: ((*p[:3], f.linear(3).init(torch.Generator(), (4,))[0]), x),
    "fewer parts": lambda p, x: (p[:3], x),
    "an entry more": lambda p, x: (((*p[0], p[0].b), *p[1:]), x),
    "sparse": lambda p, x: (p, x.to_sparse()),
    "no tensor": lambda p, x: (p, [1.0]),
    "meta": lambda p, x: (p, x.to("meta")),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_does_not_fit_is_refused_in_the_same_words(net, params, kind):
    def said(apply):
        with pytest.raises(f.FuncdlError) as caught:
            apply(*BAD[kind](params, torch.ones(6, 5)))
        return type(caught.value), str(caught.value)

    before = said(net)
    net(params, torch.ones(6, 5))
    assert said(net) == before


def test_a_cotangent_and_a_generator_are_looked_at_each_time(net, params):
    for _ in range(2):
        _, vjp = net(params, torch.ones(6, 5))
        with pytest.raises(f.ShapeError, match=r"^serial: expected dy of shape \(6, 2\)"):
            vjp(torch.ones(6, 1))
        with pytest.raises(f.KindError, match="Generator"):
            net(params, torch.ones(6, 5), 0)


def halved(params, x):
    def vjp(dy):
        return (), dy / 2 if len(x) < 7 else dy[:, :1]

    return x / 2, vjp


def test_a_users_layer_inside_is_looked_at_each_time(rng):
    net = f.serial(f.linear(3), halved, f.linear(2))
    params, _ = net.init(rng, (5,))
    for _ in range(2):
        _, vjp = net(params, torch.ones(8, 5))
        with pytest.raises(f.ShapeError, match=r"^serial\[1\] halved: expected its vjp to give dx"):
            vjp(torch.ones(8, 2))


def test_what_fails_later_has_its_place(rng):
    bad = f.contract.declared("full", Signature((), "…", "…"), _late)
    net = f.supervised(f.serial(f.linear(3), bad), f.mse())
    params, _ = net.init(rng, ((5,), (3,)))
    batch = torch.ones(2, 5), torch.zeros(2, 3)
    said = []
    for _ in range(2):
        _, vjp = net(params, batch)
        with pytest.raises(f.ResourceError) as caught:
            vjp(torch.ones(()))
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert said[0].startswith("supervised net: serial[1] full: ")


def _late(params, x, rng=None):
    def vjp(dy, need_dx=True):
        raise MemoryError

    return x, vjp


def test_a_part_without_influence_gives_zeros(rng):
    """A loss whose output is measured by its target alone gives its network no cotangent."""

    def only_target(params, x):
        _, t = x
        return t.sum(), lambda dy: ((), (None, dy.expand(t.shape)))

    net = f.serial(f.linear(3), f.relu, f.linear(2))
    whole = f.supervised(net, only_target)
    params, _ = net.init(rng, (5,))
    for _ in range(2):
        _, vjp = whole(params, (torch.ones(4, 5), torch.ones(4, 2)))
        dparams, dx = vjp(torch.ones(()))
        assert tree.paths(dparams) == tree.paths(params)
        assert not any(leaf.any() for leaf in tree.leaves(dparams))
        assert dx == (None, None)


def test_another_apply_is_the_one_that_is_called(net, params):
    net(params, torch.ones(6, 5))
    other = replace(net, apply=lambda p, x, rng=None: (x, lambda dy, need_dx=True: (p, dy)))
    for _ in range(2):
        assert other(params, torch.ones(6, 5))[0].shape == (6, 5)


def test_a_composition_is_pickled(net, params):
    net(params, torch.ones(6, 5))
    loaded = pickle.loads(pickle.dumps(net))
    assert isinstance(loaded.apply, Composition)
    for _ in range(2):
        assert torch.equal(loaded(params, torch.ones(6, 5))[0], net(params, torch.ones(6, 5))[0])


KINDS = [
    lambda t: t(2, 3),
    lambda t: t(3, 2),
    lambda t: t(2, 3).double(),
    lambda t: t(2, 3).to("meta"),
    lambda t: t(2, 3).to_sparse(),
    lambda t: (t(2, 3),),
    lambda t: [t(2, 3)],
    lambda t: {"a": t(2, 3)},
    lambda t: {"b": t(2, 3)},
    lambda t: OrderedDict(a=t(2, 3)),
    lambda t: ((), t(2, 3)),
    lambda t: (t(2, 3), ()),
    lambda t: ((t(2, 3), t(2, 3)), ()),
    lambda t: ((t(2, 3),), (t(2, 3),)),
    lambda t: f.linear(1).init(torch.Generator(), (2,))[0],
    lambda t: torch.nn.Parameter(t(2, 3)),
    lambda t: 3.0,
    lambda t: None,
]


def test_kinds_are_told_from_each_other():
    keys = [kinds_key((), make(torch.ones)) for make in KINDS]
    known = [key for key in keys if key is not None]
    assert len(set(known)) == len(known)
    assert keys[-4:-3] != [None]
    assert keys[-3:] == [None] * 3
    for make, key in zip(KINDS, keys):
        assert kinds_key((), make(torch.zeros)) == key


def test_few_kinds_are_remembered(net, params):
    for rows in range(1, MOST + 3):
        net(params, torch.ones(rows, 5))
    assert len(net._fitted.keys) == 2
