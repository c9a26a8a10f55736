"""The table of cases that the suite tries: the library's own, and layers of users' beside it."""

from dataclasses import fields

import torch

import funcdl as f
from funcdl import cases
from pairs.at_most import at_most
from pairs.sharpen import sharpen


class Case(cases.Case):
    """A row as the suite tries it: it applies itself, with a generator that it makes."""

    def apply(self, params, x):
        return self.layer(params, x, *self.generator())

    def generator(self):
        """The generator to call with, as arguments: none, or one that always begins the same."""
        return (torch.Generator().manual_seed(1),) if self.random else ()

    def looks_across(self):
        """Whether the examples of a batch are not each for itself."""
        return self.target or (self.random and bool(self.layer.needs_rng))


def tried(rows):
    """Give rows of the library's as the suite tries them."""
    return [Case(**{field.name: getattr(row, field.name) for field in fields(row)}) for row in rows]


def normal(shape, rng):
    return torch.empty(shape, dtype=torch.float64).normal_(generator=rng)


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


def two_states(params, x):
    """A cell whose state is a pair."""
    (a, b), x = x
    return (b * x, a + b), lambda d: ((), ((d[1], d[0] * x + d[1]), d[0] * b))


NOISY = f.serial(f.linear(4), multiplied_by_noise, f.tanh)

OWN = [
    Case(f.serial(square, f.linear(2), scaled(), f.identity), (4, 3)),
    Case(
        f.vmap(one_example, 1),
        (4, 5),
        over_models=f.vmap(one_example, 1, models=1),
    ),
    Case(
        f.vmap(f.parallel(one_example, f.linear(2)), 1),
        ((4, 5), (4, 3)),
        over_models=f.vmap(f.parallel(one_example, f.linear(2)), 1, models=1),
    ),
    Case(f.serial(f.linear(3), f.remat(NOISY), f.linear(2)), (4, 2), random=True),
    Case(f.scan(f.layer(two_states, lambda rng, s: ((), s[0]))), (((3, 2), (3, 2)), (3, 6, 2))),
    Case(f.as_layer(at_most), (4, 2, 5)),
    Case(f.as_layer(sharpen(2.0)), (4, 2, 5)),
]

CASES = [*tried(cases.CASES), *OWN]
