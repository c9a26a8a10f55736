"""Linear: its backward pass.

`backward(dy)` gets the gradient of the loss with respect to the output and returns that with respect
to the input. On its way it adds to the gradients of weight and bias: it does not replace them, so
that the gradients of several passes are summed, until someone sets them to 0. What it needs of the
forward pass, `forward` has to keep.

    dw += xᵀ dy        db += Σ dy over the rows        dx = dy wᵀ

The gradients that `param()` lists stay the same tensors: add in place.

Tutorial: "Parameters".
"""

# ---------- the teacher's half ----------
import torch

from funcdl_learn.framework import linear, only_torch, turned
from funcdl_learn.values import draw, same, unchanged

FILE = "framework.py"

WRONG = {
    "the weight's gradient is replaced": ("self.dw += self.x.t() @ dy", "self.dw.copy_(self.x.t() @ dy)"),
    "the bias's gradient is replaced": ("self.db += dy.sum(0)", "self.db.copy_(dy.sum(0))"),
    "new tensors": ("self.dw += self.x.t() @ dy", "self.dw = self.dw + self.x.t() @ dy; self.dw = self.dw.clone()"),
    "the sum over the rows is forgotten": ("self.db += dy.sum(0)", "self.db += dy[0]"),
    "a mean over the rows": ("self.db += dy.sum(0)", "self.db += dy.mean(0)"),
    "the weight's gradient is a mean": ("self.x.t() @ dy", "self.x.t() @ dy / len(dy)"),
    "the sign is wrong": ("self.dw += self.x", "self.dw -= self.x"),
    "a transposed factor": ("return dy @ self.w.t()", "return dy @ (self.w if self.w.shape[0] == self.w.shape[1] else self.w.t())"),
    "the weight's gradient is transposed": ("self.x.t() @ dy", "(dy.t() @ self.x if self.w.shape[0] == self.w.shape[1] else self.x.t() @ dy)"),
    "no gradient of the input": ("return dy @ self.w.t()", "dy @ self.w.t()"),
    "dy passes": ("return dy @ self.w.t()", "return dy"),
    "the bias is forgotten": ("        self.db += dy.sum(0)\n", ""),
    "dy is written to": ("self.db += dy.sum(0)", "self.db += dy.mul_(2).sum(0) / 2"),
    "x is written to": ("        self.x = x\n        return x @ self.w", "        self.x = x.mul_(1.5).div_(1.5).add_(1).sub_(1).mul_(2)\n        return x @ self.w"),
    "the first x is kept": ("        self.x = x\n        return x @ self.w", "        self.x = getattr(self, 'x', x)\n        return x @ self.w"),
    "x in the class": ("        self.x = x\n        return x @ self.w", "        Linear.x = x\n        return x @ self.w"),
    "it adds in the forward pass, too": ("return x @ self.w + self.b", "self.dw += 1; return x @ self.w + self.b"),
    "the weight moves": ("return dy @ self.w.t()", "self.w -= 0.01 * self.dw; return dy @ self.w.t()"),
}  # fmt: skip


def grade(given):
    only_torch(given)
    other_way = turned(given)
    for n_in, n_out, rows in [(2, 3, 1), (3, 2, 4), (4, 4, 2), (1, 1, 3)]:
        module, w, b = linear(given, n_in, n_out)
        (_, dw), (_, db) = module.param()
        weights, biases = torch.zeros(n_in, n_out), torch.zeros(n_out)
        for i in range(3):
            x, dy = draw(rows + i, n_in, seed=i).float(), draw(rows + i, n_out, seed=9 + i).float()
            kept = x.clone(), dy.clone(), w().clone(), b().clone()
            where = f" for Linear({n_in}, {n_out}), x {tuple(x.shape)} and dy {tuple(dy.shape)}"
            where += f", in pass {i + 1}"
            module.forward(x)
            given.Linear(n_in, n_out).forward(x + 1)  # another's input is not this one's
            dx = module.backward(dy)
            weights, biases = weights + x.t() @ dy, biases + dy.sum(0)
            same("backward(dy)", dx, kept[1] @ kept[2].t(), where)
            unchanged("x", x, kept[0])
            unchanged("dy", dy, kept[1])
            unchanged("the weight, by a backward pass,", w(), kept[2])
            unchanged("the bias, by a backward pass,", b(), kept[3])
            stored = dw.t() if other_way else dw
            same("the gradient of the weight", stored, weights, where)
            same("the gradient of the bias", db, biases, where)
        same("the gradient in param()", module.param()[0][1], dw, " after 3 passes")
