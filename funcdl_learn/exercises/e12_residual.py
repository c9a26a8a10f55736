"""A way around a layer.

A residual connection adds a layer's input to its output. x goes two ways, and what is copied forward
is summed backward: dx is the sum of what comes back on each.

    y = x + f(x)        dx = dy + (the dx of f's vjp(dy))

That is why deep networks learn: dy comes back undiminished, whatever f does to its part.

Tutorial: "Sharing is copying".
"""


def residual(f):
    """Return the layer x + f(x), whose params are those of f."""

    def around(params, x):
        # solution
        y, f_vjp = f(params, x)

        def vjp(dy):
            dparams, dx = f_vjp(dy)
            return dparams, dy + dx

        return x + y, vjp

    return around


# ---------- the teacher's half ----------
import torch

from funcdl_learn.trial import made, trial
from funcdl_learn.values import draw

WRONG = {
    "the way around is forgotten backward": ("return dparams, dy + dx", "return dparams, dx"),
    "f is forgotten backward": ("return dparams, dy + dx", "return dparams, dy"),
    "the way around is forgotten forward": ("return x + y, vjp", "return y, vjp"),
    "a mean": ("return dparams, dy + dx", "return dparams, (dy + dx) / 2"),
    "a product": ("return dparams, dy + dx", "return dparams, dy * dx"),
    "a difference": ("return x + y, vjp", "return x - y, vjp"),
    "dx has the sign wrong": ("return dparams, dy + dx", "return dparams, dy - dx"),
    "the gradient is doubled": ("return dparams, dy + dx", "return dparams, 2 * dy + dx"),
    "a pair in place of the sum": ("return dparams, dy + dx", "return dparams, (dy, dx)"),
    "dparams is forgotten": ("return dparams, dy + dx", "return (), dy + dx"),
    "dy is written to": ("return dparams, dy + dx", "return dparams, dy.add_(dx)"),
    "x is written to": ("return x + y, vjp", "return x.add_(y), vjp"),
    "f's vjp with the sum": ("dparams, dx = f_vjp(dy)", "dparams, dx = f_vjp(dy + x)"),
    "x in place of dy": ("return dparams, dy + dx", "return dparams, x + dx"),
    "f twice": ("y, f_vjp = f(params, x)", "y, f_vjp = f(params, f(params, x)[0])"),
}


def grade(given):
    square = made(lambda params, x: x * x, "square")
    affine = made(lambda params, x: x.tanh() @ params["w"] + params["b"], "affine")
    cases = [((), x) for x in (torch.tensor([3.0]).double(), draw(2, 3), draw())]
    trial(given.residual(square), lambda p, x: x + x * x, cases, name="residual(square)")
    params = {"w": draw(3, 3, seed=1), "b": draw(3, seed=2)}
    trial(
        given.residual(affine),
        lambda p, x: x + x.tanh() @ p["w"] + p["b"],
        [(params, draw(4, 3)), (params, draw(2, 2, 3))],
        name="residual(affine)",
    )
