"""Errors that come through as they are, and what `check` says of a wrong derivative."""

import pytest
import torch
from helpers import refuses

import funcdl as f


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
    with refuses(f.DerivativeError, "wrong: expected the derivative at x to fit the values"):
        f.check(wrong, (), x, rng)
    with refuses(f.DerivativeError, "misshapen: expected the cotangent of x to have shape (4,)"):
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
    with refuses(f.DerivativeError, f"<lambda>: expected a cotangent of {words}"):
        f.check(lambda params, x: (torch.ones(2), lambda dy: back), params, x, rng)


def test_check_refuses_what_is_no_pair_of_cotangents(rng):
    x = torch.rand(4, dtype=torch.float64, generator=rng)
    net = f.Layer("alone", lambda rng, shape: ((), shape), lambda p, x, rng: (x, lambda dy: (p,)))
    with refuses(f.KindError, "alone: expected (dparams, dx) from its vjp, got 1 entries"):
        f.check(net, (), x, rng)


def test_check_asks_for_the_cotangent_of_every_parameter(rng):
    def forgetful(params, x):
        return params["s"] * x, lambda dy: ({"s": None}, dy * params["s"])

    x = torch.rand(4, dtype=torch.float64, generator=rng)
    with refuses(f.DerivativeError, "forgetful: expected a cotangent of params.s, got None"):
        f.check(forgetful, {"s": x[0]}, x, rng)
