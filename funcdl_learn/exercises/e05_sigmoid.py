"""The vjps of sigmoid and tanh.

Both have a derivative that is written with the value y itself, so that the vjp needs no second
exponential: keep y in the closure.

    sigmoid: y = 1 / (1 + exp(−x))      dx = dy y (1 − y)
    tanh:    y = tanh(x)                dx = dy (1 − y²)

`x.exp()` and `x.tanh()` are there. Very large numbers have to give 0, 1 or −1, and never nan.

Tutorial: "Parameters".
"""


def sigmoid(params, x):
    """Return 1 / (1 + exp(−x)), and the vjp: from dy to ((), dx)."""
    # solution
    y = 1 / (1 + (-x).exp())

    def vjp(dy):
        return (), dy * y * (1 - y)

    return y, vjp


def tanh(params, x):
    """Return the tanh of x, and the vjp: from dy to ((), dx)."""
    # solution
    y = x.tanh()

    def vjp(dy):
        return (), dy * (1 - y * y)

    return y, vjp


# ---------- the teacher's half ----------
from funcdl_learn.trial import elementwise, trial

WRONG = {
    "x in place of y": ("dy * y * (1 - y)", "dy * x * (1 - x)"),
    "1 − y is forgotten": ("dy * y * (1 - y)", "dy * y"),
    "y is forgotten": ("dy * y * (1 - y)", "dy * (1 - y)"),
    "the sign is wrong": ("dy * y * (1 - y)", "dy * y * (y - 1)"),
    "dy is forgotten": ("dy * y * (1 - y)", "y * (1 - y)"),
    "exp(x) in place of exp(−x)": ("(-x).exp()", "x.exp()"),
    "1 is forgotten": ("1 / (1 + (-x).exp())", "1 / (-x).exp()"),
    "nan for large numbers": ("1 / (1 + (-x).exp())", "x.exp() / (1 + x.exp())"),
    "tanh: x in place of y": ("(1 - y * y)", "(1 - x * x)"),
    "tanh: the square is forgotten": ("(1 - y * y)", "(1 - y)"),
    "tanh: a plus": ("(1 - y * y)", "(1 + y * y)"),
    "tanh: sigmoid's derivative": ("dy * (1 - y * y)", "dy * y * (1 - y)"),
    "tanh: nan for large numbers": (
        "y = x.tanh()",
        "y = (x.exp() - (-x).exp()) / (x.exp() + (-x).exp())",
    ),
    "tanh: x is written to": ("y = x.tanh()", "y = x.tanh_()"),
    "tanh: the vjp works once": (
        "return (), dy * (1 - y * y)",
        "return (), y.mul_(y).neg_().add_(1).mul_(dy)",
    ),
    "tanh: dy is written to": ("dy * (1 - y * y)", "dy.mul_(1 - y * y)"),
}


def grade(given):
    trial(given.sigmoid, lambda params, x: x.sigmoid(), elementwise())
    trial(given.tanh, lambda params, x: x.tanh(), elementwise())
