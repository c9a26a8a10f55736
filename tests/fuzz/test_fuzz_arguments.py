"""Every public function, handed values of every kind: a result, or one of our errors."""

import inspect
import math

import pytest
import torch
from disguises import one_of_ours
from hypothesis import given
from hypothesis import strategies as st

import funcdl as f
from funcdl import initialisers, schedules, tree

ODD = [
    None, True, False, 0, 1, 2, 3, -1, 7, 10**12, 0.0, 0.5, -0.5, 1.0, 1e-8, 1e300, math.nan,
    math.inf, -math.inf, 2 + 3j, "", "sum", "x", "[0].w", (), (1,), (2, 3), (0.9, 0.999), (-1, 4),
    [], [1], {}, {1: 0.5}, {"a": 1}, b"x", object(), torch.ones(2), torch.ones(2, 3),
    torch.arange(3), torch.Generator(), f.relu, f.linear(2), f.identity, f.mse(), f.sgd(0.1),
    f.clip(1.0), (1.0, f.mse()), (f.Affine(torch.ones(2, 2), ()), ()),
]  # fmt: skip

FACTORIES = {
    name: getattr(f, name)
    for name in f.__all__
    if inspect.isfunction(getattr(f, name)) and name not in ("from_torch", "to_torch", "debug")
}
MODULES = {
    name: getattr(f, name)
    for name in f.__all__
    if inspect.isclass(getattr(f, name))
    and issubclass(getattr(f, name), f.Module)
    and name not in ("Module", "Sequential")
}
CURVES = {name: getattr(schedules, name) for name in schedules.__all__ if name != "Schedule"}

FLAGS = ("affine", "bias", "causal", "soft", "nesterov", "centred", "per_feature")

odd = st.sampled_from(range(len(ODD))).map(lambda i: ODD[i])


def call(function, data, of=odd):
    """Call a function with as many arguments as it may take, each drawn."""
    parameters = inspect.signature(function).parameters.values()
    given, named = [], {}
    for parameter in parameters:
        if parameter.name.endswith("init"):  # functions of a user may fail as they like
            break
        kind = st.booleans() if parameter.name in FLAGS else of
        if parameter.kind is parameter.VAR_POSITIONAL:
            given += data.draw(st.lists(kind, max_size=3))
        elif parameter.kind is parameter.KEYWORD_ONLY:
            if parameter.default is parameter.empty or data.draw(st.booleans()):
                named[parameter.name] = data.draw(kind)
        elif parameter.kind is not parameter.VAR_KEYWORD:
            if parameter.default is not parameter.empty and data.draw(st.booleans()):
                break
            given.append(data.draw(kind))
    return function(*given, **named)


def is_huge(value):
    return isinstance(value, int) and value > 10**6


TENSORS = st.lists(st.integers(0, 4), max_size=4).map(torch.rand)

# Sizes that nobody has memory for are torch's affair.
modest = odd.filter(lambda value: not is_huge(value))


@given(data=st.data(), name=st.sampled_from(sorted(FACTORIES)))
def test_a_factory_makes_something_or_says_why_not(data, name):
    made = one_of_ours(lambda: call(FACTORIES[name], data, modest))
    if isinstance(made, f.Layer):
        repr(made)
        shape = data.draw(st.lists(st.integers(0, 4), max_size=4).map(tuple))
        drawn = one_of_ours(lambda: made.init(torch.Generator(), shape))
        if drawn is not None:
            one_of_ours(lambda: made(drawn[0], torch.ones(shape)))


@given(data=st.data(), name=st.sampled_from(sorted(MODULES)))
def test_a_module_is_made_or_says_why_not(data, name):
    made = one_of_ours(lambda: call(MODULES[name], data, modest))
    if made is not None:
        repr(made)
        inputs = data.draw(st.lists(TENSORS | odd, max_size=3))
        y = one_of_ours(lambda: made(*inputs))
        if isinstance(y, torch.Tensor):
            one_of_ours(lambda: made.backward(torch.ones(y.shape, dtype=y.dtype)))


# What can be called is taken for a schedule of a user's own.
uncalled = odd.filter(lambda value: not callable(value))


@given(data=st.data(), name=st.sampled_from(sorted(CURVES)), steps=odd)
def test_a_schedule_gives_a_number_or_says_why_not(data, name, steps):
    curve = one_of_ours(lambda: call(CURVES[name], data, uncalled))
    if callable(curve):
        rate = one_of_ours(lambda: curve(steps))
        if rate is not None and not isinstance(steps, torch.Tensor):
            assert rate.shape == ()
            assert rate.dtype == torch.float64


def trees(leaves):
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.lists(inner, max_size=3).map(tuple)
            | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
            | st.tuples(inner, inner).map(lambda pair: f.Affine(*pair))
        ),
        max_leaves=6,
    )


tensors = st.sampled_from(
    [torch.ones(2), torch.arange(3.0), torch.ones(2, 3), torch.zeros(0), torch.ones(()),
     torch.full((2,), math.nan), torch.ones(2).double(), torch.arange(2)]
)  # fmt: skip


@given(value=trees(tensors), other=trees(tensors | odd))
def test_pytrees_come_back_as_they_went(value, other):
    leaves, structure = tree.to_leaves(value)
    again = tree.from_leaves(structure, leaves)
    assert all(a is b for a, b in zip(tree.leaves(again), leaves))
    assert len(tree.paths(value)) == len(leaves)
    one_of_ours(lambda: tree.add(tree.zeros_like(value), tree.zeros_like(value)))
    one_of_ours(lambda: tree.map(lambda a, b: a, value, other))
    raveled = one_of_ours(lambda: tree.ravel(value))
    if raveled is not None:
        vector, unravel = raveled
        for a, b in zip(tree.leaves(unravel(vector)), leaves):
            torch.testing.assert_close(a, b, equal_nan=True, rtol=0, atol=0)
    flat = one_of_ours(lambda: tree.to_dict(value))
    assert one_of_ours(lambda: tree.from_dict(flat, value)) is not None
    one_of_ours(lambda: tree.from_dict(flat, other))
    one_of_ours(lambda: tree.to_dict(other))
    stacked = one_of_ours(lambda: tree.stack([value, value]))
    if stacked is not None and leaves:
        assert len(tree.unstack(stacked)) == 2


OPTIMISERS = [
    *(f.sgd, f.adagrad, f.rmsprop, f.adam, f.adamw, f.radam, f.lion),
    *(f.adadelta, f.adamax, f.nadam),
]


@given(
    make=st.sampled_from(OPTIMISERS),
    params=trees(tensors),
    grads=trees(tensors | odd),
    fits=st.booleans(),
    seed=st.integers(0, 99),
)
def test_an_optimiser_moves_parameters_or_says_why_not(make, params, grads, fits, seed):
    floats = all(p.is_floating_point() for p in tree.leaves(params))
    optimiser = make(0.1)
    state = optimiser.init(params)
    if fits:
        grads = tree.map(lambda p: p * (seed - 50), params)
    before = tree.map(torch.clone, params)
    moved = one_of_ours(lambda: optimiser.update(params, grads, state))
    for a, b in zip(tree.leaves(params), tree.leaves(before)):
        torch.testing.assert_close(a, b, equal_nan=True, rtol=0, atol=0)
    # What is not finite or not a number stays so; integers are no parameters.
    assert moved is not None or not (fits and floats)
    if moved is not None:
        for p, q in zip(tree.leaves(params), tree.leaves(moved[0])):
            assert (p.shape, p.dtype) == (q.shape, q.dtype)


@pytest.mark.parametrize("name", sorted(set(initialisers.__all__) & set(dir(initialisers))))
def test_an_initialiser_bears_shapes_without_numbers(name):
    initialiser = getattr(initialisers, name)
    if name in ("full", "normal", "truncated_normal", "orthogonal", "variance_scaling"):
        initialiser = initialiser(0.5)
    if name[0].isupper() or name == "source":
        return
    for shape in ((0,), (0, 3), (3, 0), (2, 0, 3), (1,)):
        assert initialiser(torch.Generator(), shape).shape == shape
