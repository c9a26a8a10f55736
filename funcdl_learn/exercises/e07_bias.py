"""The vjp of a broadcast: the sum that is easily forgotten.

A bias b of shape (n,) is added to every row of x, of shape (…, n). To be broadcast is to be copied,
and what is copied forward is summed backward: each row adds its own dy to db.

    y = x + b        db = Σ dy over all axes but the last        dx = dy

A hint: x may have no axis in front, or three.

Tutorial: "Parameters", "Sharing is copying".
"""


def bias(params, x):
    """Return x + b for params = (b,), and the vjp: from dy to ((db,), dx)."""
    # solution
    (b,) = params

    def vjp(dy):
        return (dy.reshape(-1, b.shape[0]).sum(0),), dy

    return x + b, vjp


# ---------- the teacher's half ----------
import torch

from funcdl_learn.trial import trial
from funcdl_learn.values import draw

WRONG = {
    "the sum is forgotten": ("dy.reshape(-1, b.shape[0]).sum(0)", "dy"),
    "the first row alone": (".sum(0)", "[0]"),
    "a mean": (".sum(0)", ".mean(0)"),
    "right for two axes alone": ("dy.reshape(-1, b.shape[0]).sum(0)", "dy.sum(0)"),
    "the sum over the last axis": ("dy.reshape(-1, b.shape[0]).sum(0)", "dy.sum(-1)"),
    "the sum over everything": ("dy.reshape(-1, b.shape[0]).sum(0)", "dy.sum()"),
    "the sum is kept as an axis": (".sum(0)", ".sum(0, keepdim=True)"),
    "dx is zero": ("dy.reshape(-1, b.shape[0]).sum(0),), dy", "dy.reshape(-1, b.shape[0]).sum(0),), 0 * dy"),
    "dx times b": (".sum(0),), dy", ".sum(0),), dy * b"),
    "db without its tuple": (
        "(dy.reshape(-1, b.shape[0]).sum(0),), dy",
        "dy.reshape(-1, b.shape[0]).sum(0), dy",
    ),
    "a wrong reshape": ("dy.reshape(-1, b.shape[0]).sum(0)", "dy.reshape(b.shape[0], -1).sum(1)"),
    "the sign is wrong": (".sum(0)", ".sum(0).neg()"),
    "db times b": (".sum(0),)", ".sum(0) * b,)"),
    "x is written to": ("x + b, vjp", "x.add_(b), vjp"),
    "dy is written to": (".sum(0),), dy", ".sum(0),), dy.mul_(2)"),
    "db is ones": ("dy.reshape(-1, b.shape[0]).sum(0)", "b * 0 + 1"),
}  # fmt: skip


def grade(given):
    small = (torch.tensor([10.0, 20.0]).double(),), torch.tensor([[1.0, 2.0], [3.0, 4.0]]).double()
    cases = [((draw(n, seed=1),), draw(*front, n)) for front, n in [((), 3), ((5,), 2), ((2, 3), 4), ((2, 1, 3), 2), ((4,), 1), ((3,), 3)]]  # fmt: skip
    trial(given.bias, lambda params, x: x + params[0], [small, *cases])
