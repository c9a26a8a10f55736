"""Layer norm: each number has a part in the mean and the deviation.

    m = mean(x), s = √(mean((x − m)²) + 10⁻⁵)        y = (x − m) / s

over the last axis, row by row. Where its derivative comes from: y is x with its mean taken away and
its size made 1. To move x along (1, …, 1) or along y itself does not change y, and so dx has no part
along these two:

    dx = (dy − mean(dy) − y mean(dy y)) / s

Tutorial: "One function".
"""


def layer_norm(params, x):
    """Return the rows of x with mean 0 and deviation 1, and the vjp: from dy to ((), dx)."""
    # solution
    centred = x - x.mean(-1, keepdim=True)
    s = ((centred * centred).mean(-1, keepdim=True) + 1e-5).sqrt()
    y = centred / s

    def vjp(dy):
        along = (dy * y).mean(-1, keepdim=True)
        return (), (dy - dy.mean(-1, keepdim=True) - y * along) / s

    return y, vjp


# ---------- the teacher's half ----------
import torch

from funcdl_learn.trial import trial
from funcdl_learn.values import draw

WRONG = {
    "m and s are taken for constants": ("(dy - dy.mean(-1, keepdim=True) - y * along) / s", "dy / s"),
    "s is taken for a constant": (" - y * along", ""),
    "m is taken for a constant": ("dy - dy.mean(-1, keepdim=True) - y", "dy - y"),
    "1/s is forgotten": ("- y * along) / s", "- y * along)"),
    "the sign of the last term": ("- y * along", "+ y * along"),
    "a sum in place of the mean": ("(dy * y).mean(", "(dy * y).sum("),
    "x in place of y": ("- y * along", "- x * along"),
    "the mean of all rows": ("x - x.mean(-1, keepdim=True)", "x - x.mean()"),
    "the first axis": ("x - x.mean(-1, keepdim=True)", "x - x.mean(0, keepdim=True)"),
    "1e-5 is forgotten": (" + 1e-5", ""),
    "1e-5 outside of the root": (" + 1e-5).sqrt()", ").sqrt() + 1e-5"),
    "the root is forgotten": (".sqrt()", ""),
    "n − 1 in place of n": ("(centred * centred).mean(-1, keepdim=True)", "x.var(-1, keepdim=True)"),
    "dy is forgotten": ("(dy * y)", "(y * y)"),
    "right for four numbers a row alone": ("(dy * y).mean(-1, keepdim=True)", "(dy * y).sum(-1, keepdim=True) / 4"),
    "x is written to": ("centred = x - x", "centred = x.sub_(0.5) - x"),
}  # fmt: skip


def formula(params, x):
    return torch.nn.functional.layer_norm(x, x.shape[-1:], eps=1e-5)


def grade(given):
    small = torch.tensor([1.0, 2.0, 6.0]).double()
    drawn = [draw(*shape) for shape in [(3, 4), (2, 3, 5), (4, 2)]]
    others = [draw(3, 4) + 100, 1e-3 * draw(2, 4), torch.ones(2, 3).double(), 1e3 * draw(2, 6)]
    trial(given.layer_norm, formula, [((), x) for x in [small, *drawn, *others]], tolerance=None)
