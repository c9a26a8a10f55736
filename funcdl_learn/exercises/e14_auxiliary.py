"""An auxiliary loss is an output.

A loss on a value inside a network needs that value to come out. `tap` goes on with a layer and gives
the layer's input out beside the result; x is copied, and so its cotangents are summed.

    (y, inner) = (f(x), x)        dx = (the dx of f's vjp(dy)) + dinner

`weighted` then adds two losses, one of each output, the second one times a weight. Their layers have
parameters, too, as any layer may; those of the whole are the pair.

    l = f(u) + weight g(v)        dl goes to f, weight dl goes to g

Tutorial: "An auxiliary loss is an output".
"""


def tap(f):
    """Return the layer from x to (f(x), x), whose params are those of f."""

    def beside(params, x):
        # solution
        y, f_vjp = f(params, x)

        def vjp(dy):
            dparams, dx = f_vjp(dy[0])
            return dparams, dx + dy[1]

        return (y, x), vjp

    return beside


def weighted(f, g, weight):
    """Return the layer from (u, v) to f(u) + weight g(v), whose params are the pair of theirs."""

    def total(params, x):
        # solution
        a, f_vjp = f(params[0], x[0])
        b, g_vjp = g(params[1], x[1])

        def vjp(dl):
            dp, du = f_vjp(dl)
            dq, dv = g_vjp(weight * dl)
            return (dp, dq), (du, dv)

        return a + weight * b, vjp

    return total


# ---------- the teacher's half ----------
import torch

from funcdl_learn.trial import made, trial
from funcdl_learn.values import draw

WRONG = {
    "tap: dinner is forgotten": ("dx + dy[1]", "dx"),
    "tap: f is forgotten": ("dx + dy[1]", "dy[1]"),
    "tap: the outputs are swapped": ("return (y, x), vjp", "return (x, y), vjp"),
    "tap: the cotangents are swapped": (
        "f_vjp(dy[0])\n            return dparams, dx + dy[1]",
        "f_vjp(dy[1])\n            return dparams, dx + dy[0]",
    ),
    "tap: a pair": ("return dparams, dx + dy[1]", "return dparams, (dx, dy[1])"),
    "tap: a mean": ("dx + dy[1]", "(dx + dy[1]) / 2"),
    "tap: y beside itself": ("return (y, x), vjp", "return (y, y), vjp"),
    "tap: dy is written to": ("dx + dy[1]", "dy[1].add_(dx)"),
    "tap: dparams is forgotten": ("return dparams, dx + dy[1]", "return (), dx + dy[1]"),
    "weighted: the weight is forgotten forward": ("a + weight * b", "a + b"),
    "weighted: the weight is forgotten backward": ("g_vjp(weight * dl)", "g_vjp(dl)"),
    "weighted: the weight is at both": ("f_vjp(dl)", "f_vjp(weight * dl)"),
    "weighted: the weight is at the other": ("a + weight * b", "weight * a + b"),
    "weighted: the weight counts twice": ("a + weight * b", "a + weight * weight * b"),
    "weighted: dl is taken to be 1": ("g_vjp(weight * dl)", "g_vjp(weight * dl / dl)"),
    "weighted: swapped cotangents": ("(du, dv)", "(dv, du)"),
    "weighted: parameters are swapped": ("(dp, dq)", "(dq, dp)"),
    "weighted: the weight divides": ("g_vjp(weight * dl)", "g_vjp(dl / weight)"),
}


def grade(given):
    square = made(lambda params, x: x * x, "square")
    affine = made(lambda params, x: x @ params["w"], "affine")
    cases = [((), x) for x in (torch.tensor([3.0]).double(), draw(2, 3))]
    trial(given.tap(square), lambda p, x: (x * x, x * 1), cases, name="tap(square)")
    params = {"w": draw(3, 2, seed=1)}
    trial(
        given.tap(affine),
        lambda p, x: (x @ p["w"], x * 1),
        [(params, draw(4, 3)), (params, draw(2, 2, 3))],
        name="tap(affine)",
    )
    mean = made(lambda params, x: (params[0] * x).mean(), "mean")
    power = made(lambda params, x: (x**2).sum(), "power")
    for weight in (0.5, 3.0):
        trial(
            given.weighted(mean, power, weight),
            lambda p, x, weight=weight: (p[0][0] * x[0]).mean() + weight * (x[1] ** 2).sum(),
            [
                (((torch.tensor([2.0]).double(),), ()), (torch.tensor([3.0]).double(),) * 2),
                (((draw(3),), ()), (draw(2, 3, seed=1), draw(4, seed=2))),
            ],
            name=f"weighted(mean, power, {weight:g})",
        )
    trial(
        given.weighted(mean, mean, 2.0),
        lambda p, x: (p[0][0] * x[0]).mean() + 2 * (p[1][0] * x[1]).mean(),
        [(((draw(2),), (draw(3, seed=4),)), (draw(2, seed=1), draw(3, seed=2)))],
        name="weighted(mean, mean, 2)",
    )
