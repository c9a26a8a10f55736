"""A case: a layer with parameters and inputs to try its properties on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

import funcdl as f
from funcdl import tree
from funcdl.judge.trial import Trial


@dataclass(frozen=True)
class Case:
    """A row of the table.

    Attributes:
        layer: what is tried.
        shape: of its input, with leading axes, as `init` takes it.
        classes: the targets of a loss are drawn from so many classes; 0: all inputs are floats.
        over_models: the layer for inputs and parameters with a leading model axis, where it is
            another one.
        id: its name in the reports, where `repr(layer)` does not tell it from another case.
        draw: `rng -> x` where neither normal numbers nor classes will do.
        random: whether it is applied with a generator, as in training. What it draws for several
            models in one pass is not what it would draw for each alone.
        oracle: `(params, x) -> y`, the same in the words of `torch.nn.functional`; without it the
            oracle's derivative is that of the layer's own values.
    """

    layer: Any
    shape: Any
    classes: int = 0
    over_models: Any = None
    id: str = ""
    draw: Callable[[torch.Generator], Any] | None = None
    random: bool = False
    oracle: Callable[[Any, Any], Any] | None = None

    def __str__(self) -> str:
        return self.id or repr(f.as_layer(self.layer))

    def params(self, rng):
        drawn, _ = f.as_layer(self.layer).init(rng, self.shape)
        return tree.map(lambda p: p.double() + 0.1 * normal(p.shape, rng), drawn)

    def inputs(self, rng):
        if self.draw:
            return self.draw(rng)
        if self.classes:
            y, t = self.shape
            return normals(y, rng), integers(t, self.classes, rng)
        return normals(self.shape, rng)

    def apply(self, params, x):
        return f.as_layer(self.layer)(params, x, *self.generator())

    def generator(self):
        """The generator to call with, as arguments: none, or one that always begins the same."""
        return (torch.Generator().manual_seed(1),) if self.random else ()

    @property
    def stacked(self):
        return f.as_layer(self.over_models or self.layer)

    def has_target(self):
        """Whether it is a loss, whose input ends with data."""
        with_models = self.over_models is not None and "vmap" not in str(self)
        return with_models and is_nested(self.shape)

    def looks_across(self):
        """Whether the examples of a batch are not each for itself."""
        return self.has_target() or (self.random and bool(f.as_layer(self.layer).needs_rng))

    def trial(self, rng):
        """The case as the library's judge takes it."""
        return Trial(
            f.as_layer(self.layer),
            self.shape,
            rng,
            self.inputs,
            self.params,
            self.stacked,
            self.random,
            self.has_target(),
        )


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
        wide = s.reshape(*s.shape[:-1], *[1] * (x.ndim - s.ndim), s.shape[-1])

        def vjp(dy):
            return {"s": (dy * x).sum_to_size(wide.shape).reshape(s.shape)}, dy * wide

        return x * wide, vjp

    return f.layer(apply, lambda rng, s: ({"s": f.initialisers.ones(rng, s[-1:])}, s), "scaled")


def one_example(params, x):
    """A layer of a user's own that takes a single example."""
    return x.dot(x), lambda dy: ((), 2 * x * dy)


def multiplied_by_noise(params, x, rng):
    """A layer of a user's own that draws numbers."""
    if rng is None:
        return x, lambda dy: ((), dy)
    noise = x.new_empty(x.shape).normal_(generator=rng)
    return x * noise, lambda dy: ((), dy * noise)


NET = f.serial(f.linear(5), f.tanh, f.linear(3))
