import re
from collections import OrderedDict
from dataclasses import FrozenInstanceError, dataclass, field

import optree
import pytest
import torch
from helpers import same
from safetensors.torch import load_file, save_file
from torch.utils import _pytree

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


def test_from_leaves_counts_its_leaves():
    with pytest.raises(f.TreeError, match="expected 2 leaves, got 1"):
        tree.from_leaves((0, 1), [1.0])


def test_size_and_zeros():
    params = (torch.ones(2, 3), {"b": torch.ones(4)})
    assert tree.size(params) == 10
    zeros = tree.zeros_like(params)
    assert tree.size(zeros) == 10
    assert all(not leaf.any() for leaf in tree.leaves(zeros))


def test_subclasses_of_dict_are_mapped_over_their_values():
    a, b = OrderedDict(w=1, b=2), OrderedDict(b=20, w=10)
    assert tree.map(lambda p, q: p + q, a, b) == {"w": 11, "b": 22}


@dataclass(frozen=True)
class Cell:
    """A node of a user's own; what it checks is not asked of positions or cotangents."""

    w: object
    inner: object = ()
    b: object = field(default=None, kw_only=True)

    def __post_init__(self):
        if not isinstance(self.w, torch.Tensor):
            raise TypeError("no tensor")


def nested():
    pair = f.Affine(torch.arange(6.0).reshape(2, 3), torch.tensor([6.0, 7.0, 8.0]))
    cell = Cell(torch.tensor([9.0]), [torch.tensor(10.0)], b=pair)
    return (pair, (), {"z": cell, "a": [torch.tensor([[11.0]])]})


PATHS = ["[0].w", "[0].b", "[2].a[0]", "[2].z.w", "[2].z.inner[0]", "[2].z.b.w", "[2].z.b.b"]


def test_dataclasses_and_namedtuples_stay_what_they_are():
    params = nested()
    assert tree.paths(params) == PATHS
    leaves, structure = tree.to_leaves(params)
    for other in (
        tree.from_leaves(structure, leaves),
        tree.map(lambda p: p, params),
        tree.map(lambda p, q: q, params, params),
        tree.unstack(tree.stack([params, params]))[1],
        tree.from_dict(tree.to_dict(params), params),
        tree.ravel(params)[1](tree.ravel(params)[0]),
        tree.map_with_path(lambda path, p: p, params),
    ):
        same(other, params)
        cell = other[2]["z"]
        assert (type(other[0]), type(cell), type(cell.b)) == (f.Affine, Cell, f.Affine)
        with pytest.raises(FrozenInstanceError):
            cell.w = 1


def test_dataclasses_of_two_kinds_differ():
    @dataclass
    class Other:
        w: object

    cell = Cell(torch.ones(1))
    with pytest.raises(f.TreeError, match=re.escape("tree[0].w: expected a leaf, got a Cell")):
        tree.map(lambda a, b: a, (Other(1),), (Other(cell),))
    with pytest.raises(f.TreeError, match="tree: expected an Other, got a Cell"):
        tree.map(lambda a, b: a, Other(1), cell)


def test_layers_are_leaves_though_they_are_dataclasses():
    net = f.serial(f.linear(2), f.relu)
    assert tree.leaves((net, [f.relu])) == [net, f.relu]


def test_ravel_and_back():
    params = nested()
    vector, unravel = tree.ravel(params)
    assert vector.shape == (tree.size(params),)
    assert torch.equal(vector, torch.cat([leaf.flatten() for leaf in tree.leaves(params)]))
    vector.zero_()
    assert tree.leaves(params)[0].any()  # a copy
    same(unravel(tree.ravel(params)[0]), params)
    assert tree.leaves(unravel(vector.double()))[0].dtype == torch.float64
    with pytest.raises(f.ShapeError, match=re.escape("unravel: expected (21,), got (20,)")):
        unravel(vector[1:])
    with pytest.raises(f.KindError, match=r"one dtype, got torch\.float32 and torch\.float64"):
        tree.ravel((torch.ones(1), torch.ones(1).double()))
    nothing, unravel = tree.ravel(((), {}))
    assert nothing.shape == (0,)
    assert unravel(nothing) == ((), {})


def test_norm_is_that_of_the_vector():
    params = nested()
    torch.testing.assert_close(tree.norm(params), tree.ravel(params)[0].norm())
    assert tree.norm((torch.tensor(3e30), torch.tensor(4e30))) == 5e30  # its square overflows
    assert tree.norm(()) == 0


@pytest.mark.parametrize(
    ("which", "chosen"),
    [
        ("[0].w", PATHS[:1]),
        ("[0]", PATHS[:2]),
        ("[2].z", PATHS[3:]),
        ("[2].z.b.*", PATHS[5:]),
        ("*.w", [PATHS[i] for i in (0, 3, 5)]),
        ("*[0]", [PATHS[i] for i in (0, 1, 2, 4)]),
        ("*", PATHS),
        ("[0", []),
        ("[2].z.b.b.c", []),
        (lambda path: path.endswith(".b"), [PATHS[1], PATHS[6]]),
    ],
)
def test_select_by_path(which, chosen):
    params = nested()
    found = tree.find(params, which)
    assert list(found) == chosen
    assert all(found[path] is dict(zip(PATHS, tree.leaves(params)))[path] for path in chosen)


def test_find_takes_a_pattern_or_a_function():
    with pytest.raises(f.KindError, match="find: expected a pattern or a function of a path"):
        tree.find((), 3)


def test_a_mask_by_path():
    masked = tree.map_with_path(lambda path, p: p * path.endswith(".w"), nested())
    assert [bool(p.any()) for p in tree.leaves(masked)] == [p.endswith(".w") for p in PATHS]


def test_to_dict_and_back_through_a_file(tmp_path):
    params = nested()
    flat = tree.to_dict(params)
    assert list(flat) == ["0.w", "0.b", "2.a.0", "2.z.w", "2.z.inner.0", "2.z.b.w", "2.z.b.b"]
    save_file(flat, tmp_path / "params.safetensors")
    same(tree.from_dict(load_file(tmp_path / "params.safetensors"), params), params)


def test_safetensors_takes_what_shares_memory_or_lies_across_it(tmp_path):
    w = torch.arange(6.0).reshape(2, 3)
    params = (w.mT, w, w[0])
    save_file(tree.to_dict(params), tmp_path / "params.safetensors")
    same(tree.from_dict(load_file(tmp_path / "params.safetensors"), params), params)


def test_a_dictionary_that_does_not_fit_is_named_by_its_path():
    like = (f.Affine(torch.zeros(2, 3), torch.zeros(3)), {1: torch.zeros(1)})
    flat = tree.to_dict(like)
    assert list(flat) == ["0.w", "0.b", "1.1"]
    for changed, error, text in [
        ({k: flat[k] for k in ("0.w", "1.1")}, f.TreeError, "expected an entry 0.b, got none"),
        ({**flat, "2.w": flat["0.w"]}, f.TreeError, "expected no entry but the leaves', got 2.w"),
        ({**flat, "0.w": flat["0.w"].mT}, f.ShapeError, "expected 0.w to be of shape (2, 3), got (3, 2)"),
        ({**flat, "0.b": flat["0.b"].double()}, f.KindError, "expected 0.b to be torch.float32, got torch.float64"),
        ({**flat, "0.b": 3}, f.KindError, "expected a tensor at 0.b, got int"),
    ]:  # fmt: skip
        with pytest.raises(error, match="^from_dict: " + re.escape(text)):
            tree.from_dict(changed, like)


def test_keys_that_would_be_ambiguous_are_refused():
    for key in ("a.b", ""):
        with pytest.raises(
            f.TreeError, match=f"to_dict: expected keys without dots below 0, got '{key}'"
        ):
            tree.to_dict(({key: torch.zeros(1)},))
    with pytest.raises(
        f.KindError, match=re.escape("to_dict: expected a tensor at 0.a, got float")
    ):
        tree.to_dict(({"a": 1.0},))


def test_other_libraries_of_pytrees_agree():
    params = (nested()[0], (), {"z": [torch.ones(1)], "a": torch.zeros(2)})
    leaves, structure = optree.tree_flatten(params)
    assert all(p is q for p, q in zip(leaves, tree.leaves(params), strict=True))
    same(optree.tree_unflatten(structure, leaves), params)
    leaves, spec = _pytree.tree_flatten(params)
    assert {id(leaf) for leaf in leaves} == {id(leaf) for leaf in tree.leaves(params)}
    same(_pytree.tree_unflatten(leaves, spec), params)
    doubled = optree.tree_map(lambda p: 2 * p, params)
    same(doubled, tree.multiply(2, params))


@pytest.mark.parametrize("value", [0.1, 3e30, 1e-30])
def test_the_norm_of_many_numbers_is_theirs(value):
    many = torch.full((2_000_000,), value)
    exact = float(many[0].double()) * len(many) ** 0.5
    assert float(tree.norm((many,)).double()) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_norm_of_half_precision_neither_overflows_nor_vanishes(dtype):
    for size in (300.0, 1e-4):
        leaves = (torch.full((50,), size, dtype=dtype), torch.full((50,), size, dtype=dtype))
        norm = tree.norm(leaves)
        assert norm.dtype == dtype
        assert float(norm) == pytest.approx(10 * float(leaves[0][0]), rel=0.01)
