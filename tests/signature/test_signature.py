"""What a declaration does: it fits, infers, draws, words, remembers, and can be written down."""

import copy
import pickle
from typing import NamedTuple

import pytest
import torch
from helpers import refuses, said, same, seeded

import funcdl as f
from funcdl.initialisers import ones, zeros
from funcdl.signature import ANYTHING, anything, each, of
from funcdl.signature.signature import MOST

LINEAR = f.Signature(("w: *models in out", "b: *models out | ()"), "*models … in", "*models … out")
LINEAR_OF_3 = f.Signature(("w: *models in out", "b: *models out | ()"), "*models … in", "*models … out", out=3)  # fmt: skip

GROUPS = f.Signature(("w: groups*size size",), "… groups*size", "… size", groups=3)


class Pair(NamedTuple):
    w: object
    b: object


NESTED = f.Signature(
    {"first": of(Pair, "in out", "out"), "rest": ["k: out"]}, "… in", "… out", out=3
)


def nested(**changed):
    given = {"w": (2, 3), "b": (3,), "k": (3,)} | changed
    w, b, k = (torch.ones(given[name]) for name in "wbk")
    return {"first": Pair(w, b), "rest": [k]}


def kind(found):
    return tuple(found.shape), found.dtype, found.meta


def test_the_kind_of_the_output_comes_of_the_arguments():
    params = torch.ones(2, 3), torch.ones(3)
    assert kind(LINEAR.fit("it", params, torch.ones(5, 4, 2))) == ((5, 4, 3), torch.float32, False)
    params = torch.ones(7, 2, 3).double(), ()
    assert kind(LINEAR.fit("it", params, torch.ones(7, 2).double())) == (
        (7, 3),
        torch.float64,
        False,
    )
    params = torch.ones(2, 3, device="meta"), ()
    assert kind(LINEAR.fit("it", params, torch.ones(2, device="meta"))) == (
        (3,),
        torch.float32,
        True,
    )


def test_one_unknown_factor_divides_the_length():
    assert kind(GROUPS.fit("it", (torch.ones(12, 4),), torch.ones(12)))[0] == (4,)
    assert GROUPS.infer("it", (5, 6)) == (((6, 2),), (5, 2))
    text = "it: expected x (…, a multiple of 3), got (5, 7)"
    said(lambda: GROUPS.infer("it", (5, 7)), f.ShapeError, text)
    text = "it: expected w (12, 4), got (12, 3)"
    said(lambda: GROUPS.fit("it", (torch.ones(12, 3),), torch.ones(12)), f.ShapeError, text)
    text = "it: expected x (…, a multiple of 3 above 0), got (5, 0)"
    said(lambda: GROUPS.infer("it", (5, 0)), f.ShapeError, text)


def test_a_product_of_a_number_and_a_known_length_is_known():
    takes = f.Signature(("w: in 3*hidden",), "in", "hidden")
    assert kind(takes.fit("it", (torch.ones(2, 12),), torch.ones(2)))[0] == (4,)
    text = "it: expected w (2, a multiple of 3), got (2, 10)"
    said(lambda: takes.fit("it", (torch.ones(2, 10),), torch.ones(2)), f.ShapeError, text)


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ((2, 1, 2), "(height ≥ 3, width, channels)"),
        ((3, 0, 1), "(height ≥ 3, width ≥ 1, channels)"),
        ((3, 1), "(height ≥ 3, width, channels)"),
    ],
)
def test_a_least_length_is_part_of_the_words(shape, text):
    takes = f.Signature((), "height>=3 width channels>=0", "height")
    assert kind(takes.fit("it", (), torch.ones(3, 1, 0)))[0] == (3,)
    text = f"it: expected x {text}, got {shape}"
    said(lambda: takes.fit("it", (), torch.ones(shape)), f.ShapeError, text)


def test_what_is_known_but_too_short_is_asked_for_by_name():
    """A sentence that asks for what came would be none."""
    takes = f.Signature(("w: in>=0",), "in", "in")
    text = "it: expected x (in ≥ 1,), got (0,)"
    said(lambda: takes.fit("it", (torch.ones(0),), torch.ones(0)), f.ShapeError, text)


def test_models_may_be_missing_where_it_is_said_so():
    takes = f.Signature((), ("a: *models … n", "b: *models? … n"), "*models", axes={"models": 1})
    for shape in ((2, 5, 3), (5, 3)):
        assert kind(takes.fit("it", (), (torch.ones(2, 5, 3), torch.ones(shape))))[0] == (2,)
    text = "it: expected b (2, 5, 3), got (4, 3)"
    said(lambda: takes.fit("it", (), (torch.ones(2, 5, 3), torch.ones(4, 3))), f.ShapeError, text)
    text = "it: expected a (models, …, n), got ()"
    said(lambda: takes.fit("it", (), (torch.ones(()), torch.ones(3))), f.ShapeError, text)


def test_each_entry_has_the_same_axes_but_for_what_varies():
    takes = f.Signature((), each("… n+ m"), "… n+ m")
    assert kind(takes.fit("it", (), (torch.ones(2, 3), torch.ones(5, 3))))[0] == (7, 3)
    assert takes.infer("it", ((4, 1, 3), (4, 2, 3), (4, 1, 3)))[1] == (4, 4, 3)
    text = "it: expected x[1] (n, 3), got (2, 4)"
    said(lambda: takes.fit("it", (), (torch.ones(2, 3), torch.ones(2, 4))), f.ShapeError, text)
    said(lambda: takes.fit("it", (), ()), f.ShapeError, "it: expected x to have at least 1 entry, got none")  # fmt: skip


def test_each_may_have_a_number_and_any_entries():
    takes = f.Signature(each(ANYTHING, 2), each(anything("it"), 2, "the things"), anything("y"))
    assert takes.fit("it", ((), 3), ("a", None)) is None
    text = "it: expected the things to have 2 entries, got 1"
    said(lambda: takes.fit("it", ((), ()), (torch.ones(1),)), f.ShapeError, text)
    text = "it: expected params to have 2 entries, got none"
    said(lambda: takes.fit("it", (), (1, 2)), f.ShapeError, text)


def test_the_entries_are_counted_for_the_output():
    takes = f.Signature((), each("… n"), "count … n")
    assert kind(takes.fit("it", (), (torch.ones(4, 3),) * 5))[0] == (5, 4, 3)


def test_params_may_be_nested():
    assert kind(NESTED.fit("it", nested(), torch.ones(5, 2)))[0] == (5, 3)
    shapes = {"first": Pair((2, 3), (3,)), "rest": [(3,)]}
    assert NESTED.infer("it", (5, 2)) == (shapes, (5, 3))
    drawn, _ = NESTED.draw("it", seeded(), (5, 2), {"first": Pair(ones, zeros), "rest": [ones]})
    same(drawn, {"first": Pair(torch.ones(2, 3), torch.zeros(3)), "rest": [torch.ones(3)]})


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"w": (2,)}, "it: expected params.first.w (in, 3), got (2,)"),
        ({"b": (4,)}, "it: expected params.first.b (3,), got (4,)"),
        ({"k": (4,)}, "it: expected k (3,), got (4,)"),
    ],
)
def test_nested_params_are_named_by_their_path(changed, text):
    said(lambda: NESTED.fit("it", nested(**changed), torch.ones(5, 2)), f.ShapeError, text)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ((), "it: expected params (first, rest), got ()"),
        ({"first": nested()["first"]}, "it: expected params (first, rest), got dict"),
        ({**nested(), "first": torch.ones(2)}, "it: expected params.first to be Pair(w, b), got Tensor"),
        ({**nested(), "rest": [None]}, "it: expected k to be a tensor, got NoneType"),
    ],
)  # fmt: skip
def test_params_of_another_structure_are_refused(params, text):
    said(lambda: NESTED.fit("it", params, torch.ones(5, 2)), f.KindError, text)


def test_a_plain_tuple_stands_for_a_namedtuple():
    params = nested()
    params["first"] = tuple(params["first"])
    assert kind(NESTED.fit("it", params, torch.ones(5, 2)))[0] == (5, 3)


@pytest.mark.parametrize("nothing", [(), [], {}], ids=repr)
def test_no_parameters_may_be_any_empty_container(nothing):
    """JSON gives a list for (), and a dict that was filtered is empty."""
    one, two = torch.ones(2), (torch.ones(2), torch.ones(2))
    for takes, x in ((f.Signature((), "…", "…"), one), (f.Signature((), ("n", "n"), "n"), two)):
        for _ in range(2):
            takes.fit("it", nothing, x)
            for wrong in ("", None, torch.ones(0)):
                with refuses(f.KindError, "it: expected params (), got "):
                    takes.fit("it", wrong, x)


def test_dtypes_are_those_of_the_first_but_for_what_says_itself():
    takes = f.Signature(("w: *m k",), ("y: *m k", "t: *m ~", "i: *m <k"), "*m")
    w, y = torch.ones(2), torch.ones(2)
    for t in (torch.tensor(1), torch.tensor(True), torch.tensor(1.0).double()):
        takes.fit("it", (w,), (y, t, torch.tensor(1)))
    for wrong, text in (
        ((y.double(), y.sum(), torch.tensor(1)), "y to be torch.float32 as w is, got torch.float64"),
        ((y, y.sum() * 1j, torch.tensor(1)), "t to be real, got torch.complex64"),
        ((y, y.sum(), torch.tensor(1.0)), "i to be int64, got torch.float32"),
        ((y, y.sum(), torch.tensor(1j)), "i to be int64, got torch.complex64"),
        ((y.long(), y.sum(), torch.tensor(1)), "y to be floats, got torch.int64: are y and t swapped?"),
    ):  # fmt: skip
        with refuses(f.KindError, f"it: expected {text}"):
            takes.fit("it", (w,), wrong)


def test_any_dtype_goes_where_no_floats_are_asked_for():
    takes = f.Signature((), each("… n"), "… n", floats=False)
    assert takes.fit("it", (), (torch.ones(3).long(),) * 2).dtype == torch.int64
    text = "it: expected x[1] to be torch.int64 as x[0] is, got torch.float32"
    said(lambda: takes.fit("it", (), (torch.ones(3).long(), torch.ones(3))), f.KindError, text)


def test_parameters_are_drawn_by_initialisers_of_the_same_structure():
    params, out_shape = LINEAR_OF_3.draw("it", seeded(), (5, 2), (ones, zeros))
    assert [tuple(p.shape) for p in params] == [(2, 3), (3,)]
    assert out_shape == (5, 3)
    assert LINEAR_OF_3.draw("it", seeded(), (5, 2), (ones, None))[0][1] == ()
    text = "it: expected w_init to be a function (rng, shape) -> tensor, got None"
    said(lambda: LINEAR_OF_3.draw("it", seeded(), (5, 2), (None, zeros)), f.KindError, text)


def scaled(params, x):
    (a,) = params
    return x * a, lambda dy: (((dy * x).sum(0),), dy * a)


TAKES = f.Signature(("a: features",), "batch features", "batch features")


def test_a_users_own_layer_may_declare_what_it_takes():
    net = f.serial(f.relu, f.layer(scaled, signature=TAKES, draw=(ones,)))
    params, out_shape = net.init(seeded(), (5, 3))
    assert out_shape == (5, 3)
    f.check(net, f.tree.map(torch.Tensor.double, params), torch.rand(5, 3).double(), seeded())
    text = "serial[1] scaled: expected x (batch, 3), got (5, 1)"
    said(lambda: net(params, torch.ones(5, 1)), f.ShapeError, text)
    text = "serial[1] scaled: expected a to be a tensor, got NoneType"
    said(lambda: net(((), (None,)), torch.ones(5, 3)), f.KindError, text)
    text = "serial[1] scaled: expected x (batch, features), got (3,)"
    said(lambda: net.init(seeded(), (3,)), f.ShapeError, text)


def test_a_users_own_layer_gives_what_it_declares():
    def summed(params, x):
        y, pull = scaled(params, x)
        return y.sum(0), lambda dy: pull(dy.expand(x.shape))

    it = f.layer(summed, signature=TAKES, draw=(ones,))
    text = "summed: expected y (5, 3) as its signature says, got (3,)"
    said(lambda: it((torch.ones(3),), torch.ones(5, 3)), f.ContractError, text)


def test_an_error_of_a_users_own_layer_comes_through_though_it_declares():
    def failing(params, x):
        raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$"):
        f.layer(failing, signature=TAKES, draw=(ones,))((torch.ones(3),), torch.ones(5, 3))


def test_what_is_remembered_is_bounded():
    takes = f.Signature(("w: in",), "… in", "… in")
    w = (torch.ones(3),)
    for n in range(3 * MOST):
        assert kind(takes.fit("it", w, torch.ones(1, 3).expand(n, 3)))[0] == (n, 3)
        assert len(takes._seen) <= MOST


ONE = f.Signature(("w: *models in",), "*models … in", "*models … in")
THREE = f.Signature(("w: *models in",) * 3, "*models … in", "*models … in")
TUPLE = f.Signature((), ("a: … in", "b: … in"), "… in")
TREE = f.Signature({"w": "*models in"}, ("a: *models … in", ("b: in",)), "*models … in")


@pytest.mark.parametrize(
    ("takes", "params", "x"),
    [
        (LINEAR, (torch.ones(2, 3), torch.ones(3)), torch.ones(5, 2)),
        (LINEAR_OF_3, (torch.ones(2, 3), ()), torch.ones(5, 2)),
        (ONE, (torch.ones(2),), torch.ones(5, 2)),
        (THREE, (torch.ones(2),) * 3, torch.ones(5, 2)),
        (TUPLE, (), (torch.ones(5, 2), torch.ones(5, 2))),
        (TREE, {"w": torch.ones(2)}, (torch.ones(5, 2), (torch.ones(2),))),
    ],
    ids=str,
)
def test_what_is_remembered_is_no_other_call(takes, params, x):
    """What a call is remembered by has all that the check looks at."""
    leaves, structure = f.tree.to_leaves((params, x))
    changes = [
        torch.Tensor.double,
        torch.Tensor.long,
        torch.Tensor.to_sparse,
        lambda t: t.to("meta"),
        lambda t: t.new_ones((*t.shape[:-1], t.shape[-1] + 1)),
        lambda t: None,
        lambda t: (t,),
        lambda t: "w",
    ]
    for i, leaf in enumerate(leaves):
        for change in changes:
            takes.fit("it", params, x)
            wrong = [*leaves]
            wrong[i] = change(leaf)
            for _ in range(2):
                with pytest.raises(f.FuncdlError):
                    takes.fit("it", *f.tree.from_leaves(structure, wrong))


@pytest.mark.parametrize("params", [(), (torch.ones(2, 3),), (torch.ones(2, 3),) * 3, None, 3.0, "wb"], ids=repr)  # fmt: skip
def test_params_of_another_length_are_refused_by_fit_itself(params):
    LINEAR.fit("it", (torch.ones(2, 3), ()), torch.ones(5, 2))
    with refuses(f.KindError, "it: expected params "):
        LINEAR.fit("it", params, torch.ones(5, 2))


def test_a_refusal_is_not_remembered_as_a_fit():
    takes = f.Signature((), "n n", "n")
    for _ in range(2):
        with pytest.raises(f.ShapeError):
            takes.fit("it", (), torch.ones(2, 3))


@pytest.mark.parametrize("takes", [LINEAR, GROUPS, NESTED, TAKES, f.join().signature, f.flatten(2).signature, f.conv2d(4, 3, groups=2).signature], ids=str)  # fmt: skip
def test_a_signature_is_copied_and_pickled(takes):
    again = pickle.loads(pickle.dumps(takes))
    assert again is not takes
    assert str(again) == str(takes) == repr(takes)
    assert (again.floats, again.axes, again.params, again.x, again.y) == (takes.floats, takes.axes, takes.params, takes.x, takes.y)  # fmt: skip
    assert copy.copy(takes) is copy.deepcopy(takes) is takes


def test_a_pickled_signature_does_the_same():
    again = pickle.loads(pickle.dumps(f.conv2d(4, 3, stride=2).signature))
    assert again.infer("it", (7, 9, 2)) == f.conv2d(4, 3, stride=2).signature.infer("it", (7, 9, 2))


@pytest.mark.parametrize(
    ("takes", "text"),
    [
        (f.linear(3).signature, "w: *models in>=0 out, b: *models out | (), x: *models … in>=0 → *models … out"),
        (f.mse().signature, "output: *models …, target: *models? … ~ → *models"),
        (NESTED, "params.first.w: in out, params.first.b: out, k: out, x: … in → … out"),
        (f.join().signature, "each x: … entries+>=0 → … entries+"),
    ],
)  # fmt: skip
def test_a_signature_is_written_as_it_was_declared(takes, text):
    assert str(takes) == text


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (f.mse(), "mse: expected a pair (output, target), got Tensor"),
        (f.join(), "join: expected x to be a tuple of tensors, got Tensor"),
        (f.fan_in("sum"), "fan_in: expected x to be a tuple of tensors, got Tensor"),
    ],
    ids=str,
)
def test_a_tensor_is_no_pair_of_rows_after_a_pair_was(layer, text):
    layer((), (torch.ones(2), torch.zeros(2)))
    said(lambda: layer((), torch.ones(2, 2)), f.KindError, text)
