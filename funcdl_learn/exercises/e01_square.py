"""The vjp of a square.

A layer is a function `(params, x) -> (y, vjp)`. Beside its value it returns its own derivative: a
function from dy, the cotangent of the output, to the cotangents of the parameters and of the input.
Squaring has no parameters, and so its dparams is the empty tuple.

    y = x²        dx = 2 x dy

Why: move x by a little v, and y moves by 2 x v; that changes the loss by ⟨dy, 2 x v⟩ = ⟨2 x dy, v⟩.

Tutorial: "One function".
"""


def square(params, x):
    """Return x², and the vjp: from dy to ((), dx)."""
    # solution

    def vjp(dy):
        return (), 2 * x * dy

    return x * x, vjp


# ---------- the teacher's half ----------
from funcdl_learn.trial import elementwise, trial

WRONG = {
    "the factor 2 is forgotten": ("2 * x * dy", "x * dy"),
    "dy is forgotten": ("2 * x * dy", "2 * x"),
    "x is forgotten": ("2 * x * dy", "2 * dy"),
    "the sign is wrong": ("2 * x * dy", "-2 * x * dy"),
    "the value is doubled, not squared": ("x * x", "2 * x"),
    "dparams is None": ("(), 2 * x * dy", "None, 2 * x * dy"),
    "dx alone is returned": ("(), 2 * x * dy", "2 * x * dy"),
    "dy is written to": ("2 * x * dy", "dy.mul_(2 * x)"),
    "x is written to": ("x * x, vjp", "x.mul_(x), vjp"),
    "the vjp writes to x": ("2 * x * dy", "x.mul_(2) * dy"),
    "the absolute value of x": ("2 * x * dy", "2 * x.abs() * dy"),
    "float32 alone": ("2 * x * dy", "(2 * x * dy).float()"),
    "a number, not a tensor": ("2 * x * dy", "float((2 * x * dy).sum())"),
    "no vjp": ("x * x, vjp", "x * x"),
    "a constant": ("x * x, vjp", "x * 0 + 9, vjp"),
}


def grade(given):
    trial(given.square, lambda params, x: x**2, elementwise())
