"""Pytrees of every kind of container that Python's users have: kept as they are, or refused."""

import re
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import InitVar, dataclass, field
from functools import reduce
from typing import NamedTuple

import optree
import pytest
import torch

import funcdl as f
from funcdl import tree


class Names(dict):
    """A dictionary whose entries are attributes too."""

    def __init__(self, *args):
        super().__init__(*args)
        self.__dict__ = self


class Rows(list):
    pass


class Pair(tuple):
    __slots__ = ()


class Cut(NamedTuple):
    w: object
    b: object = ()


Old = namedtuple("Old", ["w", "b"], defaults=[3])


@dataclass(slots=True, frozen=True)
class Slots:
    w: object
    b: object = 0


@dataclass(frozen=True)
class Grown(Slots):
    c: object = ()


def one(value):
    return torch.full((2,), float(value))


KEPT = {
    "OrderedDict": lambda: OrderedDict(z=one(1), a=one(2)),
    "defaultdict": lambda: defaultdict(list, z=one(2), a=one(1)),
    "int keys": lambda: {10: one(2), 2: one(1)},
    "keys of tuples": lambda: {("b", 1): one(2), ("a", 2): one(1)},
    "dict": lambda: Names({"z": one(2), "a": one(1)}),
    "list": lambda: Rows([one(1), one(2)]),
    "tuple": lambda: Pair([one(1), one(2)]),
    "NamedTuple": lambda: Cut(one(1)),
    "namedtuple": lambda: Old(one(1), one(2)),
    "slots": lambda: Slots(one(1), [one(2)]),
    "inherited": lambda: Grown(one(1), one(2), {"c": one(3)}),
    "empty": lambda: ({}, [], (), OrderedDict(), one(1)),
}


@pytest.fixture(params=KEPT)
def kept(request):
    return KEPT[request.param]()


def test_a_container_comes_back_as_it_was(kept):
    leaves, structure = tree.to_leaves(kept)
    assert [float(leaf[0]) for leaf in leaves] == list(range(1, len(leaves) + 1))
    for other in (
        tree.map(lambda p: p, kept),
        tree.map(lambda p, q: q, kept, again(kept)),
        tree.from_leaves(structure, leaves),
        tree.from_dict(tree.to_dict(kept), kept) if tree.is_node(kept) else kept,
        tree.unstack(tree.stack([kept, kept]))[1],
        tree.ravel(kept)[1](tree.ravel(kept)[0]),
        tree.map_with_path(lambda path, p: p, kept),
        tree.zeros_like(kept),
    ):
        assert type(other) is type(kept)
        assert tree.paths(other) == tree.paths(kept)
    assert torch.equal(tree.ravel(tree.add(kept, kept))[0], tree.ravel(tree.multiply(2, kept))[0])


def again(kept):
    return tree.map(lambda p: p.clone(), kept)


def test_it_trains(kept):
    def net(params, x):
        total = sum(tree.leaves(params))
        return x * total, lambda dy: (tree.map(lambda p: (dy * x).sum(0), params), dy * total)

    for descent in (f.adam(0.1), f.sgd(0.1, momentum=0.9)):
        step = f.training_step(f.supervised(net, f.mse()), descent)
        batch = torch.ones(4, 2), torch.zeros(4, 2)
        params, state, loss = step(kept, descent.init(kept), batch)
        params, state, less = step(params, state, batch)
        assert type(params) is type(kept)
        assert less < loss


def test_ordered_dicts_keep_their_order_and_pair_by_key():
    a, b = OrderedDict(w=1, b=2), OrderedDict(b=20, w=10)
    assert tree.leaves(a) == [1, 2] == optree.tree_leaves(a)
    assert list(tree.add(a, b).items()) == [("w", 11), ("b", 22)]
    assert list(tree.add(b, a).items()) == [("b", 22), ("w", 11)]
    with pytest.raises(f.TreeError, match=r"^tree: expected an OrderedDict, got a dict$"):
        tree.add(a, dict(b))


def test_a_defaultdict_keeps_its_factory_and_a_state_dict_its_metadata():
    assert tree.map(lambda p: p, KEPT["defaultdict"]()).default_factory is list
    state = torch.nn.Linear(2, 3).state_dict()
    doubled = tree.multiply(2, state)
    assert list(doubled) == ["weight", "bias"]
    assert doubled._metadata == state._metadata
    named = tree.map(lambda p: p + 1, Names({"a": 1, "b": 2}))
    assert (named.a, named["b"]) == (2, 3)


def test_dataclasses_are_made_of_their_fields():
    @dataclass
    class Cell:
        w: object
        n: InitVar[int] = 2
        c: object = field(init=False)

        def __post_init__(self, n):
            self.c = one(n)

    cell = Cell(one(1))
    assert tree.paths(cell) == [".w", ".c"]
    other = tree.multiply(3, cell)
    assert (type(other), float(other.w[0]), float(other.c[0])) == (Cell, 3.0, 6.0)
    del cell.c
    with pytest.raises(
        f.TreeError,
        match=r"^tree\[0\]: expected all fields of Cell to be set, got none for c$",
    ):
        tree.leaves((cell,))


EVERY = {
    "leaves": tree.leaves,
    "to_leaves": tree.to_leaves,
    "map": lambda t: tree.map(lambda p: p, t),
    "map of two": lambda t: tree.map(lambda p, q: p, t, t),
    "paths": tree.paths,
    "map_with_path": lambda t: tree.map_with_path(lambda path, p: p, t),
    "find": lambda t: tree.find(t, "*"),
    "to_dict": tree.to_dict,
    "from_dict": lambda t: tree.from_dict(tree.to_dict(t), t),
    "size": tree.size,
    "norm": tree.norm,
    "zeros_like": tree.zeros_like,
    "add": lambda t: tree.add(t, t),
    "multiply": lambda t: tree.multiply(2, t),
    "ravel": tree.ravel,
    "stack": lambda t: tree.stack([t, t]),
    "unstack": tree.unstack,
    "adam": lambda t: f.adam().init(t),
}


@pytest.fixture(params=EVERY)
def every(request):
    return EVERY[request.param]


def test_keys_without_an_order_are_refused_with_their_path(every):
    text = "tree[1].a: expected keys that can be sorted, got 1 (int), 'b' (str)"
    with pytest.raises(f.TreeError, match=f"^{re.escape(text)}$"):
        every((one(1), {"a": {1: one(1), "b": one(1)}}))


@pytest.mark.parametrize("kind", [list, dict, OrderedDict])
def test_what_contains_itself_is_refused(every, kind):
    loop = kind()
    if kind is list:
        loop.append([one(1), loop])
    else:
        loop["a"] = [one(1), loop]
    text = r"^tree(\.a|\[0\])\[1\]: expected nesting that ends, got an? \w+ that contains itself$"
    with pytest.raises(f.TreeError, match=text):
        every(loop)


def nested(levels):
    return reduce(lambda below, i: [(below,), {"a": below}][i % 2], range(levels), one(1))


def test_deep_nesting_works(every):
    every(nested(200))


def test_too_deep_a_nesting_is_one_sentence(every):
    text = (
        "^tree: expected a nesting that Python's recursion limit of [0-9]+ calls allows, got a deep"
    )
    with pytest.raises(f.ResourceError, match=text):
        every(nested(5000))


def test_a_function_that_recurses_is_not_taken_for_a_nesting():
    def forever(leaf):
        return forever(leaf)

    with pytest.raises(RecursionError):
        tree.map(forever, (1, 2))


def test_a_shape_in_a_pytree_is_numbers():
    size = torch.ones(2, 3).shape
    assert tree.map(lambda n: n, (size,)) == (size,)
    with pytest.raises(
        f.TreeError,
        match=r"^tree\[0\]: expected a container that its entries can be put into, got a Size$",
    ):
        tree.map(lambda n: n + 0.5, (size,))
    counted = tree.map(lambda n: n + 1, Counter("aab"))
    assert counted == Counter(a=3, b=2)
    assert type(counted) is Counter


@pytest.mark.parametrize(
    "name", ["size", "norm", "zeros_like", "add", "multiply", "ravel", "stack", "unstack", "adam"]
)
@pytest.mark.parametrize("leaf", [None, "a", deque()], ids=["None", "str", "deque"])
def test_a_leaf_that_is_no_tensor_is_named(name, leaf):
    if leaf is not None and name in ("add", "multiply"):
        return  # these have sums and multiples
    where = "zeros_like" if name == "adam" else name
    hint = "; () stands for nothing" if leaf is None else ""
    text = f"{where}: expected a tensor at tree[0].a, got {type(leaf).__name__}{hint}"
    with pytest.raises(f.KindError, match=f"^{re.escape(text)}$"):
        EVERY[name](({"a": leaf}, one(1)))


def test_none_is_a_leaf():
    assert tree.leaves((1, None)) == [1, None]
    assert tree.map(lambda p: p, {"a": None}) == {"a": None}
