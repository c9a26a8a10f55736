"""The vjp of a product of two inputs.

An input may be a tuple of tensors; its cotangent is then a tuple, too. Here x is a pair (a, b) of
tensors of one shape, multiplied entry by entry. For a, b is a constant factor; and the other way.

    y = a b        da = dy b        db = dy a

Tutorial: "One function", "Parameters".
"""


def product(params, x):
    """Return a b for x = (a, b), and the vjp: from dy to ((), (da, db))."""
    # solution
    a, b = x

    def vjp(dy):
        return (), (dy * b, dy * a)

    return a * b, vjp


# ---------- the teacher's half ----------
import torch

from funcdl_learn.trial import trial
from funcdl_learn.values import draw

WRONG = {
    "the factors are swapped": ("(dy * b, dy * a)", "(dy * a, dy * b)"),
    "the pair is a list of one": ("(dy * b, dy * a)", "(dy * b,)"),
    "both cotangents in one": ("(dy * b, dy * a)", "dy * b + dy * a"),
    "db is forgotten": ("(dy * b, dy * a)", "(dy * b, None)"),
    "db is zero": ("(dy * b, dy * a)", "(dy * b, 0 * b)"),
    "the product of both": ("(dy * b, dy * a)", "(dy * a * b, dy * a * b)"),
    "dy is forgotten": ("(dy * b, dy * a)", "(b, a)"),
    "dy passes to both": ("(dy * b, dy * a)", "(dy, dy)"),
    "the sign of db is wrong": ("dy * a)", "-dy * a)"),
    "dparams is missing": ("(), (dy * b, dy * a)", "dy * b, dy * a"),
    "a is written to": ("a * b, vjp", "a.mul_(b), vjp"),
    "the vjp writes to b": ("(dy * b, dy * a)", "(b.mul_(dy), dy * a)"),
    "a matrix product": ("a * b, vjp", "(a @ b if a.ndim > 1 else a * b), vjp"),
    "dy is written to": ("(dy * b, dy * a)", "(dy * b, dy.mul_(a))"),
    "the sum": ("a * b, vjp", "a + b, vjp"),
}


def grade(given):
    small = (torch.tensor([2.0, -3.0]).double(), torch.tensor([5.0, 0.0]).double())
    shapes = [(3, 4), (), (2, 3, 3), (1,)]
    drawn = [(draw(*shape), draw(*shape, seed=1)) for shape in shapes]
    trial(given.product, lambda params, x: x[0] * x[1], [((), x) for x in [small, *drawn]])
