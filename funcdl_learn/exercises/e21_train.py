"""A training loop.

All that is there by now makes training: for each batch, the loss and its vjp; the vjp of 1 gives the
gradient; a step downhill gives the next parameters. An objective is a layer from a batch (x, t) to a
loss, a tensor with one number.

    l, vjp = objective(p, batch)        g = the dparams of vjp(1)        p' = p − lr g

Tutorial: "A step is a pure function".
"""

import torch

from funcdl import tree


def train(objective, params, batches, lr):
    """Return (new params, the loss of each batch as a list of floats, before its step)."""
    # solution
    losses = []
    for batch in batches:
        loss, vjp = objective(params, batch)
        grads, _ = vjp(torch.ones_like(loss))
        params = tree.map(lambda p, g: p - lr * g, params, grads)
        losses.append(float(loss))
    return params, losses


# ---------- the teacher's half ----------
from funcdl_learn.trial import made
from funcdl_learn.values import draw, mapped, same, unchanged

WRONG = {
    "uphill": ("p - lr * g", "p + lr * g"),
    "lr is forgotten": ("p - lr * g", "p - g"),
    "the first batch alone": ("    return params, losses", "        break\n    return params, losses"),
    "the parameters stay": ("params = tree.map", "moved = tree.map"),
    "every step from the beginning": (
        "    losses = []\n    for batch in batches:\n        loss, vjp = objective(params, batch)",
        "    losses, first = [], params\n    for batch in batches:\n        loss, vjp = objective(first, batch)",
    ),
    "in place": ("p - lr * g", "p.sub_(lr * g)"),
    "the loss as dl": ("vjp(torch.ones_like(loss))", "vjp(loss)"),
    "dl is a number": ("vjp(torch.ones_like(loss))", "vjp(torch.ones(1))"),
    "the loss after the step": (
        "losses.append(float(loss))",
        "losses.append(float(objective(params, batch)[0]))",
    ),
    "the last loss alone": ("return params, losses", "return params, losses[-1:]"),
    "losses from the last to the first": ("return params, losses", "return params, losses[::-1]"),
    "the first step twice": ("losses.append(float(loss))", "losses += [float(loss)] * (1 + (not losses))"),
    "batches in another order": ("for batch in batches", "for batch in list(batches)[::-1]"),
    "batches that can be asked for twice": ("for batch in batches", "for batch in (list(batches) and batches)"),
    "the mean of the gradients": ("p - lr * g", "p - lr * g.mean()"),
    "the gradient is normed": ("p - lr * g", "p - lr * g / g.abs().max().clamp(min=1e-12)"),
    "momentum": (
        "p - lr * g, params, grads)",
        "p - lr * g, params, grads); params = tree.map(lambda p, g: p - 0.1 * lr * g, params, grads)",
    ),
    "the dx of the vjp": ("grads, _ = vjp", "_, grads = vjp"),
}  # fmt: skip


def grade(given):
    line = made(lambda p, batch: ((batch[0] * p[0] - batch[1]) ** 2).mean(), "line")
    net = made(
        lambda p, batch: ((batch[0] @ p[0]["w"] + p[0]["b"]).tanh() - batch[1]).pow(2).mean(), "net"
    )
    one = torch.tensor([1.0]).double()
    _try(given, line, (0 * one,), [(one, 2 * one)], 0.25, "the line y = p x from p = 0")
    _try(given, line, (0 * one,), [(one, 2 * one), (2 * one, one)], 0.1, "the line y = p x")
    params = ({"w": draw(3, 2), "b": draw(2)},)
    batches = [(draw(5, 3, seed=i), draw(5, 2, seed=10 + i)) for i in range(4)]
    _try(given, net, params, batches, 0.3, "tanh(x w + b), with 4 batches,")
    single = mapped(torch.Tensor.float, (params, batches))
    _try(given, net, *single, 0.3, "tanh(x w + b), with 4 batches in float32,")
    _try(given, net, params, [], 0.3, "no batches")


def _try(given, objective, params, batches, lr, about):
    kept = mapped(torch.clone, (params, batches))
    got = given.train(objective, params, iter(batches), lr)
    unchanged("params", params, kept[0])
    unchanged("the batches", batches, kept[1])
    wanted, losses = params, []
    for batch in batches:
        loss, vjp = objective(wanted, batch)
        grads = vjp(torch.ones_like(loss))[0]
        losses.append(float(loss))
        wanted = _down(wanted, grads, lr)
    where = f" for {about} and lr = {lr:g}"
    same("params", got[0], wanted, where)
    same(
        "the losses",
        torch.tensor(got[1]).double(),
        torch.tensor(losses).double(),
        where,
        1e-9 if all(leaf.dtype == torch.float64 for leaf in _leaves(params)) else 1e-4,
    )


def _leaves(params):
    return [
        leaf for part in params for leaf in (part.values() if isinstance(part, dict) else [part])
    ]


def _down(params, grads, lr):
    if isinstance(params, dict):
        return {key: _down(params[key], grads[key], lr) for key in params}
    if isinstance(params, tuple):
        return tuple(_down(p, g, lr) for p, g in zip(params, grads))
    return params - lr * grads
