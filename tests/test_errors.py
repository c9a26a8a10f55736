"""The words of each error: what was expected, what came, and where."""

import re

import pytest
import torch

import funcdl as f

NET = f.serial(f.conv2d(4, 3), f.flatten(3), f.linear(2))


def message(error, text):
    return pytest.raises(error, match="^" + re.escape(text))


@pytest.mark.parametrize(
    ("layer", "shape", "text"),
    [
        (f.serial(f.relu, f.linear(2), f.max_pool2d(2)), (7,), "serial[2] max_pool2d: expected x (…, height ≥ 2, width ≥ 2, channels), got (2,)"),
        (f.conv2d(1, 5), (4, 4, 1), "conv2d: expected x (…, height ≥ 5, width ≥ 5, in), got (4, 4, 1)"),
        (f.max_pool2d(3), (2, 2, 1), "max_pool2d: expected x (…, height ≥ 3, width ≥ 3, channels), got (2, 2, 1)"),
        (f.serial(f.parallel(f.relu, f.flatten(3))), ((1,), (2, 2)), "serial[0] parallel[1] flatten: expected x (…, axis, axis, axis), got (2, 2)"),
        (f.parallel(f.relu), ((1,), (2,)), "parallel: expected x to have 1 entry, got 2"),
        (f.join(), ((2, 3), (3, 3)), "join: expected x[1] (2, entries), got (3, 3)"),
        (f.stack_along(-1), ((2,), (3,)), "stack_along: expected x[1] (2,), got (3,)"),
        (f.fan_out(f.relu, f.unstack_along(-2)), (3,), "fan_out[1] unstack_along: expected x (…, count, features), got (3,)"),
        (f.shared(f.linear(2)), ((3,), (4,)), "shared linear: expected inputs that fit the same parameters, got (3,) and (4,)"),
        (f.fan_in("sum"), ((2,), (1,)), "fan_in: expected x[1] (2,), got (1,)"),
        (f.fan_in("product"), (2,), "fan_in: expected x to be a tuple of shapes, got (2,)"),
        (f.residual(f.linear(3)), (2,), "residual: expected linear to keep the shape (2,), got (3,)"),
        (f.residual(f.flatten(3)), (2, 2), "residual flatten: expected x (…, axis, axis, axis), got (2, 2)"),
        (f.repeat(f.flatten(2), 2), (2, 2), "repeat[1] flatten: expected x (…, axis, axis), got (4,)"),
        (f.siamese(f.flatten(2), f.join()), ((2, 2), (2,)), "siamese[0] shared flatten: expected x (…, axis, axis), got (2,)"),
        (f.serial(f.named("head", f.flatten(2))), (2,), "serial[0] head: flatten: expected x (…, axis, axis), got (2,)"),
        (f.vmap(f.flatten(2), 1), (3, 2), "vmap flatten: expected x (…, axis, axis), got (2,)"),
        (f.vmap(f.relu, 2), (3,), "vmap: expected at least 2 axes, got (3,)"),
        (f.vmap(f.join(), 1), ((3, 2), (4, 2)), "vmap: expected the same leading axes, got ((3, 2), (4, 2))"),
        (f.remat(f.flatten(2)), (2,), "flatten: expected x (…, axis, axis), got (2,)"),
        (f.reshape((2, 2)), (5,), "reshape: expected the last axis of x to make (2, 2), got (5,)"),
        (f.select(-2, 3), (3, 5), "select: expected x (…, entries ≥ 4, features), got (3, 5)"),
        (f.transpose(), (5,), "transpose: expected x (…, axis2, axis1), got (5,)"),
        (f.mse(), ((4, 1), (4,)), "mse: expected target (4, 1), got (4,)"),
        (f.cross_entropy(), ((4, 3), (3,)), "cross_entropy: expected target (4,), got (3,)"),
        (f.parallel(f.relu, f.relu), (3, 4), "parallel: expected x to be a tuple of shapes, got (3, 4)"),
        (f.shared(f.relu), (3,), "shared: expected x to be a tuple of shapes, got (3,)"),
        (f.shared(f.relu, axis=-2), (3,), "shared: expected x (…, inputs, features), got (3,)"),
        (f.join(), (3,), "join: expected x to be a tuple of shapes, got (3,)"),
        (f.stack_along(-1), (), "stack_along: expected x to have at least 1 entry, got none"),
        (f.unstack_along(-1), (2, 0), "unstack_along: expected x (…, count ≥ 1), got (2, 0)"),
        (f.expand_dims(-3), (3,), "expand_dims: expected x (…, axis2, axis1), got (3,)"),
        (f.weighted_sum((1, f.mse()), (1, f.mse(models=1))), (((2, 3), (2, 3)),) * 2, "weighted_sum: expected losses of one shape, got () and (2,)"),
        (f.supervised(f.relu, f.mse()), (3, 3), "supervised: expected a pair (x, target) of shapes, got (3, 3)"),
        (f.supervised(f.linear(2), f.mse()), ((3,), (3,)), "supervised loss: mse: expected target (2,), got (3,)"),
    ],
)  # fmt: skip
def test_a_shape_that_does_not_fit_is_named_when_composing(layer, shape, text, rng):
    with message(f.ShapeError, text):
        layer.init(rng, shape)


def test_an_input_that_does_not_fit_is_named_with_its_path(rng):
    net = f.serial(f.relu, f.flatten(1), f.linear(2))
    params, _ = net.init(rng, (196,))
    with message(f.ShapeError, "serial[2] linear: expected x (…, 196), got (32, 14, 14)"):
        net(params, torch.zeros(32, 14, 14))
    params, _ = NET.init(rng, (5, 5, 2))
    with message(
        f.ShapeError, "serial[0] conv2d: expected x (…, height ≥ 3, width ≥ 3, 2), got (5, 5, 3)"
    ):
        NET(params, torch.zeros(5, 5, 3))
    with message(f.KindError, "serial[0] conv2d: expected x to be torch.float32 as w is, got torch.float64"):  # fmt: skip
        NET(params, torch.zeros(5, 5, 2).double())
    with message(f.ShapeError, "serial: expected params to have 3 entries, got 2"):
        NET(params[:2], torch.zeros(5, 5, 2))
    with message(f.KindError, "linear: expected x to be a tensor, got str"):
        f.linear(2)(params[2], "x")
    with message(f.KindError, "relu: expected x to be a tensor, got int"):
        f.relu((), 3)


def listing(params, x):
    return [x], lambda dy: ((), dy)


def listing_inside(params, x):
    return (x, [x]), lambda dy: ((), dy)


W = f.Affine(torch.ones(3, 2), ())


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: f.fan_in()((), torch.ones(2)), f.KindError, "fan_in: expected x to be a tuple of tensors, got Tensor"),
        (lambda: f.parallel(f.relu, f.linear(2))(((), W), (torch.ones(3), torch.ones(4))), f.ShapeError, "parallel[1] linear: expected x (…, 3), got (4,)"),
        (lambda: f.residual(f.linear(2))(W, torch.ones(4)), f.ShapeError, "residual linear: expected x (…, 3), got (4,)"),
        (lambda: f.shared(f.relu)((), torch.ones(3)), f.KindError, "shared: expected x to be a tuple of inputs, got Tensor"),
        (lambda: f.shared(f.relu, axis=-2)((), torch.ones(3)), f.ShapeError, "shared: expected x (…, inputs, features), got (3,)"),
        (lambda: f.unstack_along(-1)((), torch.ones(2, 0)), f.ShapeError, "unstack_along: expected x (…, count ≥ 1), got (2, 0)"),
        (lambda: f.join()((), ()), f.ShapeError, "join: expected x to have at least 1 entry, got none"),
        (lambda: f.expand_dims(-3)((), torch.ones(3)), f.ShapeError, "expand_dims: expected x (…, axis2, axis1), got (3,)"),
        (lambda: f.join()((), torch.ones(2, 3)), f.KindError, "join: expected x to be a tuple of tensors, got Tensor"),
        (lambda: f.stack_along(-1)((), torch.ones(2, 3)), f.KindError, "stack_along: expected x to be a tuple of tensors, got Tensor"),
        (lambda: f.shared(f.relu)((), ()), f.ShapeError, "shared: expected x to have at least 1 entry, got none"),
        (lambda: f.conv2d(2, 3)(f.Affine(torch.ones(3, 3, 1, 2), ()), torch.ones(2, 5, 1)), f.ShapeError, "conv2d: expected x (…, height ≥ 3, width ≥ 3, 1), got (2, 5, 1)"),
        (lambda: f.conv_transpose2d(2, 3)((torch.ones(3, 3, 2, 4), ()), torch.ones(5, 5, 2)), f.ShapeError, "conv_transpose2d: expected x (…, height, width, 4), got (5, 5, 2)"),
        (lambda: f.vmap(f.linear(2), 1, models=2)(f.Affine(torch.ones(3, 2, 4, 2), ()), torch.ones(2, 3, 4)), f.ShapeError, "vmap: expected parameters that begin with (2, 3) as x does, got (3, 2, 4, 2)"),
        (lambda: f.gru(1)(f.Recurrent(f.Affine(torch.ones(2, 3), ()), f.Affine(torch.ones(1, 3), torch.ones(3).double())), torch.ones(5, 2)), f.KindError, "gru: expected params.h.b to be torch.float32 as params.x.w is, got torch.float64"),
        (lambda: f.gru(1)(f.Recurrent(f.Affine(torch.ones(2, 3), ()), f.Affine(torch.ones(1, 3), torch.ones(2))), torch.ones(5, 2)), f.ShapeError, "gru: expected params.h.b (3,), got (2,)"),
        (lambda: f.gru(1)(f.Recurrent(f.Affine(torch.ones(2, 3), ()), f.Affine(torch.ones(1, 3), ())), torch.ones(5, 2, device="meta")), f.KindError, "gru: expected all on one device, got cpu and meta"),
        (lambda: f.attention(1)(f.Attention(f.Affine(torch.ones(2, 6), ()), f.Affine(torch.ones(2, 2), ())), torch.ones(5, 2, device="meta")), f.KindError, "attention: expected all on one device, got cpu and meta"),
        (lambda: f.embedding(3, 2)((torch.ones(3, 2, device="meta"),), torch.zeros(4).long()), f.KindError, "embedding: expected all on one device, got cpu and meta"),
        (lambda: f.layer_norm()((), torch.ones(2)), f.KindError, "layer_norm: expected params Norm(scale, bias), got ()"),
        (lambda: f.weighted_sum((1.0, f.mse()), (1.0, f.mse(models=1)))((), ((torch.ones(2, 3),) * 2, (torch.ones(2, 3),) * 2)), f.ShapeError, "weighted_sum: expected losses of one shape, got () and (2,)"),
        (lambda: f.initialisers.full("x")(torch.Generator(), (2,)), f.KindError, "full: expected a number, got str"),
        (lambda: f.calibrate(f.relu, (), torch.ones(2), torch.Generator()), f.KindError, "calibrate: expected batches, got Tensor"),
        (lambda: f.linear(2)(W, torch.ones(4, 3))[1](torch.ones(4, 2, device="meta")), f.KindError, "linear: expected dy on the device of y, got one on meta"),
        (lambda: f.fan_out(f.relu, f.relu)(((), ()), torch.ones(3))[1]((None, torch.ones(4))), f.ShapeError, "fan_out: expected dy of shape ((3,), (3,)) as y is, got (None, (4,))"),
        (lambda: f.layer(lambda params, x: x * 2)((), torch.ones(2, 3)), f.KindError, "<lambda>: expected (y, vjp), got Tensor"),
        (lambda: f.layer(lambda params, x: (x, x))((), torch.ones(3)), f.KindError, "<lambda>: expected a vjp to call, got Tensor"),
        (lambda: f.layer(lambda params, x: (x, lambda dy: dy))((), torch.ones(2, 3))[1](torch.ones(2, 3)), f.KindError, "<lambda>: expected (dparams, dx) from its vjp, got Tensor"),
        (lambda: f.layer(lambda params, x: (x, lambda dy: (dy,)))((), torch.ones(3))[1](torch.ones(3)), f.KindError, "<lambda>: expected (dparams, dx) from its vjp, got 1 entries"),
        (lambda: f.fan_in()((), (torch.ones(2), torch.ones(2).double())), f.KindError, "fan_in: expected x[1] to be torch.float32 as x[0] is, got torch.float64"),
        (lambda: f.join()((), (torch.ones(2), torch.ones(2).double())), f.KindError, "join: expected x[1] to be torch.float32 as x[0] is, got torch.float64"),
        (lambda: f.shared(f.linear(2))(W, (torch.ones(4),)), f.ShapeError, "shared linear: expected x (…, 3), got (4,)"),
        (lambda: f.shared(f.linear(2), axis=-2)(W, torch.ones(2, 4)), f.ShapeError, "shared linear: expected x (…, 3), got (2, 4)"),
        (lambda: f.vmap(f.linear(2), 1)(W, torch.ones(2, 4)), f.ShapeError, "vmap[0] linear: expected x (…, 3), got (4,)"),
        (lambda: f.vmap(f.linear(2), 1, models=1)(3.0, torch.ones(2, 3)), f.KindError, "vmap: expected params of tensors, got float"),
        (lambda: f.linear(2)((torch.ones(3, 2), None), torch.ones(3)), f.KindError, "linear: expected b to be a tensor or (), got NoneType"),
        (lambda: f.linear(1)((torch.ones(1), ()), torch.ones(1, 1)), f.ShapeError, "linear: expected w (…, in, 1), got (1,)"),
        (lambda: f.prelu()(f.Slope(torch.ones(())), torch.ones(2, device="meta")), f.KindError, "prelu: expected all on one device, got cpu and meta"),
        (lambda: f.contrastive()((), ((torch.ones(2, 3), torch.ones(2, 3).double()), torch.ones(2))), f.KindError, "contrastive: expected b to be torch.float32 as a is, got torch.float64"),
        (lambda: f.mse()((), (torch.ones(2, 3), torch.ones(2, 3, device="meta"))), f.KindError, "mse: expected all on one device, got cpu and meta"),
        (lambda: f.serial(listing)(((),), torch.ones(2)), f.KindError, "serial[0] listing: expected a tensor or a tuple of tensors, got list"),
        (lambda: f.serial(listing_inside)(((),), torch.ones(2)), f.KindError, "serial[0] listing_inside: expected a tensor or a tuple of tensors, got list"),
        (lambda: f.value_and_grad(f.unstack_along(-1))((), torch.ones(2, 3)), f.KindError, "value_and_grad: expected an objective that gives a tensor, got tuple"),
        (lambda: f.serial(lambda params, x: f.linear(2)(params, x)).init(torch.Generator(), (3,)), f.KindError, "serial[0] linear: expected params Affine(w, b), got ()"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_named_when_applying(make, error, text):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: f.linear(0), f.InputError, "linear: expected out to be at least 1, got 0"),
        (lambda: f.linear(2.0), f.KindError, "linear: expected out to be an integer, got 2.0"),
        (lambda: f.conv2d(1, 0), f.InputError, "conv2d: expected kernel to be at least 1, got 0"),
        (lambda: f.conv2d(1, 3, padding=-1), f.InputError, "conv2d: expected padding to be at least 0, got -1"),
        (lambda: f.max_pool2d(2, stride=0), f.InputError, "max_pool2d: expected stride to be at least 1, got 0"),
        (lambda: f.join(0), f.InputError, "join: expected a negative axis, counted from the end, got 0: layers leave leading axes to batches and models"),
        (lambda: f.serial(f.relu, 3), f.KindError, "serial[1] layer: expected a function (params, x) -> (y, vjp), got int"),
        (lambda: f.fan_out(), f.InputError, "fan_out: expected at least one layer, got none"),
        (lambda: f.shared(f.relu, axis=1), f.InputError, "shared: expected a negative axis, counted from the end, got 1: layers leave leading axes to batches and models"),
        (lambda: f.shared(f.relu, axis="x"), f.KindError, "shared: expected axis to be an integer, got 'x'"),
        (lambda: f.fan_in("mean"), f.InputError, 'fan_in: expected "sum", "product" or "concat", got \'mean\''),
        (lambda: f.repeat(f.relu, -1), f.InputError, "repeat: expected times to be at least 0, got -1"),
        (lambda: f.layer(listing, name=3), f.KindError, "layer: expected a name, got 3"),
        (lambda: f.named("", f.relu), f.KindError, "named: expected a name, got ''"),
        (lambda: f.debug(f.relu, "out"), f.KindError, "debug: expected tell to be a function, got str"),
        (lambda: f.freeze(f.relu, 3), f.KindError, "freeze: expected paths such as '[0].w', got 3"),
        (lambda: f.freeze(f.linear(2), ".v").init(torch.Generator(), (3,)), f.InputError, "freeze: expected a path of the parameters, .w, .b, got '.v'"),
        (lambda: f.vmap(f.relu, -1), f.InputError, "vmap: expected ndim to be at least 0, got -1"),
        (lambda: f.vmap(f.relu, 1)((), torch.zeros(0, 3)), f.InputError, "vmap: expected at least one example, got (0, 3)"),
        (lambda: f.select(-1, 1.0), f.KindError, "select: expected index to be an integer, got 1.0"),
        (lambda: f.reshape(3), f.KindError, "reshape: expected shape to be a tuple, got 3"),
        (lambda: f.reshape((-1, -1)), f.InputError, "reshape: expected at most one length of -1, got (-1, -1)"),
        (lambda: f.transpose(0), f.InputError, "transpose: expected a negative axis, counted from the end, got 0: layers leave leading axes to batches and models"),
        (lambda: f.weighted_sum(), f.InputError, "weighted_sum: expected at least one pair (weight, loss), got none"),
        (lambda: f.weighted_sum((-1.0, f.mse())), f.InputError, "weighted_sum[0]: expected the weight to be at least 0, got -1.0"),
        (lambda: f.sgd(-0.1), f.InputError, "sgd: expected lr to be at least 0, got -0.1"),
        (lambda: f.sgd(0.1, momentum=1.0), f.InputError, "sgd: expected momentum to be at least 0 and below 1, got 1.0"),
        (lambda: f.sgd(0.1, nesterov=True), f.InputError, "sgd: expected momentum above 0 with nesterov, got 0"),
        (lambda: f.adam("fast"), f.KindError, "adam: expected lr to be a number, got 'fast'"),
        (lambda: f.adam(0.1, betas=(0.9, 1.5)), f.InputError, "adam: expected each of betas to be at least 0 and below 1, got 1.5"),
        (lambda: f.linear(2, w_init=f.initialisers.full(1e300)).init(torch.Generator(), (3,)), f.InputError, "full: expected a number in torch.float32, got 1e+300"),
        (lambda: f.linear(2).init(None, (3,)), f.KindError, "linear: expected rng to be a torch.Generator, got NoneType"),
    ],
)  # fmt: skip
def test_a_hyperparameter_out_of_range_is_refused_at_once(make, error, text):
    with message(error, text):
        make()


def test_targets_are_checked():
    logits = torch.zeros(2, 3)
    with message(f.InputError, "cross_entropy: expected target from 0 to 2, got one of 0 to 3"):
        f.cross_entropy()((), (logits, torch.tensor([0, 3])))
    with message(f.KindError, "cross_entropy: expected target to be int64, got torch.float32"):
        f.cross_entropy()((), (logits, torch.zeros(2)))
    with message(f.ShapeError, "mse: expected target (2, 1), got (2,)"):
        f.mse()((), (torch.zeros(2, 1), torch.zeros(2)))
    with message(f.KindError, "mse: expected a pair (output, target), got Tensor"):
        f.mse()((), torch.zeros(3))


def test_a_plain_function_that_needs_an_init_says_so(rng):
    def needs_params(params, x):
        return x * params["s"], lambda dy: (params, dy)

    with pytest.raises(f.ShapeError, match=r"needs_params: .* give it an init"):
        f.serial(needs_params).init(rng, (3,))


class Length(torch.Tensor):
    """A tensor of a user's own, which refuses some methods in its own words."""

    def relu(self):
        raise TypeError("a length has no sign")


@pytest.mark.parametrize("error", [ValueError("mine"), f.InputError("mine")], ids=repr)
@pytest.mark.parametrize(
    "y", [lambda x: x, lambda x: (x, x), None], ids=["of a tensor", "of a tuple", "forwards"]
)
def test_an_error_of_a_users_own_comes_through_as_it_is(y, error):
    def fail(dy):
        raise error

    def layer(params, x):
        return (y(x), fail) if y else fail(x)

    x = torch.ones(2)
    with pytest.raises(type(error)) as caught:
        f.as_layer(layer)((), x)[1](y(x))
    assert caught.value is error
    assert str(error) == "mine"


@pytest.mark.parametrize("y", [lambda x: x, lambda x: (x, x)], ids=["of a tensor", "of a tuple"])
def test_an_error_of_a_layer_inside_a_users_own_names_that_layer(y):
    _, pull = f.relu((), torch.ones(2))

    def layer(params, x):
        return y(x), lambda dy: pull(torch.ones(1))

    x = torch.ones(2)
    with pytest.raises(f.ShapeError) as caught:
        f.as_layer(layer)((), x)[1](y(x))
    assert str(caught.value) == "relu: expected dy of shape (2,) as y is, got (1,)"


def test_an_error_of_a_users_own_tensor_comes_through_as_it_is():
    with pytest.raises(TypeError, match=r"^a length has no sign$"):
        f.relu((), torch.ones(2).as_subclass(Length))


def test_check_finds_a_wrong_derivative(rng):
    def wrong(params, x):
        return x**3, lambda dy: ((), dy * 2 * x**2)

    def misshapen(params, x):
        return x**3, lambda dy: ((), dy[:1])

    x = torch.rand(4, dtype=torch.float64, generator=rng)
    with message(f.DerivativeError, "wrong: expected the derivative at x to fit the values"):
        f.check(wrong, (), x, rng)
    with message(f.DerivativeError, "misshapen: expected the cotangent of x to have shape (4,)"):
        f.check(misshapen, (), x, rng)


@pytest.mark.parametrize(
    ("params", "x", "back", "words"),
    [
        ((), (torch.ones(2), torch.ones(2)), ((), (torch.ones(2),)), "x of 2 entries, got 1 entries"),
        ({"s": torch.ones(2)}, torch.ones(2), (torch.ones(2), torch.ones(2)), "params of 1 entries, got Tensor"),
        (({"s": torch.ones(2)},), torch.ones(2), (((torch.ones(2),) * 2,), torch.ones(2)), "params[0] of 1 entries, got 2 entries"),
        ({"s": torch.ones(2)}, torch.ones(2), ({"s": 3.0}, torch.ones(2)), "params.s, got float"),
    ],
)  # fmt: skip
def test_check_refuses_cotangents_of_another_structure(params, x, back, words, rng):
    with message(f.DerivativeError, f"<lambda>: expected a cotangent of {words}"):
        f.check(lambda params, x: (torch.ones(2), lambda dy: back), params, x, rng)


def test_check_refuses_what_is_no_pair_of_cotangents(rng):
    x = torch.rand(4, dtype=torch.float64, generator=rng)
    net = f.Layer("alone", lambda rng, shape: ((), shape), lambda p, x, rng: (x, lambda dy: (p,)))
    with message(f.KindError, "alone: expected (dparams, dx) from its vjp, got 1 entries"):
        f.check(net, (), x, rng)


def test_check_asks_for_the_cotangent_of_every_parameter(rng):
    def forgetful(params, x):
        return params["s"] * x, lambda dy: ({"s": None}, dy * params["s"])

    x = torch.rand(4, dtype=torch.float64, generator=rng)
    with message(f.DerivativeError, "forgetful: expected a cotangent of params.s, got None"):
        f.check(forgetful, {"s": x[0]}, x, rng)


def test_models_are_not_taken_for_one_another():
    params = f.Affine(torch.ones(3, 4, 2), torch.ones(3, 2))
    for shape in ((6, 5, 4), (1, 5, 4), (5, 4)):
        with message(f.ShapeError, f"linear: expected x (3, …, 4), got {shape}"):
            f.linear(2)(params, torch.ones(shape))
    with message(f.KindError, "linear: expected b to be torch.float32 as w is, got torch.float64"):
        f.linear(2)(f.Affine(torch.ones(4, 2), torch.ones(2).double()), torch.ones(5, 4))
