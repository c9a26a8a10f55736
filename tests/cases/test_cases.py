"""The table of cases is whole: no layer, loss or combinator without a row, no row without a layer."""

import inspect

import pytest
from torch import nn
from torch.nn import functional as nnf

import funcdl as f
from funcdl import cases, tree
from funcdl.contract import shape_of
from funcdl.module.named import Named

ROOMS = ("funcdl.layers.", "funcdl.losses.", "funcdl.combinators.")


def is_module(value, of=nn.Module):
    return inspect.isclass(value) and issubclass(value, of)


MODULES = {name for name, value in vars(f).items() if is_module(value, Named)}


def makes_a_layer(value):
    """Tell a layer, or a function of the library's that makes one."""
    return isinstance(value, f.Layer) or (
        inspect.isfunction(value)
        and value.__module__.startswith(ROOMS)
        and inspect.signature(value).return_annotation.startswith("Layer")
    )


PUBLIC = {name for name in f.__all__ if makes_a_layer(getattr(f, name))}
THEIRS = {name.lower().rstrip("123d") for name, value in vars(nn).items() if is_module(value)}


def is_torchs(name):
    """Tell whether PyTorch has a Module of this name, but for cases, underscores and axes."""
    return name.replace("_", "").rstrip("123d") in THEIRS


def test_every_layer_loss_and_combinator_has_a_row():
    assert {case.name for case in cases.CASES} == PUBLIC
    assert len(PUBLIC) > 70


def test_every_row_has_a_name_of_its_own():
    names = [str(case) for case in cases.CASES]
    assert sorted(names) == sorted(set(names))


def test_every_row_is_in_the_table_of_its_family():
    assert [case for rows in cases.FAMILIES.values() for case in rows] == cases.CASES
    layers = [name for name in cases.FAMILIES if name not in ("combinators", "losses")]
    named = {case.name for family in layers for case in cases.FAMILIES[family]}
    assert named == {name for name in PUBLIC if hasattr(f.layers, name)}


def test_what_pytorch_has_as_a_module_has_one_here():
    theirs = {name for name in PUBLIC if is_torchs(name)}
    assert {"linear", "conv2d", "hard_sigmoid", "batch_norm", "gru_cell", "softmax"} <= theirs
    assert theirs - {case.name for case in cases.CASES if case.module} == set()


def test_every_module_is_in_a_row():
    rows = {case.module[0] for case in cases.CASES if case.module}
    # PyTorch's names are tried on PyTorch's samples: see test_module_database.py.
    others = {name for name in MODULES - rows if not hasattr(nn, name)}
    assert rows <= MODULES
    assert {name: vars(f)[name].__base__.__name__ for name in others} == {"LossBCE": "BCELoss"}


@pytest.mark.parametrize("case", [c for c in cases.CASES if c.oracle], ids=str)
def test_an_oracle_gives_what_has_the_shape_that_init_says(case, rng):
    found = case.oracle(nnf, case.params(rng), case.inputs(rng))
    assert shape_of(found) == case.layer.init(rng, case.shape)[1]


def test_rows_draw_the_same_from_the_same_generator(rng):
    for case in cases.CASES:
        start = rng.clone_state()
        one, other, later = [tree.leaves(case.inputs(g)) for g in (start, rng.clone_state(), start)]
        assert all(a.equal(b) for a, b in zip(one, other))
        assert not all(a.equal(b) for a, b in zip(one, later))
