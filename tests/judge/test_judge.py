"""The judge against layers that are wrong on purpose, each in one way; and check at kinks."""

import re

import pytest
import torch
from helpers import seeded

import funcdl as f
from funcdl import tree
from funcdl.judge.trial import Trial
from funcdl.judge.verdict import PROPERTIES, judged

SHAPE = (4, 3)


def start(rng, shape):
    return f.Affine(0.5 * f.initialisers.ones(rng, (3, 3)), f.initialisers.ones(rng, (3,))), shape


def affine(apply):
    """A layer x w + b of a user's own, by an apply that is right or wrong."""
    return f.layer(apply, start, "mine")


def back(p, x, dy, need_dx=True):
    """The right vjp, for any leading axes of the input and one of models."""
    lead = (*p.w.shape[:-2], -1)
    rows, dys = x.reshape(*lead, 3), dy.reshape(*lead, 3)
    return f.Affine(rows.mT @ dys, dys.sum(-2)), (dys @ p.w.mT).reshape(x.shape)


def forward(p, x):
    rows = x.reshape(*p.w.shape[:-2], -1, 3)
    return (rows @ p.w + p.b[..., None, :]).reshape(x.shape)


def right(p, x):
    return forward(p, x), lambda dy: back(p, x, dy)


def no_sum_over_the_batch(p, x):
    return forward(p, x), lambda dy: (f.Affine(back(p, x, dy)[0].w, dy), back(p, x, dy)[1])


def transposed_factor(p, x):
    return forward(p, x), lambda dy: (back(p, x, dy)[0], dy @ p.w)


def transposed_gradient(p, x):
    return forward(p, x), lambda dy: (
        back(p, x, dy)[0]._replace(w=back(p, x, dy)[0].w.mT),
        back(p, x, dy)[1],
    )


def forgets_the_bias(p, x):
    return forward(p, x), lambda dy: (
        f.Affine(back(p, x, dy)[0].w, torch.zeros_like(p.b)),
        back(p, x, dy)[1],
    )


def no_bias_at_all(p, x):
    return forward(p, x), lambda dy: (f.Affine(back(p, x, dy)[0].w, None), back(p, x, dy)[1])


def a_plain_tuple(p, x):
    return forward(p, x), lambda dy: (tuple(back(p, x, dy)[0]), back(p, x, dy)[1])


def none_for_x(p, x):
    return forward(p, x), lambda dy: (back(p, x, dy)[0], None)


def writes_to_x(p, x):
    y = forward(p, x)
    x.add_(1)
    return y, lambda dy: back(p, x - 1, dy)


def writes_to_x_on_the_way_back(p, x):
    def vjp(dy):
        found = back(p, x, dy)
        x.mul_(2)
        return found

    return forward(p, x), vjp


def writes_to_dy(p, x):
    def vjp(dy):
        found = back(p, x, dy)
        dy.zero_()
        return found

    return forward(p, x), vjp


def writes_to_params(p, x):
    y = forward(p, x)
    p.b.mul_(1.5)
    return y, lambda dy: back(p, x, dy)


def gives_one_buffer_again(p, x):
    buffer = torch.empty_like(x)

    def vjp(dy):
        dparams, dx = back(p, x, dy)
        return dparams, buffer.copy_(dx)

    return forward(p, x), vjp


def a_view_of_x_that_it_writes_to(p, x):
    y = x.view(x.shape)

    def vjp(dy):
        y.add_(dy)
        return tree.zeros_like(p), dy

    return y, vjp


def right_the_first_time(p, x):
    times = []

    def vjp(dy):
        times.append(1)
        dparams, dx = back(p, x, dy)
        return dparams, dx * len(times)

    return forward(p, x), vjp


CALLS = []


def counts_its_calls(p, x):
    CALLS.append(1)
    return forward(p, x) + len(CALLS), lambda dy: back(p, x, dy)


def draws_from_a_generator_of_its_own(p, x, rng=None):
    noise = torch.rand(x.shape, dtype=x.dtype)
    return forward(p, x) * noise, lambda dy: back(p, x, dy * noise)


def squares_dy(p, x):
    return forward(p, x), lambda dy: back(p, x, dy * dy)


def clips_dy(p, x):
    return forward(p, x), lambda dy: back(p, x, dy.clamp(-1, 1))


def computes_in_float64(p, x):
    wide = tree.map(torch.Tensor.double, p)

    def vjp(dy):
        return tree.map(lambda d: d.to(x.dtype), back(wide, x.double(), dy))

    return forward(wide, x.double()), vjp


def half_in_disguise(p, x):
    y = forward(p, x)
    return y.float().to(y.dtype), lambda dy: back(p, x, dy)


def gives_dx_in_float64(p, x):
    def vjp(dy):
        dparams, dx = back(p, x, dy)
        return dparams, dx.double()

    return forward(p, x), vjp


def mixes_the_models(p, x):
    if p.w.ndim == 2:
        return right(p, x)
    first = tree.map(lambda leaf: leaf[:1].expand(leaf.shape), p)
    return right(first, x)


def knows_two_axes(p, x):
    return torch.einsum("ni,ij->nj", x, p.w) + p.b, lambda dy: back(p, x, dy)


def looks_across_the_batch(p, x):
    def vjp(dy):
        dparams, dx = back(p, x - x.mean(0), dy)
        return dparams, dx - dx.mean(0)

    return forward(p, x - x.mean(0)), vjp


def keeps_a_graph(p, x):
    with torch.enable_grad():
        live = x.clone().requires_grad_()
        return forward(p, live), lambda dy: back(p, x, dy)


def dx_whether_asked_or_not(rng):
    def apply(p, x, rng=None):
        return forward(p, x), lambda dy, need_dx=True: back(p, x, dy)

    return f.Layer("mine", start, apply)


def other_dparams_unasked():
    def apply(p, x, rng=None):
        def vjp(dy, need_dx=True):
            dparams, dx = back(p, x, dy)
            return (dparams, dx) if need_dx else (tree.multiply(2, dparams), None)

        return forward(p, x), vjp

    return f.Layer("mine", start, apply)


def says_another_shape():
    return f.layer(right, lambda rng, s: (start(rng, s)[0], (*s[:-1], 7)), "mine")


def draws_elsewhere():
    def init(rng, shape):
        return f.Affine(torch.rand(3, 3), torch.rand(3)), shape

    return f.layer(right, init, "mine")


def frozen_noise():
    """Noise that a replay does not see, since it is no call on a tensor that came in."""

    def apply(p, x):
        scale = 1 + float(x.sum()) if x.requires_grad else 1.0
        return forward(p, x) * scale, lambda dy: back(p, x, dy * scale)

    return f.layer(apply, start, "mine")


WRONG = {
    "cotangents": [no_sum_over_the_batch, no_bias_at_all, a_plain_tuple, none_for_x],
    "derivative": [transposed_factor, transposed_gradient, forgets_the_bias],
    "purity": [
        *(writes_to_x, writes_to_x_on_the_way_back, writes_to_dy, writes_to_params),
        *(gives_one_buffer_again, a_view_of_x_that_it_writes_to),
    ],
    "again": [right_the_first_time],
    "repeatable": [counts_its_calls, draws_from_a_generator_of_its_own],
    "linear": [squares_dy, clips_dy],
    "dtypes": [computes_in_float64, gives_dx_in_float64],
    "models": [mixes_the_models],
    "batches": [knows_two_axes, looks_across_the_batch],
    "no graph": [keeps_a_graph],
    "need_dx": [other_dparams_unasked()],
    "shapes": [says_another_shape()],
    "initialisation": [draws_elsewhere()],
}
ROWS = [(name, wrong) for name, all_of_them in WRONG.items() for wrong in all_of_them]


@pytest.mark.parametrize(
    ("name", "wrong"), ROWS, ids=[getattr(wrong, "__name__", name) for name, wrong in ROWS]
)
def test_a_wrong_layer_is_named_by_what_it_breaks(name, wrong):
    layer = wrong if isinstance(wrong, f.Layer) else affine(wrong)
    with pytest.raises(f.ContractError, match=f"^mine: breaks {re.escape(name)}: "):
        f.judge(layer, SHAPE, seeded())


def test_a_right_layer_holds_everything():
    verdict = f.judge(affine(right), SHAPE, seeded())
    assert verdict.broken == {}
    assert verdict.skipped == {"None in a tuple": "its output is one tensor"}
    assert set(verdict.held) == set(PROPERTIES) - set(verdict.skipped)
    assert str(verdict).splitlines()[0] == "mine"
    assert len(str(verdict).splitlines()) == 1 + len(PROPERTIES)


def test_every_property_has_a_layer_that_breaks_it():
    by_the_library = {"None", "None in a tuple", "staging"}
    assert set(WRONG) | by_the_library == set(PROPERTIES)


@pytest.mark.parametrize("name", sorted({"None", "None in a tuple", "staging"}))
def test_what_the_library_itself_holds_can_be_broken_too(name, monkeypatch):
    """None is the guard's business, and a staged step the stage's: so break these."""
    layer = f.fan_out(f.tanh, f.tanh)
    if name == "staging":
        from funcdl.judge import staged

        monkeypatch.setattr(staged, "stage", lambda step: lambda p, s, x: step(p, s, x * 2))
    else:

        def call(self, params, x, rng=None):
            y, pull = self.apply(params, x, rng)

            def vjp(dy, need_dx=True):
                ones = tree.map(
                    lambda d, leaf: torch.ones_like(leaf) if d is None else d, dy or (None,) * 2, y
                )
                return pull(ones, need_dx)

            return y, vjp if self is layer else pull

        monkeypatch.setattr(f.Layer, "__call__", call)
    verdict = judged(Trial(layer, SHAPE, seeded(), stacked=layer))
    assert name in verdict.broken


def test_the_judge_leaves_its_generator_as_it_was():
    one = seeded()
    f.judge(affine(right), SHAPE, one)
    assert torch.equal(one.get_state(), seeded().get_state())


def test_a_loss_says_that_its_target_is_data():
    def loss(params, pair):
        y, t = pair
        return (y - t).square().mean(), lambda dl: ((), (2 * dl * (y - t) / y.numel(), None))

    shape = (SHAPE, SHAPE)
    assert f.judge(loss, shape, seeded(), target=True, models=False).broken == {}
    with pytest.raises(
        f.ContractError,
        match=r"breaks cotangents: the vjp gives None for x.1., which is made of floats: is it data",
    ):
        f.judge(loss, shape, seeded(), models=False)
    assert f.judge(f.mse(), shape, seeded(), target=True, models=f.mse(models=1)).broken == {}


def test_training_and_indices_are_asked_for():
    assert f.judge(f.batch_norm(), (5, 3), seeded(), training=True).broken == {}
    assert (
        f.judge(f.serial(f.linear(3), f.dropout(0.5)), SHAPE, seeded(), training=True).broken == {}
    )

    def draw(rng):
        return torch.randint(0, 5, (4, 2), generator=rng)

    assert f.judge(f.embedding(5, 3), (4, 2), seeded(), draw=draw).broken == {}


def test_what_cannot_be_applied_says_so_once():
    def fails(params, x):
        raise ValueError("no room\nat all")

    with pytest.raises(f.ContractError) as caught:
        f.judge(f.layer(fails, f.relu.init, "mine"), SHAPE, seeded())
    assert str(caught.value) == "mine: breaks shapes: ValueError: no room"


def test_the_judge_asks_for_a_generator_and_a_layer():
    with pytest.raises(f.KindError, match=r"^judge: expected rng to be a torch.Generator, got int"):
        f.judge(f.relu, SHAPE, 0)
    with pytest.raises(f.KindError, match="which has to be called: write gelu"):
        f.judge(f.gelu, SHAPE, seeded())


# check: kinks, float64, missing cotangents, init.


def size(params, x):
    return x.abs(), lambda dy: ((), dy * x.sign())


def step_up(params, x):
    return (x > 0).to(x.dtype), lambda dy: ((), torch.zeros_like(x))


def zeros(*shape):
    return torch.zeros(shape, dtype=torch.float64)


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (f.relu, zeros(4)),
        (f.relu, torch.tensor([-1.0, 0, 0, 2]).double()),
        (f.leaky_relu(0.1), zeros(4)),
        (f.hard_tanh, torch.tensor([-1.0, 1, 3]).double()),
        (f.max_pool2d(2), zeros(1, 4, 4, 2)),
        (f.global_max_pool2d, zeros(1, 2, 2, 3)),
        (f.serial(f.flatten(2), f.relu), zeros(2, 3, 1)),
        (size, zeros(5)),
        (size, torch.arange(-2, 3).double()),
        (step_up, torch.arange(-2, 3).double()),
        (f.prelu(), zeros(4)),
    ],
    ids=lambda part: getattr(part, "__name__", str(part)),
)
def test_a_kink_is_named_and_stepped_aside_from(layer, x):
    params, _ = f.as_layer(layer).init(seeded(), tuple(x.shape))
    params = tree.map(torch.Tensor.double, params)
    found = f.check(layer, params, x, seeded())
    assert found.kinks == ("x",)
    assert found["x"] < 1e-6


def test_a_loss_at_its_kink_keeps_its_target():
    y = torch.tensor([1.0, 2.0]).double()
    assert f.check(f.l1(), (), (y, y.clone()), seeded()).kinks == ("x[0]",)
    found = f.check(f.hinge(), (), (torch.ones(3).double(), torch.ones(3).double()), seeded())
    assert found.kinks == ("x[0]",)


def test_smooth_values_have_no_kink():
    x = torch.randn(4, 5, generator=seeded()).double()
    for layer in (f.tanh, f.relu, f.exp, f.softplus(100.0)):
        assert f.check(layer, (), x, seeded()).kinks == ()

    def steep(params, x):
        return (1000 * x).sin(), lambda dy: ((), dy * 1000 * (1000 * x).cos())

    assert f.check(steep, (), x, seeded(), tolerance=1e-4).kinks == ()


@pytest.mark.parametrize("x", [zeros(6), torch.arange(-3, 3).double()], ids=["all", "one"])
def test_a_wrong_derivative_does_not_hide_behind_a_kink(x):
    def wrong(params, x):
        return x.relu() * 2, lambda dy: ((), dy * (x > 0))

    with pytest.raises(f.DerivativeError, match=r"^wrong: expected the derivative at x to fit"):
        f.check(wrong, (), x, seeded())


def test_what_jumps_everywhere_has_no_derivative():
    def rough(params, x):
        return (x * 1e9).round() / 1e3, lambda dy: ((), torch.zeros_like(x))

    with pytest.raises(f.DerivativeError, match=r"^rough: expected "):
        f.check(rough, (), torch.rand(4, generator=seeded()).double(), seeded())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_a_right_derivative_in_less_than_float64_is_asked_for_it(dtype):
    x = torch.rand(4, 3, generator=seeded())
    params, _ = f.linear(2).init(seeded(), (3,))
    for layer, p in ((f.tanh, ()), (f.linear(2), tree.map(lambda t: t.to(dtype), params))):
        with pytest.warns(f.FuncdlWarning, match=f"^check: expected {layer.name} in float64, got"):
            assert f.check(layer, p, x.to(dtype), seeded()) == {}


def test_in_any_dtype_cotangents_are_looked_at():
    x = torch.rand(4, 3)

    def forgetful(params, x):
        return x * 2, lambda dy: ((), None)

    def misshapen(params, x):
        return x * 2, lambda dy: ((), dy[:1])

    for layer, text in (
        (forgetful, "a cotangent of x, got None"),
        (misshapen, "the cotangent of x to have shape"),
    ):
        with pytest.raises(f.DerivativeError, match=f"expected {text}"):
            f.check(layer, (), x, seeded())


def test_none_is_for_the_last_entry_of_a_tuple_alone():
    x = torch.rand(4, generator=seeded()).double()

    def forgets(first):
        def product(params, pair):
            a, b = pair
            return a * b, lambda dy: ((), (None, dy * a) if first else (dy * b, None))

        return product

    assert set(f.check(forgets(False), (), (x, x + 1), seeded())) == {"x[0]"}
    with pytest.raises(
        f.DerivativeError, match=r"^product: expected a cotangent of x\[0\], got None"
    ):
        f.check(forgets(True), (), (x, x + 1), seeded())
    with pytest.raises(f.ContractError, match=r"^product: breaks cotangents: .* None for x\[1\]"):
        f.judge(forgets(False), (SHAPE, SHAPE), seeded())


@pytest.mark.parametrize(
    ("dparams", "text"),
    [
        (lambda d: {"s": d}, "a cotangent of params of 2 entries, got 1 entries"),
        (lambda d: {"s": d, "u": d}, "a cotangent of params as params is, dict of .s, .t, got dict of .s, .u"),
        (lambda d: (d, d), "a cotangent of params as params is, dict of .s, .t, got tuple of [0], [1]"),
    ],
)  # fmt: skip
def test_a_parameter_that_is_forgotten_is_found(dparams, text):
    x = torch.rand(4, generator=seeded()).double()

    def mine(params, x):
        return x * params["s"] + params["t"], lambda dy: (dparams(dy), dy * params["s"])

    with pytest.raises(f.DerivativeError, match="^" + re.escape(f"mine: expected {text}")):
        f.check(mine, {"s": x + 1, "t": x}, x, seeded())


def test_what_init_says_is_compared_with_the_data():
    x = torch.rand(4, 3, generator=seeded()).double()
    params = tree.map(torch.Tensor.double, start(seeded(), SHAPE)[0])
    with pytest.raises(f.ShapeError) as caught:
        f.check(says_another_shape(), params, x, seeded())
    assert str(caught.value) == (
        "mine: expected init to say the shape of the output, (4, 3), got (4, 7)"
    )
