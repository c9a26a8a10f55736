"""Two layers, one behind the other.

Put g behind f. The forward pass goes through f and then g; the chain rule multiplies the transposed
derivatives in the other order, so that the backward pass goes through the vjp of g and then that of
f. The parameters of the whole are the pair of those of its parts.

    y = f(x), z = g(y)        dy = the dx of g's vjp(dz)        dx = the dx of f's vjp(dy)

Tutorial: "Two functions".
"""


def compose(f, g):
    """Return the layer of f and then g, whose params are the pair (those of f, those of g)."""

    def both(params, x):
        # solution
        y, f_vjp = f(params[0], x)
        z, g_vjp = g(params[1], y)

        def vjp(dz):
            dq, dy = g_vjp(dz)
            dp, dx = f_vjp(dy)
            return (dp, dq), dx

        return z, vjp

    return both


# ---------- the teacher's half ----------
import torch

from funcdl_learn.trial import made, trial
from funcdl_learn.values import draw

WRONG = {
    "g first": ("f(params[0], x)", "g(params[1], x)"),
    "the parameters are swapped": ("return (dp, dq), dx", "return (dq, dp), dx"),
    "those of f for both": ("g(params[1], y)", "g(params[0], y)"),
    "dz for both": ("f_vjp(dy)", "f_vjp(dz)"),
    "f is left out of the backward pass": ("return (dp, dq), dx", "return (dp, dq), dy"),
    "g is left out of the backward pass": ("return (dp, dq), dx", "return (dp, dq), f_vjp(dz)[1]"),
    "g is left out of the forward pass": ("return z, vjp", "return y, vjp"),
    "x for g": ("g(params[1], y)", "g(params[1], x)"),
    "dp is forgotten": ("return (dp, dq), dx", "return ((), dq), dx"),
    "dparams of one list": ("return (dp, dq), dx", "return (*dp, *dq), dx"),
    "the sum of both cotangents": ("return (dp, dq), dx", "return (dp, dq), dx + dy"),
    "no dparams": ("return (dp, dq), dx", "return (), dx"),
    "the vjp works once": (
        "dq, dy = g_vjp(dz)",
        "dq, dy = both.__dict__.pop('seen', g_vjp)(dz); both.seen = lambda dz: g_vjp(0 * dz)",
    ),
    "dz is written to": ("dq, dy = g_vjp(dz)", "dq, dy = g_vjp(dz.mul_(2))"),
}


def grade(given):
    scale = made(lambda params, x: params[0] * x, "scale")
    matmul = made(lambda params, x: x.tanh() @ params[0], "matmul")
    square = made(lambda params, x: x * x, "square")
    one = torch.tensor([2.0]).double(), torch.tensor([3.0]).double()
    whole = given.compose(scale, scale)
    trial(whole, lambda p, x: p[1][0] * p[0][0] * x, [(((one[0],), (one[1],)), torch.tensor([5.0]).double())], name="compose(scale, scale)")  # fmt: skip
    cases = [(((), ()), draw(*shape)) for shape in [(3,), (2, 4)]]
    trial(given.compose(square, square), lambda p, x: x**4, cases, name="compose(square, square)")
    params = ((draw(3, 2, seed=1),), (draw(2, 4, seed=2),))
    trial(
        given.compose(matmul, matmul),
        lambda p, x: (x.tanh() @ p[0][0]).tanh() @ p[1][0],
        [(params, draw(5, 3)), (params, draw(2, 2, 3))],
        name="compose(matmul, matmul)",
    )
    inner = given.compose(matmul, square)
    trial(
        given.compose(inner, scale),
        lambda p, x: p[1][0] * (x.tanh() @ p[0][0][0]) ** 2,
        [((((draw(3, 2),), ()), (draw(2, seed=3),)), draw(4, 3))],
        name="compose(compose(matmul, square), scale)",
    )
