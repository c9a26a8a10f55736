"""The vjp of a matrix product.

Now there is a parameter: params = (w,) with w of shape (in, out), and each row of x is an example.
Move w by v, and y moves by x v; ⟨dy, x v⟩ = ⟨xᵀ dy, v⟩, which gives dw. Likewise for x.

    y = x w        dw = xᵀ dy        dx = dy wᵀ

All examples share w, and so dw is summed over them: the product with xᵀ does that. x may have any
number of axes in front, none included: (…, in). A hint: make them one axis for dw.

Tutorial: "Parameters".
"""


def linear(params, x):
    """Return x w for params = (w,), and the vjp: from dy to ((dw,), dx)."""
    # solution
    (w,) = params

    def vjp(dy):
        rows, drows = x.reshape(-1, w.shape[0]), dy.reshape(-1, w.shape[1])
        return (rows.mT @ drows,), dy @ w.mT

    return x @ w, vjp


# ---------- the teacher's half ----------
import torch

from funcdl_learn.trial import trial
from funcdl_learn.values import draw

WRONG = {
    "dw is transposed": ("rows.mT @ drows", "drows.mT @ rows"),
    "w is not transposed": (
        "dy @ w.mT",
        "(dy @ w if w.shape[0] == w.shape[1] else dy @ w.mT)",
    ),
    "dw is a mean": ("rows.mT @ drows", "rows.mT @ drows / len(rows)"),
    "right for two axes alone": (
        "rows, drows = x.reshape(-1, w.shape[0]), dy.reshape(-1, w.shape[1])",
        "rows, drows = x, dy",
    ),
    "the first example alone": ("rows.mT @ drows", "rows[:1].mT @ drows[:1]"),
    "no sum over the axis in front": (
        "rows.mT @ drows",
        "(x.mT @ dy if x.ndim == 3 else rows.mT @ drows)",
    ),
    "dx has the sign wrong": ("dy @ w.mT", "-dy @ w.mT"),
    "dx is dy": ("dy @ w.mT", "dy"),
    "dw without its tuple": ("(rows.mT @ drows,)", "rows.mT @ drows"),
    "dw and dx swapped": (
        "(rows.mT @ drows,), dy @ w.mT",
        "(dy @ w.mT,), rows.mT @ drows",
    ),
    "w is written to": ("rows.mT @ drows,), dy @ w.mT", "rows.mT @ drows,), dy @ w.mul_(1.5).mT"),
    "the absolute value of x": ("rows.mT @ drows", "rows.abs().mT @ drows"),
    "dw is w": ("rows.mT @ drows", "w * dy.sum()"),
    "dy is forgotten in dw": ("rows.mT @ drows", "rows.mT @ (drows * 0 + 1)"),
    "a parameter kept from the first call": (
        "    (w,) = params\n",
        "    linear.w = getattr(linear, 'w', params[0])\n    w = linear.w\n",
    ),
}


def grade(given):
    cases = [
        ((torch.tensor([[1.0, 2.0], [3.0, -1.0]]).double(),), torch.tensor([[1.0, -2.0]]).double())
    ]
    for shape, w in [((4, 3), (3, 2)), ((3,), (3, 2)), ((2, 4, 3), (3, 5)), ((3, 3), (3, 3)), ((5, 1), (1, 1)), ((2, 2, 2), (2, 2))]:  # fmt: skip
        cases.append(((draw(*w, seed=1),), draw(*shape)))
    trial(given.linear, lambda params, x: x @ params[0], cases)
