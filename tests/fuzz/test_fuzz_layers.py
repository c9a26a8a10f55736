"""Every layer and loss, handed what nobody would: the right answer, or one of our errors."""

import pytest
import torch
from disguises import (
    DISGUISES,
    KINDS,
    SHAPES,
    SPECIAL,
    SPOILS,
    at,
    clean,
    from_inference,
    one_of_ours,
    places,
    special,
    tensors,
)
from hypothesis import given
from hypothesis import strategies as st
from table import CASES

import funcdl as f
from funcdl import tree
from funcdl.cases.draws import normals

# What is written in plain functions, or outside of the library, may fail as it likes.
STRANGERS = ("square", "scaled", "two_states", "one_example", "multiplied_by_noise")
OURS = [
    case
    for case in CASES
    if not any(word in str(case) for word in STRANGERS)
    and f.as_layer(case.layer).apply.__module__.startswith("funcdl.")
]

cases = st.sampled_from(OURS)
seeds = st.integers(0, 2**31)


def arguments(case, seed):
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        return case.params(rng), case.inputs(rng)


def cotangent(y, seed):
    rng = torch.Generator().manual_seed(seed)
    return tree.map(lambda t: t.new_empty(t.shape).double().normal_(generator=rng).to(t.dtype), y)


def alike(found, expected):
    found, expected = tree.leaves(found), tree.leaves(expected)
    assert len(found) == len(expected)
    for one, other in zip(found, expected):
        if one is None or other is None:
            assert one is other
        else:
            one, other = one.detach(), other.detach()
            # A sum in another order may be off by a share of its largest term.
            size = other.double().nan_to_num(0, 0, 0).abs().max() if other.numel() else 0
            torch.testing.assert_close(
                one, other, rtol=1e-9, atol=1e-11 * (1 + float(size)), equal_nan=True
            )


def shape_tree(value):
    return tuple(map(shape_tree, value)) if isinstance(value, tuple) else tuple(value.shape)


@given(
    case=cases,
    seed=seeds,
    changes=st.lists(
        st.tuples(places, st.sampled_from(DISGUISES) | st.sampled_from(SPECIAL), places), max_size=4
    ),
    graph=st.booleans(),
)
def test_what_is_the_same_in_disguise_gives_the_same(case, seed, changes, graph):
    args = arguments(case, seed)
    if graph:  # which torch refuses to record what comes from inference mode in
        changes = [change for change in changes if change[1] is not from_inference]
    with torch.no_grad():
        for place, change, where in changes:
            if callable(change):
                args = at(args, place, change)
            else:
                args = at(args, place, lambda t, v=change, w=where: special(t, v, w))
        before = clean(args)
    with torch.set_grad_enabled(graph):
        result = one_of_ours(lambda: case.apply(*args))
    expected = one_of_ours(lambda: case.apply(*clean(before)))
    if result is None or expected is None:
        # What is written in place may not be recorded by autograd: the one word that it hears.
        assert result is expected or (graph and any(t.requires_grad for t in tensors(args)))
        return
    (y, vjp), (y2, vjp2) = result, expected
    alike(y, y2)
    dy = cotangent(y2, seed)
    for place, change, _ in changes:
        if callable(change) and change.__name__ != "live":
            dy = at(dy, place, change)
    with torch.set_grad_enabled(graph):
        found = one_of_ours(lambda: vjp(dy))
        if found is None:
            assert graph, "no derivative"
            assert any(t.requires_grad for t in tensors(args)), "no derivative"
            return
        alike(found, vjp2(clean(dy)))
        alike(vjp(dy, False)[0], found[0])
    alike(args, before)
    if not graph:
        assert all(t.grad_fn is None for t in tensors((y, found)))


@given(case=cases, seed=seeds, place=places, other=places)
def test_one_tensor_in_two_places_is_as_good_as_two(case, seed, place, other):
    args = arguments(case, seed)
    leaves, structure = tree.to_leaves(args)
    one, two = place % len(leaves), other % len(leaves)
    if (leaves[one].shape, leaves[one].dtype) == (leaves[two].shape, leaves[two].dtype):
        leaves[two] = leaves[one]
    args = tree.from_leaves(structure, leaves)
    y, vjp = case.apply(*args)
    y2, vjp2 = case.apply(*clean(args))
    alike(y, y2)
    # The output as its own cotangent, or an input where it fits.
    dy = y if place % 2 else at(y, other, lambda t: fitting(t, leaves))
    dy2 = clean(dy)
    before = clean((args, y))
    alike(vjp(dy), vjp2(dy2))
    alike((args, y), before)


def fitting(t, leaves):
    return next((leaf for leaf in leaves if (leaf.shape, leaf.dtype) == (t.shape, t.dtype)), t)


@given(
    case=cases,
    seed=seeds,
    which=st.sampled_from(["params", "x", "dy"]),
    place=places,
    spoil=st.sampled_from(SPOILS),
    where=places,
)
def test_what_does_not_fit_is_refused_in_our_words(case, seed, which, place, spoil, where):
    layer = f.as_layer(case.layer)
    params, x = arguments(case, seed)

    def spoilt(value):
        return at(value, place, lambda t: spoil(t, where))

    if which == "params":
        params = spoilt(params)
    elif which == "x":
        x = spoilt(x)
    result = one_of_ours(lambda: case.apply(params, x))
    if result is None:
        return
    y, vjp = result
    if which == "x":
        # What the layer takes, its init takes too, and foretells.
        assert layer.init(torch.Generator(), shape_tree(x))[1] == shape_tree(y)
    dy = cotangent(y, seed) if y_is_real(y) else tree.map(lambda t: t.new_ones(t.shape), y)
    if which == "dy":
        dy = spoilt(dy)
    back = one_of_ours(lambda: vjp(dy))
    if back is None:
        # Complex numbers, and whole ones, may have none.
        assert which == "dy" or not y_is_real((x, y)), "a layer gave a value and no derivative"
        return
    if which == "dy":
        none = any(d is None for d in tree.leaves(dy))  # which stands for no cotangent
        assert none or kinds(dy) == kinds(y)
    fit(params, back[0])
    fit(x, back[1])
    if which != "dy" and y_is_real(y):
        compare_with_float64(case, params, x, y)


def y_is_real(y):
    leaves = tree.leaves(y)
    return bool(leaves) and all(t.is_floating_point() and t.device.type == "cpu" for t in leaves)


def kinds(value):
    return tree.map(lambda t: (*t.shape, t.dtype, t.device), value)


def fit(value, cotangents):
    """The cotangents have the kinds of what they belong to; None stands for none."""
    if cotangents is None:
        return
    if isinstance(value, torch.Tensor):
        assert cotangents.shape == value.shape
        assert cotangents.device == value.device
        assert cotangents.dtype == value.dtype or not value.is_floating_point()
    elif tree.is_node(value):
        assert len(value) == len(cotangents)
        for entry, d in zip(value, cotangents):
            fit(entry, d)


def compare_with_float64(case, params, x, y):
    """Numbers of any kind are taken for what they are."""

    def exact(leaf):
        return leaf.double() if leaf.is_floating_point() else leaf

    if not case.random:
        wanted, _ = case.apply(*tree.map(exact, (params, x)))
        rough = min(torch.finfo(t.dtype).bits for t in tensors((params, x, y)) if t.is_floating_point())  # fmt: skip
        room = {64: 1e-9, 32: 1e-3, 16: 0.2}[rough]
        for one, other in zip(tree.leaves(y), tree.leaves(wanted)):
            gap = float((one.double() - other).norm())
            assert not gap > room * (1 + float(other.norm()))


# Statistics that were not measured yet are what a norm begins with.
@pytest.mark.filterwarnings("ignore::funcdl.FuncdlWarning")
@given(case=cases, seed=seeds, spoil=st.sampled_from(SHAPES + KINDS), where=places)
def test_init_takes_shapes_that_apply_takes(case, seed, spoil, where):
    layer = f.as_layer(case.layer)
    _, x = arguments(case, seed)
    x = at(x, where, lambda t: spoil(t, where))
    leaves = tree.leaves(x)
    if not y_is_real(x):
        return
    drawn = one_of_ours(lambda: layer.init(torch.Generator(), shape_tree(x)))
    if drawn is None:
        return
    params = tree.map(lambda p: p.to(leaves[0].dtype), drawn[0])
    result = one_of_ours(lambda: case.apply(params, x))
    if result is not None:
        assert shape_tree(result[0]) == drawn[1]
    else:
        # A value in a wrong place, no examples, or too few of them: no shape tells.
        assert case.draw is not normals or case.random or len({t.dtype for t in leaves}) > 1 or any(
            t.numel() == 0 for t in leaves
        ), "init took what apply refuses"  # fmt: skip


@pytest.mark.parametrize("case", OURS, ids=str)
def test_an_empty_batch_has_no_gradient(case):
    params, x = arguments(case, 0)
    x = tree.map(lambda t: t[:0] if t.ndim else t, x)
    result = one_of_ours(lambda: case.apply(params, x))
    if result is None:
        return
    y, vjp = result
    dparams, dx = vjp(tree.map(torch.ones_like, y))
    if not any(t.numel() for t in tensors(y)):
        assert not any(d.any() for d in tensors(dparams))
    fit(params, dparams)
    fit(x, dx)
