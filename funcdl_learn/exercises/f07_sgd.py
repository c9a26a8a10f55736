"""SGD: what is done with the gradients.

`SGD(param, lr)` takes what `param()` lists. `step()` moves every parameter by −lr times its gradient,
in place, so that the modules see it; `zero_grad()` sets every gradient to 0, in place too, since
backward passes add to it.

    p −= lr g

Tutorial: "A step is a pure function".
"""

# ---------- the teacher's half ----------
import torch

from funcdl_learn.framework import only_torch
from funcdl_learn.given import WrongError
from funcdl_learn.values import draw, same, shown

FILE = "framework.py"

WRONG = {
    "uphill": ("p -= self.lr * grad", "p += self.lr * grad"),
    "lr is forgotten": ("p -= self.lr * grad", "p -= grad"),
    "not in place": ("p -= self.lr * grad", "p = p - self.lr * grad"),
    "the gradient is set to 0 by the step": ("p -= self.lr * grad", "p -= self.lr * grad; grad.zero_()"),
    "the gradient moves": ("p -= self.lr * grad", "p -= grad.mul_(self.lr)"),
    "the first parameter alone": ("for p, grad in self.pairs:", "for p, grad in self.pairs[:1]:"),
    "zero_grad does nothing": ("grad.zero_()", "pass"),
    "zero_grad is not in place": ("grad.zero_()", "grad = grad * 0"),
    "zero_grad for the first alone": ("for _, grad in self.pairs:", "for _, grad in self.pairs[:1]:"),
    "zero_grad sets the parameters to 0": ("for _, grad in self.pairs:\n            grad.zero_()", "for p, grad in self.pairs:\n            grad.zero_(); p.zero_()"),
    "copies": ("self.pairs = param\n", "self.pairs = [(p.clone(), g) for p, g in param]\n"),
    "the gradients of the beginning": ("self.pairs = param\n", "self.pairs = [(p, g.clone()) for p, g in param]\n"),
    "one rate for all": ("self.lr = lr", "self.lr = 0.1"),
    "the rate falls": ("p -= self.lr * grad", "p -= self.lr * grad; self.lr *= 0.9"),
    "the sign of the gradient": ("self.lr * grad", "self.lr * grad.sign()"),
    "momentum": ("p -= self.lr * grad", "p -= self.lr * grad * (1 + getattr(self, 'n', 0)); self.n = 1"),
    "weight decay": ("p -= self.lr * grad", "p -= self.lr * (grad + 0.01 * p)"),
}  # fmt: skip


def grade(given):
    only_torch(given)
    for lr in (0.5, 0.01):
        pairs = [(draw(*s).float(), draw(*s, seed=1).float()) for s in [(1,), (3, 2), (4,)]]
        kept = [(p.clone(), g.clone()) for p, g in pairs]
        descent = given.SGD(pairs, lr)
        for step in range(1, 4):
            descent.step()
            for i, ((p, g), (old, slope)) in enumerate(zip(pairs, kept)):
                where = f" for lr = {lr:g} after step {step}, p = {shown(old)} and g = {shown(slope)} before"
                same(f"parameter {i}", p, old - step * lr * slope, where, 1e-5)
                same(f"gradient {i}", g, slope, where)
        for _, g in pairs:
            g.mul_(2)
        before = [p.clone() for p, _ in pairs]
        descent.step()
        for (p, g), old in zip(pairs, before):
            same("a parameter", p, old - lr * g, f" for lr = {lr:g} and another gradient", 1e-5)
        moved = [p.clone() for p, _ in pairs]
        descent.zero_grad()
        for i, ((p, g), old) in enumerate(zip(pairs, moved)):
            same(f"gradient {i}", g, torch.zeros(g.shape), " after zero_grad()")
            same(f"parameter {i}", p, old, " after zero_grad()")
    net = given.Sequential(given.Linear(2, 3), given.Tanh(), given.Linear(3, 1))
    loss, descent = given.LossMSE(), given.SGD(net.param(), 0.1)
    x, t = draw(8, 2).float(), draw(8, 1, seed=1).float()
    seen = []
    for _ in range(50):
        seen.append(float(loss.forward(net.forward(x), t)))
        descent.zero_grad()
        net.backward(loss.backward())
        descent.step()
    if not seen[-1] < seen[0]:
        raise WrongError(
            f"expected 50 steps to make the loss smaller than {seen[0]:.4f}, got {seen[-1]:.4f}"
        )
