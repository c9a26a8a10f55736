"""check where rounding is as large as what it compares: derivatives of 0, large numbers, infinity."""

import pytest
import torch
from helpers import seeded

import funcdl as f
from funcdl import tree

SEEDS = 40


def drawn(*shape, size=1.0, mean=0.0):
    def draw(rng):
        return torch.randn(shape, generator=rng, dtype=torch.float64).mul_(size).add_(mean)

    return draw


def checked(layer, draw, seed, other):
    """Draw the data from one seed and the directions from another, which may be the same."""
    rng = seeded(seed)
    x = draw(rng)
    params, _ = f.as_layer(layer).init(seeded(seed), tuple(x.shape))
    return f.check(layer, tree.map(torch.Tensor.double, params), x, seeded(other))


IMAGES = drawn(8, 6, 6, 2)
RIGHT = {
    "batch_norm after a bias": (f.serial(f.conv2d(4, 3), f.batch_norm(), f.relu), IMAGES),
    "group_norm after a bias": (f.serial(f.conv2d(4, 3), f.group_norm(4), f.relu), IMAGES),
    "identity, 1e4": (f.identity, drawn(4, 3, size=1e4)),
    "identity, 1e5": (f.identity, drawn(4, 3, size=1e5)),
    "linear, 1e5": (f.linear(3), drawn(4, 3, size=1e5)),
    "linear about 1e5": (f.linear(3), drawn(4, 3, mean=1e5)),
    "layer_norm, 1e4": (f.layer_norm(), drawn(4, 8, size=1e4)),
    "layer_norm about 1e4": (f.layer_norm(), drawn(4, 8, mean=1e4)),
    "batch_norm of a constant": (f.batch_norm(), drawn(6, 3, size=0.0, mean=5.0)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_passes_for_every_seed(name):
    for seed in range(SEEDS):
        for other in (seed, seed + SEEDS):
            found = checked(*RIGHT[name], seed, other)
            assert max(found.values()) <= 1e-6
            if "bias" not in name:  # relu may be near its kink by chance
                assert found.kinks == ()


def off(by):
    def scaled(params, x):
        return 3 * x, lambda dy: ((), 3 * by * dy)

    return scaled


def one_wrong_of_many(params, x):
    """Wrong for the small numbers alone, beside large ones."""
    return 3 * x, lambda dy: ((), dy.mul(3) * (x.abs() > 10) + dy * (x.abs() <= 10))


def mixed(rng):
    return torch.cat([drawn(4, 2, size=1e4)(rng), drawn(4, 2)(rng)], 1)


def leaks_a_bias(rng):
    """A bias before a norm, whose derivative is said to be what it would be without the norm."""
    norm = f.layer_norm()
    params, _ = norm.init(rng, (8,))
    params = tree.map(torch.Tensor.double, params)

    def shifted(b, x):
        y, vjp = norm(params, x + b)
        return y, lambda dy: (1e-4 * dy.sum(), vjp(dy)[1])

    return shifted


WRONG = {
    "a tenth, 1e4": (off(1.1), drawn(4, 3, size=1e4)),
    "twice about 1e4": (off(2.0), drawn(4, 3, mean=1e4)),
    "a thousandth, 1": (off(1.001), drawn(4, 3)),
    "the small of many": (one_wrong_of_many, mixed),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_caught_for_every_seed(name):
    for seed in range(SEEDS):
        with pytest.raises(f.DerivativeError, match="to fit the values"):
            checked(*WRONG[name], seed, seed)


def test_a_derivative_that_should_be_0_is_caught():
    zero = torch.zeros((), dtype=torch.float64)
    for seed in range(SEEDS):
        x = drawn(4, 8)(seeded(seed))
        with pytest.raises(f.DerivativeError, match="derivative at params to fit"):
            f.check(leaks_a_bias(seeded(0)), zero, x, seeded(seed))


def test_the_directions_are_not_the_data():
    """Along the data themselves a norm has no slope, and a wrong one would go unseen."""

    def leans(params, x):
        y, vjp = f.rms_norm(eps=0.0)(params, x)
        return y, lambda dy: (vjp(dy)[0], 2 * vjp(dy)[1])

    scale = f.rms_norm().init(seeded(0), (16,))[0]
    for seed in range(SEEDS):
        x = drawn(1, 16)(seeded(seed))
        with pytest.raises(f.DerivativeError, match="derivative at x to fit"):
            f.check(leans, tree.map(torch.Tensor.double, scale), x, seeded(seed))


def test_the_generator_moves_on():
    rng, x = seeded(0), drawn(4, 3)(seeded(1))
    first = f.check(f.tanh, (), x, rng)
    assert f.check(f.tanh, (), x, rng) != first
    assert f.check(f.tanh, (), x, seeded(0)) == first


@pytest.mark.parametrize("value", [1000.0, float("inf"), float("nan")])
def test_values_that_are_not_finite_are_called_so(value):
    x = torch.tensor([1.0, value], dtype=torch.float64)
    with pytest.raises(f.DerivativeError) as caught:
        f.check(f.exp, (), x, seeded(0))
    assert str(caught.value) == (
        "exp: expected finite values, whose derivative at x can be compared, got values that are "
        "not finite"
    )
