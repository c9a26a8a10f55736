"""What is said of a user's own functions, and by the functions that take layers."""

import pytest
import torch
from helpers import said, seeded

import funcdl as f


def listing(params, x):
    return [x], lambda dy: ((), dy)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: f.layer(lambda params, x: x * 2)((), torch.ones(2, 3)), f.KindError, "<lambda>: expected (y, vjp), got Tensor"),
        (lambda: f.layer(lambda params, x: (x, x))((), torch.ones(3)), f.KindError, "<lambda>: expected a vjp to call, got Tensor"),
        (lambda: f.layer(lambda params, x: (x, lambda dy: dy))((), torch.ones(2, 3))[1](torch.ones(2, 3)), f.KindError, "<lambda>: expected (dparams, dx) from its vjp, got Tensor"),
        (lambda: f.layer(lambda params, x: (x, lambda dy: (dy,)))((), torch.ones(3))[1](torch.ones(3)), f.KindError, "<lambda>: expected (dparams, dx) from its vjp, got 1 entries"),
        (lambda: f.calibrate(f.relu, (), torch.ones(2), seeded()), f.KindError, "calibrate: expected batches, got Tensor"),
        (lambda: f.initialisers.full("x")(seeded(), (2,)), f.KindError, "full: expected a number, got str"),
        (lambda: f.linear(2, w_init=f.initialisers.full(1e300)).init(seeded(), (3,)), f.InputError, "full: expected a number in torch.float32, got 1e+300"),
        (lambda: f.layer(listing, name=3), f.KindError, "layer: expected a name, got 3"),
        (lambda: f.value_and_grad(f.unstack_along(-1))((), torch.ones(2, 3)), f.KindError, "value_and_grad: expected an objective that gives a tensor, got tuple"),
    ],
)  # fmt: skip
def test_a_function_says(make, error, text):
    said(make, error, text)
