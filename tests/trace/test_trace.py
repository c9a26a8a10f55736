"""A trace: what is seen inside of combinators, what is compared, what is refused."""

import re

import pytest
import torch
from helpers import HOSTILE, Page, refuses, same, seeded

import funcdl as f
from funcdl import tree

NET = f.serial(f.linear(3), f.relu, f.linear(2))


def traced(net, shape, x=None, **more):
    params, _ = net.init(seeded(), shape)
    x = torch.randn(4, *shape, generator=seeded(1)) if x is None else x
    return params, x, f.trace(net, params, x, **more)


def places(seen):
    return [applied.place for applied in seen]


def agree(seen):
    return [one.agree for found, _ in seen.compared.values() for one in found]


def test_values_and_cotangents_are_those_of_each_layer_alone():
    params, x, seen = traced(NET, (5,), dy=torch.randn(4, 2, generator=seeded(2)))
    first, relu, last = seen.root.parts
    y, vjp = f.linear(3)(params[0], x)
    z, back = f.relu((), y)
    out, down = f.linear(2)(params[2], z)
    same((first.y, relu.y, last.y, seen.root.y), (y, z, out, out))
    dlast, dz = down(last.dy)
    _, dy = back(dz)
    dfirst, dx = vjp(dy)
    same((last.dparams, last.dx, relu.dx, first.dparams, first.dx), (dlast, dz, dy, dfirst, dx))
    assert places(seen.forward) == ["[0] linear(3)", "[1] relu", "[2] linear(2)", "serial"]
    assert places(seen.backward) == ["[2] linear(2)", "[1] relu", "[0] linear(3)", "serial"]


def test_without_a_cotangent_it_is_that_of_the_sum():
    params, x, seen = traced(NET, (5,))
    same(seen.root.dparams, NET(params, x)[1](torch.ones(4, 2))[0])


@pytest.mark.parametrize(
    ("net", "shape", "expected"),
    [
        (f.residual(f.linear(5)), (5,), ["linear(5)", "residual"]),
        (f.tap(f.linear(2), side=f.tanh), (5,), ["linear(2)", "tanh", "tap"]),
        (f.concat(f.linear(2), f.tanh), (5,), ["linear(2)", "tanh", "join", "concat"]),
        (f.repeat(f.linear(5), 2), (5,), ["linear(5)", "linear(5)", "repeat(2)"]),
        (f.shared(f.linear(2), axis=-2), (3, 5), ["linear(2)", "shared(axis=-2)"]),
        (f.remat(NET), (5,), ["linear(3)", "relu", "linear(2)", "serial", "remat"]),
        (f.inference(f.dropout(0.5)), (5,), ["dropout(0.5)", "inference"]),
        (f.named("it", f.tanh), (5,), ["tanh", "it"]),
        (f.freeze(f.linear(2)), (5,), ["linear(2)", "freeze"]),
        (f.lazy(lambda shape: f.linear(shape[-1])), (5,), ["linear(5)", "lazy"]),
    ],
)  # fmt: skip
def test_what_is_inside_of_a_combinator_is_seen(net, shape, expected):
    _, _, seen = traced(net, shape, rng=seeded(3))
    assert [applied.text for applied in seen.forward] == expected
    assert {*places(seen.backward)} == {*places(seen.forward)}
    assert all(agree(seen))


def ranks(seen):
    return [part.rank for part in seen.root.parts]


def test_parts_stand_beside_each_other_where_none_waits_for_another():
    two = f.fan_out(f.identity, f.linear(3))
    assert ranks(traced(two, (5,))[2]) == [0, 0]
    assert ranks(traced(f.serial(f.dropout(0.5), f.identity, f.tanh), (5,))[2]) == [0, 1, 2]
    assert ranks(traced(f.concat(f.tanh, f.relu), (5,))[2]) == [0, 0, 1]
    assert ranks(traced(f.scan(f.gru_cell(2), 2), (3, 5))[2]) == [0, 1, 2]
    assert ranks(traced(f.vmap(f.tanh, 1), (5,))[2]) == [0, 0, 0, 0]


def test_of_many_time_steps_the_first_and_the_last_are_kept():
    _, _, seen = traced(f.scan(f.gru_cell(2), 2), (50, 3))
    assert [part.turn for part in seen.root.parts] == [1, 2, 3, 4, 47, 48, 49, 50]
    assert {part.turns for part in seen.root.parts} == {50}
    assert seen.root.left_out == 42
    assert len(seen.forward) == len(seen.backward) == 9
    assert "… 42 more" in seen.html()
    assert all(agree(seen))


def wrong(params, x):
    return x**3, lambda dy: ((), dy * 2 * x**2)


def test_a_wrong_derivative_shows_where_it_is():
    _, _, seen = traced(f.serial(f.linear(3), wrong, f.tanh), (5,))
    bad = {a.place for a, (found, _) in seen.compared.items() for one in found if not one.agree}
    assert bad == {"[1] wrong", "serial"}
    text = seen.html()
    assert text.count('<tr class="wrong">') == 2 * 3  # the serial's params and x, wrong's x
    _, _, seen = traced(NET, (5,))
    assert '<tr class="wrong">' not in seen.html()


def test_the_size_of_a_cotangent_hides_no_fault():
    for size in (1e-12, 1.0, 1e12):
        x = torch.randn(4, generator=seeded())
        for layer, right in ((wrong, False), (f.tanh, True)):
            seen = f.trace(layer, (), x, size * torch.ones(4))
            assert agree(seen) == [right]


def test_what_cannot_be_compared_says_so():
    kink = f.trace(f.relu, (), torch.tensor([-1.0, 0.0, 1.0]))
    ((one,), _) = kink.compared[kink.root]
    assert one.agree
    assert one.note == "a kink at this point, and no derivative: compared a thousandth beside it"
    _, _, seen = traced(f.embedding(5, 4), (3,), torch.tensor([0, 1, 4]))
    found, note = seen.compared[seen.root]
    assert [one.of for one in found] == ["params"]
    assert note == "integers are not moved"
    _, _, seen = traced(NET, (5,), torch.full((4, 5), float("nan")))
    assert {one.note for found, _ in seen.compared.values() for one in found} == {"not finite"}
    seen = f.trace(f.softmax, (), torch.randn(2, 3, generator=seeded()))
    ((one,), _) = seen.compared[seen.root]  # the sum is 1 wherever it is
    assert one.note == "both are below the rounding of the values"

    def jump(params, x):
        return x.floor(), lambda dy: ((), dy * 0)

    assert agree(f.trace(jump, (), torch.rand(4, generator=seeded()))) == [True]

    def single(params, x):
        return (x @ torch.ones(3, 2)), lambda dy: ((), dy @ torch.ones(2, 3))

    seen = f.trace(single, (), torch.ones(4, 3))
    found, note = seen.compared[seen.root]
    assert found == []
    assert note.startswith("not compared, since it cannot be applied in float64: ")
    assert "Not compared, since" in seen.html()


def test_frozen_parameters_are_no_fault():
    _, _, seen = traced(f.serial(f.freeze(f.linear(3), "*.w"), f.tanh, f.linear(2)), (5,))
    assert all(agree(seen))
    found, note = seen.compared[seen.root.parts[0]]
    assert [one.of for one in found] == ["params", "x"]  # the bias is there
    assert note == "frozen parameters are not moved"
    _, _, seen = traced(f.freeze(f.serial(f.linear(3), wrong)), (5,))
    assert [one.agree for one in seen.compared[seen.root][0]] == [False]


def test_what_has_no_influence_says_so():
    silent = f.layer(lambda params, x: (x * 0, lambda dy: ((), None)), name="silent")
    _, _, seen = traced(f.serial(f.linear(3), silent), (5,))
    assert places(seen.backward) == ["[1] silent", "serial"]
    assert "No cotangent came back: the output has no influence." in seen.html()


def test_random_layers_draw_what_they_would_and_the_generator_stays():
    net = f.serial(f.linear(8), f.dropout(0.5), f.batch_norm(), f.linear(2))
    params, _ = net.init(seeded(), (5,))
    x, rng = torch.randn(16, 5, generator=seeded(1)), seeded(7)
    seen = f.trace(net, params, x, rng=rng)
    assert torch.equal(rng.get_state(), seeded(7).get_state())
    same(seen.root.y, net(params, x, rng)[0])
    assert (seen.root.parts[1].y == 0).any()
    assert all(agree(seen))
    assert "as in training" in seen.html()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_halves_are_shown_as_they_are_and_compared_in_float64(dtype):
    params, _ = NET.init(seeded(), (5,))
    x = torch.randn(4, 5, generator=seeded(1)).to(dtype)
    seen = f.trace(NET, tree.map(lambda p: p.to(dtype), params), x)
    assert {t.dtype for t in tree.leaves((seen.root.y, seen.root.dparams))} == {dtype}
    assert str(dtype).removeprefix("torch.") in seen.html()
    assert all(agree(seen))


def calling(params, x):
    """A function of a user's own that calls layers."""
    y, first = f.linear(3)(params, x)
    z, second = f.tanh((), y)
    return z, lambda dy: first(second(dy)[1])


def differentiated(params, x):
    """One that no tensor of another class may come into."""
    assert type(x) is torch.Tensor
    with torch.enable_grad():
        x = x.clone().requires_grad_(True)
        y = torch.vmap(torch.sin)(x)
    return y.detach(), lambda dy: ((), torch.autograd.grad(y, x, dy, retain_graph=True)[0])


def looking(params, x):
    """One that looks at numbers."""
    factor = 2 if float(x.sum()) > 0 else 3
    return x * factor, lambda dy: ((), dy * factor)


def test_plain_functions_are_layers():
    params, _ = f.linear(3).init(seeded(), (5,))
    x = torch.randn(4, 5, generator=seeded(1))
    net = f.serial(calling, differentiated, looking)
    seen = f.trace(net, (params, (), ()), x)
    assert places(seen.forward) == [
        *("[0] › linear(3)", "[0] › tanh", "[0] calling", "[1] differentiated", "[2] looking"),
        "serial",
    ]
    same(seen.root.y, net((params, (), ()), x)[0])
    assert all(agree(seen))


def test_a_function_that_fails_on_watched_tensors_draws_as_it_would():
    def noisy(params, x, rng):
        noise = x.new_empty(x.shape).normal_(generator=rng)
        assert type(noise) is torch.Tensor
        return x * noise, lambda dy: ((), dy * noise)

    net, x = f.serial(noisy, f.dropout(0.5)), torch.ones(50)
    seen = f.trace(net, ((), ()), x, rng=seeded(3))
    same(seen.root.y, net(((), ()), x, seeded(3))[0])


def test_debug_tells_once():
    lines = []
    _, _, seen = traced(f.serial(f.linear(3), f.debug(f.tanh, tell=lines.append)), (5,))
    seen.html()
    assert len(lines) == 2
    assert all(agree(seen))


def test_containers_of_all_kinds_are_values():
    def crossed(params, x):
        y = {"a": x["b"] * 2, "c": (x["a"],)}
        return y, lambda dy: ((), {"a": dy["c"][0], "b": dy["a"] * 2})

    x = {"a": torch.randn(2, generator=seeded()), "b": torch.randn(3, generator=seeded())}
    seen = f.trace(crossed, (), x)
    assert all(agree(seen))
    texts = Page(seen.html()).text("b")
    assert {"x.a", "x.b", "y.a", "y.c[0]", "dx.b"} <= {*texts}


def test_a_page_is_written_and_a_notebook_shows_it(tmp_path):
    _, _, seen = traced(NET, (5,))
    seen.save(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert text == seen.html()
    frame = Page(seen._repr_html_()).all("iframe")
    assert frame[0]["srcdoc"] == text
    assert frame[0]["title"] == "trace of serial"
    assert repr(seen) == "Trace(serial: 4 steps each way)"


def test_names_are_text_on_the_page():
    _, _, seen = traced(f.named(HOSTILE, f.tanh), (5,))
    page = Page(seen.html())
    assert not page.all("script")
    assert HOSTILE in page.text("h1")[0]


def test_parameters_stand_beside_their_gradients():
    _, _, seen = traced(NET, (5,))
    text = seen.html()
    assert len(re.findall('<div class="pair">', text)) == 4
    rows = {row[0]: row for row in Page(text).rows if row and row[0].startswith("params")}
    for path, p, d in zip(
        ["[0].w", "[0].b", "[2].w", "[2].b"],
        tree.leaves(seen.root.params),
        tree.leaves(seen.root.dparams),
    ):
        _, shape, size, gradient = rows[f"params{path}"]
        assert shape == str(tuple(p.shape))
        assert float(size) == pytest.approx(float(p.norm()), rel=0.01)
        assert float(gradient) == pytest.approx(float(d.norm()), rel=0.01)


def test_a_large_network_is_shown_in_less_detail():
    net = f.repeat(f.serial(f.linear(6), f.tanh), 60)
    _, _, seen = traced(net, (6,))
    assert len(seen.html().encode()) < 300_000 * 2
    _, _, seen = traced(f.serial(f.linear(600), f.relu, f.linear(10)), (784,))
    assert len(seen.html().encode()) < 100_000


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda p, x: f.trace(3, p, x), f.KindError, "layer: expected a function (params, x) -> (y, vjp), got int"),
        (lambda p, x: f.trace(NET, p, x[:, :4]), f.ShapeError, "serial[0] linear: expected x (…, 5), got (4, 4)"),
        (lambda p, x: f.trace(NET, p, x, torch.ones(3)), f.ShapeError, "serial: expected dy of shape (4, 2) as y is, got (3,)"),
        (lambda p, x: f.trace(NET, p, x, rng=3), f.KindError, "trace: expected rng to be a torch.Generator, got int"),
        (lambda p, x: f.trace(NET, p, None), f.KindError, "trace: expected a tensor or a tuple of tensors, got NoneType"),
        (lambda p, x: f.trace(f.serial(), (), ()), f.KindError, "trace: expected x to hold a tensor, got ()"),
        (lambda p, x: f.trace(NET, None, x), f.KindError, "trace: expected params of tensors, got NoneType"),
        (lambda p, x: f.trace(NET, p, x.to("meta")), f.KindError, "trace: expected tensors with numbers, got one on the meta device"),
        (lambda p, x: f.trace(NET, p, x).save(3), f.KindError, "save: expected a path, got int"),
        (lambda p, x: f.trace(lambda params, x: x, (), x), f.KindError, "<lambda>: expected (y, vjp), got Tensor"),
        (lambda p, x: f.trace(lambda params, x: (x, lambda dy: ((), dy[:1])), (), x), f.ShapeError, "<lambda>: expected its vjp to give dx (4, 5) as x is, got (1, 5)"),
    ],
)  # fmt: skip
def test_it_refuses(make, error, text):
    params, _ = NET.init(seeded(), (5,))
    with refuses(error, text):
        make(params, torch.ones(4, 5))
