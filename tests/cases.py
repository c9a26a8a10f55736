"""The table of cases: every layer and combinator with inputs to try its properties on."""

from dataclasses import dataclass
from typing import Any

import torch

import funcdl as f
from funcdl import tree
from pairs.compare import at_most


@dataclass(frozen=True)
class Case:
    layer: Any
    shape: Any
    classes: int = 0  # targets of a loss are drawn from so many classes; 0: all inputs are floats
    over_models: Any = None  # the layer for inputs and parameters with a leading model axis
    id: str = ""

    def __str__(self) -> str:
        return self.id or repr(f.as_layer(self.layer))

    def params(self, rng):
        drawn, _ = f.as_layer(self.layer).init(rng, self.shape)
        return tree.map(lambda p: p.double() + 0.1 * normal(p.shape, rng), drawn)

    def inputs(self, rng):
        if self.classes:
            y, t = self.shape
            return normals(y, rng), integers(t, self.classes, rng)
        return normals(self.shape, rng)

    @property
    def stacked(self):
        return f.as_layer(self.over_models or self.layer)


def normal(shape, rng):
    return torch.empty(shape, dtype=torch.float64).normal_(generator=rng)


def is_nested(shape):
    return bool(shape) and all(isinstance(entry, tuple) for entry in shape)


def normals(shape, rng):
    if is_nested(shape):
        return tuple(normals(entry, rng) for entry in shape)
    return normal(shape, rng)


def integers(shape, classes, rng):
    if is_nested(shape):
        return tuple(integers(entry, classes, rng) for entry in shape)
    return torch.randint(0, classes, shape, generator=rng)


def square(params, x):
    """A layer of a user's own, in its plainest form."""
    return x * x, lambda dy: ((), 2 * x * dy)


def scaled():
    """A layer of a user's own with a parameter."""

    def apply(params, x):
        s = params["s"]
        wide = s[..., None, :]

        def vjp(dy):
            return {"s": (dy * x).sum(-2)}, dy * wide

        return x * wide, vjp

    return f.layer(apply, lambda rng, s: ({"s": f.initialisers.ones(rng, s[-1:])}, s), "scaled")


NET = f.serial(f.linear(5), f.tanh, f.linear(3))

CASES = [
    Case(f.linear(3), (4, 5)),
    Case(f.linear(3, b_init=None), (4, 5), id="linear(3) without bias"),
    Case(f.linear(3), (2, 4, 5), id="linear(3) on two leading axes"),
    Case(f.linear(1), (1, 1)),
    Case(f.conv2d(3, 3), (2, 6, 5, 2)),
    Case(f.conv2d(3, (2, 3), b_init=None), (2, 6, 5, 2)),
    Case(f.conv2d(2, 3, stride=2, padding=1), (2, 7, 6, 3)),
    Case(f.conv2d(4, 1), (2, 3, 3, 2)),
    Case(f.conv2d(2, 3, stride=2), (2, 2, 8, 6, 1)),
    Case(f.max_pool2d(2), (2, 6, 4, 3)),
    Case(f.max_pool2d(2), (2, 5, 7, 3), id="max_pool2d(2) with a rest"),
    Case(f.max_pool2d(3, stride=2), (2, 7, 7, 2)),
    Case(f.max_pool2d((1, 2)), (2, 4, 4, 1)),
    Case(f.max_pool2d(1), (2, 3, 3, 1)),
    Case(f.relu, (4, 5)),
    Case(f.tanh, (4, 5)),
    Case(f.sigmoid, (4, 5)),
    Case(f.softmax, (4, 5)),
    Case(f.identity, (4, 5)),
    Case(f.flatten(3), (2, 3, 4, 5)),
    Case(f.flatten(1), (2, 3)),
    Case(f.expand_dims(-1), (2, 3)),
    Case(f.expand_dims(-2), (2, 3)),
    Case(f.channels_last, (2, 3, 4, 5)),
    Case(f.unstack(-2), (4, 2, 3)),
    Case(f.stack(-2), ((4, 3), (4, 3))),
    Case(f.join(), ((4, 3), (4, 2))),
    Case(f.join(-2), ((4, 3, 2), (4, 1, 2), (4, 2, 2))),
    Case(f.serial(), (4, 5), id="serial of nothing"),
    Case(NET, (4, 2)),
    Case(f.serial(f.flatten(2), f.relu, f.linear(3), f.relu), (4, 3, 2)),
    Case(f.serial(square, f.linear(2), scaled(), f.identity), (4, 3)),
    Case(f.serial(f.conv2d(3, 3), f.max_pool2d(2), f.relu, f.flatten(3), NET), (2, 6, 6, 2)),
    Case(f.parallel(f.linear(3), f.identity, f.tanh), ((4, 2), (4, 3), (4, 1))),
    Case(f.fan_out(f.linear(3), f.identity, f.linear(2)), (4, 3)),
    Case(f.fan_out(f.unstack(-2), f.unstack(-2)), (4, 2, 3)),
    Case(f.serial(f.unstack(-2), f.fan_out(f.identity, f.identity)), (4, 2, 3)),
    Case(f.concat(f.linear(3), f.identity, f.tanh), (4, 2)),
    Case(f.shared(f.linear(3)), ((4, 2), (4, 2), (3, 2))),
    Case(f.shared(f.serial(f.linear(3), f.relu), axis=-2), (4, 3, 2)),
    Case(f.shared(f.serial(f.conv2d(2, 3), f.flatten(3)), axis=-4), (2, 3, 4, 4, 1)),
    Case(f.shared(f.unstack(-2), axis=-3), (4, 3, 2, 2)),
    Case(f.serial(f.linear(4), f.tap(f.linear(2), side=f.linear(3))), (4, 3)),
    Case(f.tap(NET), (4, 2)),
    Case(f.mse(), ((4, 3), (4, 3)), over_models=f.mse(models=1)),
    Case(f.cross_entropy(), ((4, 3), (4,)), 3, f.cross_entropy(models=1)),
    Case(
        f.cross_entropy(),
        ((4, 2, 3), (4, 2)),
        3,
        f.cross_entropy(models=1),
        id="cross_entropy on two leading axes",
    ),
    Case(
        f.weighted_sum((1.0, f.cross_entropy()), (0.5, f.cross_entropy())),
        (((4, 3), (4, 2, 3)), ((4,), (4, 2))),
        3,
        f.weighted_sum((1.0, f.cross_entropy(models=1)), (0.5, f.cross_entropy(models=1))),
    ),
    Case(
        f.supervised(NET, f.mse()),
        ((4, 2), (4, 3)),
        over_models=f.supervised(NET, f.mse(models=1)),
    ),
    Case(
        f.supervised(NET, f.cross_entropy()),
        ((4, 2), (4,)),
        over_models=f.supervised(NET, f.cross_entropy(models=1)),
        id="supervised with classes",
        classes=3,
    ),
    Case(at_most, (4, 2, 5)),
]
