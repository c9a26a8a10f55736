"""LossMSE: where the backward pass begins.

`forward(y, t)` gives the mean of (y − t)² over all numbers, a tensor without axes. `backward()` takes
nothing, since the loss is the last thing, and returns the gradient with respect to y, which goes into
the network's `backward`.

    l = (1/n) Σ (y − t)²        dy = (2/n) (y − t)

Tutorial: "A loss is a layer".
"""

# ---------- the teacher's half ----------
import torch

from funcdl_learn.framework import is_module, only_torch
from funcdl_learn.values import draw, same, unchanged

FILE = "framework.py"

WRONG = {
    "1/n is forgotten": ("2 * self.difference / self.difference.numel()", "2 * self.difference"),
    "the factor 2 is forgotten": ("2 * self.difference / self", "self.difference / self"),
    "the rows are counted": ("self.difference.numel()", "len(self.difference)"),
    "the sign is wrong": ("return 2 * self.difference", "return -2 * self.difference"),
    "a sum": ("(self.difference * self.difference).mean()", "(self.difference * self.difference).sum()"),
    "a loss for each row": ("(self.difference * self.difference).mean()", "(self.difference * self.difference).mean(1)"),
    "the absolute value": ("(self.difference * self.difference).mean()", "self.difference.abs().mean()"),
    "a number of Python": (".mean()\n\n    def backward(self):", ".mean().item()\n\n    def backward(self):"),
    "y is written to": ("self.difference = y - t", "self.difference = y.sub_(t)"),
    "the target is written to": ("self.difference = y - t", "self.difference = t.neg_().add_(y)"),
    "y in place of the difference": ("self.difference = y - t", "self.difference = y"),
    "a root": ("(self.difference * self.difference).mean()", "(self.difference * self.difference).mean().sqrt()"),
    "kept in the class": ("        self.difference = y - t\n", "        LossMSE.difference = y - t\n"),
    "the first difference is kept": ("self.difference = y - t", "self.difference = getattr(self, 'difference', y - t)"),
    "it works once": ("2 * self.difference / self.difference.numel()", "self.difference.mul_(2 / self.difference.numel())"),
    "a gradient for the target, too": ("return 2 * self.difference / self.difference.numel()", "return (2 * self.difference / self.difference.numel(),) * 2"),
    "the mean of the difference, squared": ("(self.difference * self.difference).mean()", "self.difference.mean() ** 2"),
    "no Module": ("class LossMSE(Module):", "class LossMSE:"),
}  # fmt: skip


def grade(given):
    only_torch(given)
    loss, other = given.LossMSE(), given.LossMSE()
    is_module(given, loss, "LossMSE")
    small = torch.tensor([[1.0, 5.0]]), torch.tensor([[3.0, 4.0]])
    drawn = [
        (draw(*shape).float(), draw(*shape, seed=1).float()) for shape in [(4, 1), (3, 2), (5, 3)]
    ]
    for y, t in [small, *drawn]:
        kept = y.clone(), t.clone()
        where = f" for y = {y.tolist()} and t = {t.tolist()}" if y.numel() < 4 else f" for y of shape {tuple(y.shape)}"  # fmt: skip
        same("forward(y, t)", loss.forward(y, t), ((kept[0] - kept[1]) ** 2).mean(), where)
        other.forward(y + 1, t)
        for _ in range(2):
            same("backward()", loss.backward(), 2 * (kept[0] - kept[1]) / y.numel(), where)
        unchanged("y", y, kept[0])
        unchanged("t", t, kept[1])
