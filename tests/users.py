"""Layers as users write them: what a recording sees, what it cannot repeat, what it does not see.

Each takes (…, features) and gives the same shape; those that draw need a generator.
"""

import torch
from torch.nn import functional

import funcdl as f


def kept(function):
    """Give a plain function that keeps shapes an init, so that it may stand anywhere."""
    return f.layer(function, lambda rng, shape: ((), shape))


def square(params, x):
    return x * x, lambda dy: ((), 2 * x * dy)


def drawn_from_the_generator(params, x, rng=None):
    if rng is None:
        return x, lambda dy: ((), dy)
    mask = (torch.rand(x.shape, generator=rng) < 0.5).to(x.dtype)
    return x * mask, lambda dy: ((), dy * mask)


def permuted(params, x, rng=None):
    if rng is None:
        return x, lambda dy: ((), dy)
    order = torch.randperm(x.shape[-1], generator=rng)
    return x[..., order], lambda dy: ((), torch.zeros_like(dy).index_copy_(-1, order, dy))


def by_func(params, x):
    y, pull = torch.func.vjp(lambda q: q.sin() * q, x)
    return y, lambda dy: ((), pull(dy)[0])


def by_vmap(params, x):
    double = torch.vmap(lambda q: q * q.sigmoid())
    gate = x.sigmoid()
    return double(x.flatten()).view(x.shape), lambda dy: (
        (),
        dy * (gate + x * gate * (1 - gate)),
    )


def by_autograd(params, x):
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        y = x.sin()
    return y.detach(), lambda dy: ((), torch.autograd.grad(y, x, dy, retain_graph=True)[0])


def by_the_largest(params, x):
    flat = x.flatten()
    most = flat[flat.abs().argmax()]

    def pull(dy):
        d = (dy * x).sum()
        dx = (dy * most).flatten()
        dx[flat.abs().argmax()] += d
        return (), dx.view(x.shape)

    return x * most, pull


def chosen(params, x):
    mask = x > 0
    total = x[mask].sum()
    return x + total, lambda dy: ((), dy + dy.sum() * mask)


def bounded_in_place(params, x):
    mask = x > -50
    mask &= x < 0.5
    mask = mask.to(x.dtype)
    return x * mask, lambda dy: ((), dy * mask)


def relu_in_place(params, x):
    y = functional.relu(x.clone(), inplace=True)
    return y, lambda dy: ((), dy * (y > 0))


def looking(params, x):
    """A layer that asks for a number: no list of calls could repeat it."""
    factor = 2.0 if float(x.sum()) > 0 else -1.0
    return x * factor, lambda dy: ((), dy * factor)


def as_many_as_numbers_say(params, x):
    count = int((x > 0).sum()) + 1
    rows = x.new_ones(count, 1).expand(count, x.shape[-1])
    return x + rows.sum(0) / count, lambda dy: ((), dy)


def in_own_memory(params, x):
    y = torch.empty(x.shape, dtype=x.dtype)
    y.copy_(x).mul_(3)
    return y, lambda dy: ((), dy * 3)


def untouched(params, x):
    return x, lambda dy: ((), dy)


def viewed(params, x):
    return x.view(x.shape), lambda dy: ((), dy.flatten().view(dy.shape))


def from_parts(params, x):
    y = torch.empty_like(x)
    y[..., :1] = x[..., :1] * 2
    y[..., 1:] = x[..., 1:].tanh()

    def pull(dy):
        dx = dy.clone()
        dx[..., :1].mul_(2)
        dx[..., 1:].mul_(1 - y[..., 1:] ** 2)
        return (), dx

    return y, pull


def strided():
    """A bias that is every second number of its parameter, behind a product."""

    def apply(params, x):
        w, b = params
        y = x @ w + b[::2]

        def pull(dy):
            rows = dy.reshape(-1, dy.shape[-1])
            db = torch.zeros_like(b)
            db[::2] = rows.sum(0)
            return (x.reshape(-1, x.shape[-1]).mT @ rows, db), dy @ w.mT

        return y, pull

    def init(rng, shape):
        n = shape[-1]
        return (torch.randn(n, n, generator=rng), torch.randn(2 * n, generator=rng)), shape

    return f.layer(apply, init, "strided")


def twice_the_same():
    """Two parameters with one gradient."""

    def apply(params, x):
        a, b = params

        def pull(dy):
            g = dy.reshape(-1, dy.shape[-1]).sum(0)
            return (g, g), dy

        return x + a + b, pull

    return f.layer(apply, lambda rng, s: ((torch.zeros(s[-1]), torch.ones(s[-1])), s), "twice")


def turned():
    """A weight that its layer uses turned around, and whose gradient is a view."""

    def apply(params, x):
        (w,) = params
        rows = x.reshape(-1, x.shape[-1])
        return x @ w.mT, lambda dy: (((rows.mT @ dy.reshape(rows.shape)).mT,), dy @ w)

    return f.layer(apply, lambda rng, s: ((torch.randn(s[-1], s[-1], generator=rng),), s), "turned")


RECORDED = [
    *(kept(layer) for layer in (square, bounded_in_place, relu_in_place, untouched, viewed)),
    *(kept(from_parts), strided(), twice_the_same(), turned()),
]
UNSEEN = [
    *(kept(layer) for layer in (drawn_from_the_generator, permuted, by_func, by_vmap, by_autograd)),
    *(kept(layer) for layer in (by_the_largest, chosen, looking, as_many_as_numbers_say)),
    kept(in_own_memory),
]


class Halve(f.Module):
    """A module of a user's own, with no layer under it and no call of the base class.

    It keeps its input in an attribute, as courses teach it.
    """

    def __init__(self):
        self.scale, self.grad = torch.tensor([0.5]), torch.zeros(1)

    def forward(self, *input):
        (self.x,) = input
        return self.x * self.scale

    def backward(self, *gradwrtoutput):
        (dy,) = gradwrtoutput
        self.grad += (dy * self.x).sum()
        return dy * self.scale

    def param(self):
        return [(self.scale, self.grad)]
