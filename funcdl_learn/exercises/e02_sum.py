"""The vjp of a sum.

The sum over the last axis makes one number of n. Every one of the n has the same influence on it, so
that the vjp gives dy to each of them: what sums forward, copies backward.

    y = Σᵢ xᵢ        dxᵢ = dy for every i

x has any number of axes in front, y has these alone: (…, n) becomes (…).

Tutorial: "One function".
"""


def total(params, x):
    """Return the sum over the last axis, and the vjp: from dy to ((), dx)."""
    # solution

    def vjp(dy):
        return (), dy.unsqueeze(-1).expand(x.shape)

    return x.sum(-1), vjp


# ---------- the teacher's half ----------
import torch

from funcdl_learn.trial import trial
from funcdl_learn.values import draw

WRONG = {
    "the sum of all": ("x.sum(-1)", "x.sum()"),
    "another axis": ("x.sum(-1)", "x.sum(0)"),
    "the last axis is kept": ("x.sum(-1)", "x.sum(-1, keepdim=True)"),
    "the mean": ("x.sum(-1)", "x.mean(-1)"),
    "dy is not copied": ("dy.unsqueeze(-1).expand(x.shape)", "dy"),
    "dy is copied along another axis": (
        "dy.unsqueeze(-1).expand(x.shape)",
        "dy.expand(x.shape[-1:] + x.shape[:-1]).reshape(x.shape)",
    ),
    "dy is shared among the entries": ("expand(x.shape)", "expand(x.shape) / x.shape[-1]"),
    "dx is ones": ("dy.unsqueeze(-1).expand(x.shape)", "x * 0 + 1"),
    "dx is x": ("dy.unsqueeze(-1).expand(x.shape)", "x * dy.unsqueeze(-1)"),
    "right for two axes alone": (
        "dy.unsqueeze(-1).expand(x.shape)",
        "dy[:, None].expand(x.shape)",
    ),
    "right for four entries alone": ("expand(x.shape)", "expand(*x.shape[:-1], 4)"),
    "the sign is wrong": ("dy.unsqueeze(-1)", "-dy.unsqueeze(-1)"),
    "x is written to": ("x.sum(-1), vjp", "x.cumsum_(-1)[..., -1], vjp"),
    "dy is written to": ("(), dy.unsqueeze(-1)", "(), 2 * dy.mul_(0.5).unsqueeze(-1)"),
    "dx is missing": ("(), dy.unsqueeze(-1).expand(x.shape)", "()"),
}


def grade(given):
    cases = [torch.tensor([1.0, -2.0]).double(), draw(3, 4), draw(2, 3, 5), draw(4, 1), draw(4, 4)]
    trial(given.total, lambda params, x: x.sum(-1), [((), x) for x in cases])
