"""A step of gradient descent with momentum, as a pure function.

Nothing is updated: new parameters and a new velocity are returned, and the old ones stay what they
were. The velocity is a state, and so it goes in and comes out.

    v' = momentum v + g        p' = p − lr v'

Parameters, gradients and velocities are pytrees of one structure, nested tuples, lists or dicts of
tensors; `tree.map(function, a, b)` calls a function on each pair of their tensors.

Tutorial: "A step is a pure function".
"""

from funcdl import tree


def descend(params, grads, velocity, lr, momentum):
    """Return (new params, new velocity)."""
    # solution
    velocity = tree.map(lambda v, g: momentum * v + g, velocity, grads)
    return tree.map(lambda p, v: p - lr * v, params, velocity), velocity


# ---------- the teacher's half ----------
import torch

from funcdl_learn.values import draw, mapped, pair, same, shown, unchanged

WRONG = {
    "uphill": ("p - lr * v", "p + lr * v"),
    "lr is forgotten": ("p - lr * v", "p - v"),
    "momentum is forgotten": ("momentum * v + g", "v + g"),
    "the velocity is forgotten": ("momentum * v + g", "g"),
    "the gradient times 1 − momentum": ("momentum * v + g", "momentum * v + (1 - momentum) * g"),
    "a difference": ("momentum * v + g", "momentum * v - g"),
    "the old velocity is used": (
        "tree.map(lambda p, v: p - lr * v, params, velocity), velocity",
        "tree.map(lambda p, v, g: p - lr * (v - g) / momentum if momentum else p, params, velocity, grads), velocity",
    ),
    "the gradient is used": ("p - lr * v, params, velocity)", "p - lr * v, params, grads)"),
    "lr in the velocity": ("momentum * v + g", "momentum * v + lr * g"),
    "the gradient is returned": ("params, velocity), velocity", "params, velocity), grads"),
    "parameters in place": ("p - lr * v", "p.sub_(lr * v)"),
    "the velocity in place": ("momentum * v + g", "v.mul_(momentum).add_(g)"),
    "the gradient in place": ("momentum * v + g", "g.add_(momentum * v)"),
    "the parameters decay": ("p - lr * v", "0.99 * p - lr * v"),
    "Nesterov's": (
        "tree.map(lambda p, v: p - lr * v, params, velocity), velocity",
        "tree.map(lambda p, v, g: p - lr * (momentum * v + g), params, velocity, grads), velocity",
    ),
    "plain tuples alone": ("tree.map(lambda p, v: p - lr * v, params, velocity), velocity", "tuple(p - lr * v for p, v in zip(params, velocity)), velocity"),
    "parameters alone": (", params, velocity), velocity", ", params, velocity)"),
}  # fmt: skip


def grade(given):
    one = [(torch.tensor([number]).double(),) for number in (1.0, 2.0, 10.0)]
    nested = [{"w": [draw(3, 2, seed=i)], "b": (draw(2, seed=9 + i), ())} for i in range(3)]
    for cast in (lambda leaf: leaf, torch.Tensor.float):
        for lr, momentum in [(0.1, 0.5), (0.5, 0.0), (1.0, 0.9)]:
            for value in (one, nested):
                params, grads, velocity = mapped(cast, value)
                kept = mapped(torch.clone, (params, grads, velocity))
                where = (
                    f" for params = {shown(params)}, grads = {shown(grads)}, velocity = "
                    f"{shown(velocity)}, lr = {lr:g} and momentum = {momentum:g}"
                )
                got = given.descend(params, grads, velocity, lr, momentum)
                speed = _map(lambda v, g, m=momentum: m * v + g, velocity, grads)
                moved = _map(lambda p, v, rate=lr: p - rate * v, params, speed)
                unchanged("params", params, kept[0])
                unchanged("grads", grads, kept[1])
                unchanged("velocity", velocity, kept[2])
                pair("descend: ", got, ("params", "velocity"), where)
                same("params", got[0], moved, where)
                same("velocity", got[1], speed, where)


def _map(function, a, b):
    if isinstance(a, dict):
        return {key: _map(function, a[key], b[key]) for key in a}
    if isinstance(a, (tuple, list)):
        return type(a)(_map(function, *both) for both in zip(a, b))
    return function(a, b)
