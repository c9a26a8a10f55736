"""Steps that are random straight lines of calls."""

import random

import torch

CALLS = {
    "add": lambda a, b, c: a + b,
    "subtract": lambda a, b, c: a - b,
    "multiply": lambda a, b, c: a * b * 0.5,
    "negate": lambda a, b, c: -a,
    "tanh": lambda a, b, c: a.tanh(),
    "clamp": lambda a, b, c: a.clamp(-0.5, 0.5),
    "add a multiple": lambda a, b, c: a.add(b, alpha=-0.3),
    "lerp": lambda a, b, c: a.lerp(b, 0.3),
    "add a product": lambda a, b, c: a.addcmul(b, c, value=0.2),
    "in place": lambda a, b, c: a.clone().mul_(0.5).add_(b),
    "largest": lambda a, b, c: a.maximum(b),
    "copy": lambda a, b, c: a.clone(),
    "view": lambda a, b, c: a.reshape(a.shape),
    "root": lambda a, b, c: (a * a + 0.1).sqrt(),
    "sum": lambda a, b, c: a.sum(),
    "in pieces": lambda a, b, c: _in_pieces(a, b),
    "write a part": lambda a, b, c: _with_a_part(a.clone(), b),
    "join": lambda a, b, c: torch.cat([a.flatten(), b.flatten()])[: a.numel()].view(a.shape),
    "product": lambda a, b, c: a * 0.5 if a.ndim < 2 else a @ a.mT @ b * 0.1,
}
# What is done to every parameter alike, with something beside it: a plan makes one call of these.
TO_ALL = [
    lambda p, s: p.mul(0.9).add(s, alpha=0.1),
    lambda p, s: p - 0.1 * s,
    lambda p, s: s.lerp(p, 0.5).tanh(),
]
SHAPES = [(3,), (3,), (), (2, 3)]


def _with_a_part(y, b):
    if y.ndim:
        y[..., :1] = b[..., 1:2]
    return y


def _in_pieces(a, b):
    """Copy one piece after the other, and change each before the next is copied."""
    y = a.new_empty(a.shape)
    if not y.ndim:
        return y.copy_(a).mul_(0.5)
    y[..., :1].copy_(a[..., :1]).add_(b[..., -1:])
    y[..., 1:].copy_(a[..., 1:]).mul_(b[..., :1])
    return y


def program(length, seed):
    """Make a step of so many calls on what it has; it returns any of it for params and state."""

    def step(params, state, batch):
        draw = random.Random(seed)
        pool = [*params, *state, batch]

        def like(t, among):
            return draw.choice([v for v in among if v.shape == t.shape] or [t])

        for _ in range(length):
            if draw.random() < 0.2:
                function = draw.choice(TO_ALL)
                among = draw.choice([pool, list(state)])
                pool += [function(p, like(p, among)) for p in params]
            else:
                a = draw.choice(pool)
                pool.append(CALLS[draw.choice(sorted(CALLS))](a, like(a, pool), like(a, pool)))
        late = pool[-4:] if draw.random() < 0.7 else pool
        new = tuple(like(t, late if like(t, late).shape == t.shape else pool) for t in params)
        return new, tuple(like(t, pool) for t in state), pool[-1].sum(), draw.choice(pool)

    return step
