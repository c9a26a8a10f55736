import re
from collections import OrderedDict

import pytest
import torch

import funcdl as f
from funcdl import tree


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        ((1, 2), (1,), "tree: expected 2 entries, got 1"),
        ((1, (2, 3)), (1, [2, 3]), "tree[1]: expected a tuple, got a list"),
        ({"a": 1}, {"b": 1}, "tree: expected the keys ['a'], got ['b']"),
        ([{"a": (1, 2)}], [{"a": (1, 2, 3)}], "tree[0].a: expected 2 entries, got 3"),
        (f.Affine(1, 2), (1, 2), "tree: expected an Affine, got a tuple"),
        (f.Affine(1, (2,)), f.Affine(1, 2), "tree.b: expected a tuple, got an int"),
        ((1, 2), (1, (2,)), "tree[1]: expected a leaf, got a tuple"),
    ],
)
def test_a_difference_in_structure_is_named_by_its_path(one, other, message):
    with pytest.raises(f.TreeError, match="^" + re.escape(message)):
        tree.map(lambda a, b: a, one, other)


def test_stack_and_unstack_are_inverse(rng):
    net = f.serial(f.linear(3), f.relu, f.linear(2))
    inits = [net.init(rng, (4,))[0] for _ in range(3)]
    stacked = tree.stack(inits)
    assert stacked[0].w.shape == (3, 4, 3)
    for one, other in zip(inits, tree.unstack(stacked)):
        for p, q in zip(tree.leaves(one), tree.leaves(other)):
            assert torch.equal(p, q)


def test_stack_names_the_leaf_that_does_not_fit():
    with pytest.raises(
        f.TreeError,
        match=re.escape(
            "stack: expected every tensor to be of shape (2,) as the first one's, got (3,)"
        ),
    ):
        tree.stack([(torch.ones(2),), (torch.ones(3),)])
    with pytest.raises(f.TreeError, match="stack: expected one pytree or more, got none"):
        tree.stack([])


def test_unstack_needs_one_length():
    with pytest.raises(f.TreeError, match=re.escape("got lengths [2, 3]")):
        tree.unstack((torch.ones(2), torch.ones(3)))


def test_unflatten_counts_its_leaves():
    with pytest.raises(f.TreeError, match="expected 2 leaves, got 1"):
        tree.unflatten((0, 1), [1.0])


def test_size_and_zeros():
    params = (torch.ones(2, 3), {"b": torch.ones(4)})
    assert tree.size(params) == 10
    zeros = tree.zeros_like(params)
    assert tree.size(zeros) == 10
    assert all(not leaf.any() for leaf in tree.leaves(zeros))


def test_subclasses_of_dict_are_mapped_over_their_values():
    a, b = OrderedDict(w=1, b=2), OrderedDict(b=20, w=10)
    assert tree.map(lambda p, q: p + q, a, b) == {"w": 11, "b": 22}
