"""Paths of parameters by the names of the parts that they belong to."""

import pytest
import torch

import funcdl as f
from funcdl import tree
from funcdl.cases import CASES
from funcdl.combinators.named import Naming
from funcdl.errors import TreeError


def paths(net, shape, rng):
    params, _ = net.init(rng, shape)
    found = f.named_paths(net, params)
    assert len(found) == len(tree.leaves(params))
    assert len(set(found)) == len(found)
    return found


@pytest.mark.parametrize("case", CASES, ids=str)
def test_without_names_they_are_those_of_the_tree(case, rng):
    params, _ = case.layer.init(rng, case.shape)
    found = f.named_paths(case.layer, params)
    assert len(found) == len(tree.paths(params))
    if not any(isinstance(part.apply, Naming) for part in inside(case.layer)):
        assert found == tree.paths(params)


def inside(layer):
    """All layers in a layer, itself included."""
    return [layer, *(deep for part in layer.layers for deep in inside(part))]


def test_names_stand_where_numbers_would(rng):
    block = f.named("block", f.serial(f.linear(4), f.named("inner", f.linear(4))))
    net = f.serial(
        f.shared(f.freeze(f.named("twin", f.linear(4)))),
        f.fan_in("sum"),
        f.repeat(f.serial(f.relu, f.named("again", f.linear(4))), 2),
        f.residual(block, f.named("short", f.linear(4))),
        f.named("a", f.named("b", f.linear(1))),
    )
    assert paths(net, ((3,), (3,)), rng) == [
        *("twin.w", "twin.b"),
        *("[2][0].again.w", "[2][0].again.b", "[2][1].again.w", "[2][1].again.b"),
        *("[3].block[0].w", "[3].block[0].b", "[3].block.inner.w", "[3].block.inner.b"),
        *("[3].short.w", "[3].short.b", "a.b.w", "a.b.b"),
    ]


def test_a_trained_objective_has_its_networks_names(rng):
    net = f.supervised(f.serial(f.named("head", f.linear(1))), f.mse())
    assert paths(net, ((3,), (1,)), rng) == ["head.w", "head.b"]


def test_names_choose_what_decays(rng):
    net = f.serial(f.named("body", f.linear(4)), f.named("head", f.linear(1)))
    params, _ = net.init(rng, (3,))
    known = dict(zip(tree.paths(params), f.named_paths(net, params), strict=True))
    descent = f.adam(0.1, weight_decay=1.0, where=lambda path: known[path].startswith("head."))
    moved, _ = descent.update(params, tree.zeros_like(params), descent.init(params))
    assert torch.equal(moved[0].w, params[0].w)
    assert not torch.equal(moved[1].w, params[1].w)


def test_parameters_of_another_network_are_refused(rng):
    params, _ = f.serial(f.linear(2)).init(rng, (3,))
    with pytest.raises(
        TreeError, match=r"^named_paths: expected 2 entries for the parts of serial"
    ):
        f.named_paths(f.serial(f.linear(2), f.relu), params)
