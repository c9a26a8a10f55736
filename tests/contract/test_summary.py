"""The table of a network: places, shapes, parameters, and operations counted by hand."""

import pytest
import torch
from helpers import HOSTILE, Page, seeded

import funcdl as f
from funcdl import tree
from pairs.models import MODELS


def rows(layer, shape, x=None):
    return {row.path: row for row in f.summary(layer, shape, seeded(), x).rows}


def test_layers_by_hand():
    product = 2 * 12 * 12 * 32 * (3 * 3 * 2)
    for layer, shape, out, params, flops in [
        (f.linear(25), (2,), (25,), 75, 2 * 2 * 25 + 25),
        (f.linear(25, b_init=None), (7, 2), (7, 25), 50, 7 * 2 * 2 * 25),
        (f.conv2d(32, 3), (14, 14, 2), (12, 12, 32), 3 * 3 * 2 * 32 + 32, product + 12 * 12 * 32),
        (f.relu, (14, 14), (14, 14), 0, 14 * 14),
        (f.flatten(2), (14, 14), (196,), 0, 0),
        (f.identity, (3,), (3,), 0, 0),
    ]:
        assert f.summary(layer, shape, seeded()).rows == (
            f.summary(layer, shape, seeded()).rows[0],
        )
        row = f.summary(layer, shape, seeded()).rows[0]
        assert row[2:5] == (out, params, flops)
        assert row.signature == str(layer.signature or "")


@pytest.mark.parametrize("name", MODELS)
def test_the_models_of_the_study(name):
    net = MODELS[name].net
    table = f.summary(net, (2, 14, 14), seeded())
    params, out_shape = net.init(seeded(), (2, 14, 14))
    assert (table.params, table.rows[0].out_shape) == (tree.size(params), out_shape)
    # A layer without parts has the work, a combinator that of its parts and what it adds itself.
    paths = [row.path for row in table.rows]
    ends = [row for row in table.rows if not any(p.startswith(row.path + "[") for p in paths)]
    added = table.flops - sum(row.flops for row in ends)
    assert added > 0 if "committee" in repr(net) else added == 0  # it takes its members' mean
    assert sum(row.params for row in ends) == table.params


def test_the_products_of_the_plain_convolutional_model():
    found = rows(MODELS["conv-plain"].net, (2, 14, 14))
    assert {row.layer: row.flops for row in found.values() if row.params and "(" in row.layer} == {
        "conv2d(32, 3)": 12 * 12 * 32 * (2 * 3 * 3 * 2 + 1),
        # By one tile of 4 × 4: the input's transform, 36 products, and the output's.
        "conv2d(64, 3)": 2 * 36 * (36 * 32 + 32 * 64 + 16 * 64) + 4 * 4 * 64,
        "linear(200)": 200 * (2 * 256 + 1),
        "linear(2)": 2 * (2 * 200 + 1),
    }


def test_what_is_shared_is_counted_once_and_its_work_each_time():
    digit = f.serial(f.linear(3), f.relu, f.linear(3))
    found = rows(f.shared(digit), ((3,), (3,)))
    assert list(found) == ["", "[0]", "[0][0]", "[0][1]", "[0][2]"]
    assert (found[""].params, found[""].flops) == (24, 2 * (21 + 3 + 21))
    twice = rows(f.repeat(f.residual(f.linear(3)), 2), (3,))
    assert list(twice) == ["", "[0]", "[0][0]"]
    assert (twice["[0][0]"].params, twice["[0][0]"].flops, twice[""].flops) == (24, 42, 48)


def test_a_layer_in_two_places_has_two_rows():
    part = f.linear(3)
    found = rows(f.serial(part, f.relu, part, f.relu), (2,))
    assert [found[f"[{i}]"].params for i in range(4)] == [9, 0, 12, 0]


def test_what_a_combinator_is_made_of_inside_is_not_shown():
    found = rows(f.concat(f.linear(3), f.relu), (4,))
    assert [row.layer for row in found.values()] == ["concat", "linear(3)", "relu"]
    assert found[""].out_shape == (7,)


def test_a_users_layers_count_too():
    def norm(params, x):
        return float(x.norm()) * x @ torch.ones(3, 5), lambda dy: ((), dy)

    def both(params, x):
        y, _ = f.relu((), x)
        return f.tanh((), y)

    def by_autograd(params, x):
        with torch.enable_grad():
            live = x.detach().requires_grad_()
            y = torch.nn.functional.linear(live, torch.ones(2, 3))
        return y.detach(), lambda dy: ((), torch.autograd.grad(y, live, dy)[0])

    found = rows(f.serial(norm, f.named("both", both)), (3,))
    assert found["[0]"].flops == 3 + 3 + 2 * 3 * 5
    assert [row.layer for row in found.values()] == [
        "serial",
        "norm",
        "both",
        "both",
        "relu",
        "tanh",
    ]
    assert rows(by_autograd, (3,))[""].flops == 2 * 3 * 2


def test_an_input_that_is_no_float_is_handed_in():
    x = torch.zeros(4, 3), torch.tensor([0, 1, 2, 0])
    found = rows(f.supervised(f.linear(3), f.cross_entropy()), ((4, 3), (4,)), x)
    assert found["[1]"].out_shape == ()
    assert found["[0]"].flops == 4 * 21


def test_the_generator_and_the_parameters_stay_as_they_are():
    g = seeded()
    f.summary(f.linear(3), (2,), g)
    assert torch.equal(g.get_state(), seeded().get_state())
    with pytest.raises(f.KindError, match=r"summary: expected rng to be a torch\.Generator"):
        f.summary(f.linear(3), (2,), None)
    with pytest.raises(f.ShapeError, match=r"serial\[0\] linear: expected x \(…, in\), got \(\)$"):
        f.summary(f.serial(f.linear(3)), (), g)


def test_the_table_is_plain_text():
    assert str(f.summary(f.serial(f.linear(2000), f.tanh), (2,), seeded())).splitlines() == [
        "layer               output   parameters   FLOPs",
        "serial              (2000,)       6,000  12,000",
        "  [0] linear(2000)  (2000,)       6,000  10,000",
        "  [1] tanh          (2000,)           0   2,000",
    ]


def test_a_notebook_shows_the_table():
    net = f.serial(f.linear(25), f.named(HOSTILE, f.relu), f.linear(2))
    found = f.summary(net, (2,), seeded())
    page = Page(found._repr_html_())
    head, *lines = page.rows
    assert head == ["layer", "output", "parameters", "FLOPs"]
    text = [line.split() for line in str(found).splitlines()[1:]]
    assert [" ".join(line).split() for line in lines] == text
    assert not page.all("script")
    assert not page.all("img")
    depths = [attributes["style"] for attributes in page.all("code")]
    assert depths == [f"padding-left:{d}rem" for d in ("0", "1.25", "1.25", "2.5", "1.25")]
