"""A step of Adam, as a pure function.

Adam keeps two running means, of the gradient, m, and of its square, v, and steps by the one over the
root of the other: by about lr, whatever the gradient's size. The means begin at 0 and are too small
at first; after t steps the sum of their weights is 1 − βᵗ, and dividing by that mends it.

    t' = t + 1        m' = β₁ m + (1 − β₁) g        v' = β₂ v + (1 − β₂) g²
    p' = p − lr (m' / (1 − β₁ᵗ')) / (√(v' / (1 − β₂ᵗ')) + ε)

The state is (m, v, t): two pytrees such as the parameters, and an integer that begins at 0.

Kingma and Ba, "Adam: a method for stochastic optimization" (2015).

Tutorial: "A step is a pure function".
"""

from funcdl import tree


def adam(params, grads, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """Return (new params, new state)."""
    # solution
    m, v, t = state
    t = t + 1
    m = tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, m, grads)
    v = tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, grads)

    def step(p, m, v):
        return p - lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps)

    return tree.map(step, params, m, v), (m, v, t)


# ---------- the teacher's half ----------
import torch

from funcdl_learn.given import WrongError
from funcdl_learn.values import draw, mapped, pair, same, shown, unchanged

WRONG = {
    "no correction of m": ("(m / (1 - beta1**t))", "m"),
    "no correction of v": ("(v / (1 - beta2**t)).sqrt()", "v.sqrt()"),
    "the step is counted too late": ("t = t + 1", "t = max(t, 1)"),
    "the step is not returned": (", (m, v, t)", ", (m, v, state[2])"),
    "the root is forgotten": (".sqrt() + eps", " + eps"),
    "eps inside of the root": ("(v / (1 - beta2**t)).sqrt() + eps", "(v / (1 - beta2**t) + eps).sqrt()"),
    "the square is forgotten": ("(1 - beta2) * g * g", "(1 - beta2) * g"),
    "1 − β₁ is forgotten": ("(1 - beta1) * g, m", "g, m"),
    "1 − β₂ is forgotten": ("(1 - beta2) * g * g", "g * g"),
    "the betas are swapped": ("beta1 * m + (1 - beta1) * g", "beta2 * m + (1 - beta2) * g"),
    "uphill": ("p - lr *", "p + lr *"),
    "lr is forgotten": ("p - lr *", "p -"),
    "the old m": ("params, m, v), (m", "params, state[0], v), (m"),
    "m in place": ("beta1 * m + (1 - beta1) * g", "m.mul_(beta1).add_((1 - beta1) * g)"),
    "p in place": ("return p - lr *", "return p.sub_(1).add_(1) - lr *"),
    "the gradient in place of m": ("params, m, v), (m", "params, grads, v), (m"),
    "eps is forgotten": (".sqrt() + eps)", ".sqrt())"),
    "plain tuples alone": ("tree.map(step, params, m, v)", "tuple(map(step, params, m, v))"),
    "the means are of whole tensors": ("(1 - beta2) * g * g", "(1 - beta2) * (g * g).mean()"),
}  # fmt: skip


def grade(given):
    for like in (
        (torch.tensor([1.0]).double(),),
        {"w": [draw(3, 2)], "b": (draw(2, seed=1), ())},
        {"w": [draw(3, 2).float()], "b": (draw(2, seed=1).float(), ())},
    ):
        _steps(given, like, {"lr": 0.1})
        _steps(given, like, {"lr": 0.01, "beta1": 0.5, "beta2": 0.9, "eps": 0.1})
        _steps(given, like, {})


def _steps(given, params, settings):
    """Go on from a state that is the oracle's, so that the first wrong step is the one told of."""
    lr, b1, b2, eps = (settings.get(k, d) for k, d in [("lr", 1e-3), ("beta1", 0.9), ("beta2", 0.999), ("eps", 1e-8)])  # fmt: skip
    state = mapped(torch.zeros_like, params), mapped(torch.zeros_like, params), 0
    for i in range(4):
        seed = iter(range(10 * i, 10 * i + 10))
        scale = (2.0, 0.0, -3.0, 1e-3)[i]
        grads = mapped(lambda leaf, s=scale, n=seed: s * draw(*leaf.shape, seed=next(n)).to(leaf.dtype), params)  # fmt: skip
        kept = mapped(torch.clone, (params, grads, state))
        where = f" for params = {shown(params)}, grads = {shown(grads)}, state = {shown(state)}" + (
            "".join(f", {name} = {value:g}" for name, value in settings.items())
        )
        got = given.adam(params, grads, state, **settings)
        for name, now, before in zip(("params", "grads", "state"), (params, grads, state), kept):
            unchanged(name, now, before)
        t = state[2] + 1
        m = _map(lambda m, g: b1 * m + (1 - b1) * g, state[0], grads)
        v = _map(lambda v, g: b2 * v + (1 - b2) * g * g, state[1], grads)
        step = _map(lambda m, v, t=t: lr * m / (1 - b1**t) / ((v / (1 - b2**t)).sqrt() + eps), m, v)
        params = _map(lambda p, s: p - s, params, step)
        pair("adam: ", got, ("params", "state"), where)
        if len(got[1]) != 3:
            raise WrongError(f"expected the state to be (m, v, t), got {shown(got[1])}{where}")
        for name, part, wanted in zip(("params", "m", "v"), (got[0], *got[1]), (params, m, v)):
            same(f"the new {name}", part, wanted, where)
        same("the new t", torch.tensor(got[1][2]), torch.tensor(t), where)
        state = m, v, t


def _map(function, a, b):
    if isinstance(a, dict):
        return {key: _map(function, a[key], b[key]) for key in a}
    if isinstance(a, (tuple, list)):
        return type(a)(_map(function, *both) for both in zip(a, b))
    return function(a, b)
