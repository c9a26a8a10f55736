"""Linear: its parameters and its forward pass.

`Linear(n_in, n_out)` has a weight and a bias, and `forward(x)` gives y = x w + b for each row of x.
`param()` lists two pairs, (weight, gradient) and (bias, gradient); each gradient has its parameter's
shape and begins at 0. They are the module's own tensors, not copies: who writes to them trains.

The weight may be (n_in, n_out) or, as PyTorch has it, (n_out, n_in). It is drawn at random, about
1/√n_in in size: with zeros all units of a layer would stay equal for ever, and with large numbers
Tanh is flat.

Tutorial: "Parameters".
"""

# ---------- the teacher's half ----------
import torch

from funcdl_learn.framework import linear, only_torch
from funcdl_learn.given import WrongError
from funcdl_learn.values import draw, same

FILE = "framework.py"

WRONG = {
    "the bias is forgotten": ("return x @ self.w + self.b", "return x @ self.w"),
    "the bias is taken away": ("return x @ self.w + self.b", "return x @ self.w - self.b"),
    "the weight begins at 0": ("torch.empty(n_in, n_out).uniform_(-bound, bound)", "torch.zeros(n_in, n_out)"),
    "the weight is equal everywhere": ("torch.empty(n_in, n_out).uniform_(-bound, bound)", "torch.full((n_in, n_out), bound)"),
    "the weight is large": ("torch.empty(n_in, n_out).uniform_(-bound, bound)", "torch.empty(n_in, n_out).uniform_(-9, 9)"),
    "the weight is positive": ("torch.empty(n_in, n_out).uniform_(-bound, bound)", "torch.empty(n_in, n_out).uniform_(0, bound)"),
    "the gradient is not set": ("self.dw = torch.zeros(n_in, n_out)", "self.dw = torch.ones(n_in, n_out)"),
    "the gradient is of another shape": ("self.dw = torch.zeros(n_in, n_out)", "self.dw = torch.zeros(n_out, n_in + 1)"),
    "param gives copies": ("return [(self.w, self.dw), (self.b, self.db)]", "return [(self.w.clone(), self.dw), (self.b, self.db)]"),
    "no bias in param": ("return [(self.w, self.dw), (self.b, self.db)]", "return [(self.w, self.dw)]"),
    "no gradients in param": ("return [(self.w, self.dw), (self.b, self.db)]", "return [self.w, self.b]"),
    "the pairs are turned round": ("return [(self.w, self.dw), (self.b, self.db)]", "return [(self.dw, self.w), (self.db, self.b)]"),
    "no Module": ("class Linear(Module):", "class Linear:"),
    "one gradient for both": ("return [(self.w, self.dw), (self.b, self.db)]", "return [(self.w, self.dw), (self.b, self.dw[0])]"),
    "autograd": ("self.b = torch.empty(n_out).uniform_(-bound, bound)", "self.b = torch.empty(n_out).uniform_(-bound, bound).requires_grad_()"),
    "one seed for all": ("        bound = 1 / math.sqrt(n_in)", "        torch.manual_seed(0)\n        bound = 1 / math.sqrt(n_in)"),
}  # fmt: skip

EQUIVALENT = {
    "bound = 2 / math.sqrt(n_in)": "first weights of twice the size are as good",
    "self.b = torch.empty(n_out).uniform_(bound, bound)": "a bias may begin anywhere",
}


def grade(given):
    only_torch(given)
    for n_in, n_out, rows in [(2, 3, 1), (3, 2, 4), (5, 5, 2), (1, 1, 3)]:
        module, w, b = linear(given, n_in, n_out)
        for pair, name in zip(module.param(), ("weight", "bias")):
            same(
                f"the gradient of the {name}",
                pair[1],
                torch.zeros(pair[0].shape),
                " in the beginning",
            )
        module.param()[0][1].add_(1)
        same(
            "the gradient of the bias",
            module.param()[1][1],
            torch.zeros(n_out),
            " when that of the weight was changed",
        )
        x = draw(rows, n_in).float()
        where = f" for Linear({n_in}, {n_out}) and x of shape ({rows}, {n_in})"
        same("forward(x)", module.forward(x), x @ w() + b(), where)
        module.param()[0][0].mul_(2)
        module.param()[1][0].add_(1)
        same("forward(x), with other parameters,", module.forward(x), x @ w() + b(), where)
    wide = given.Linear(100, 50).param()[0][0]
    if wide.unique().numel() < 1000 or not wide.min() < 0 < wide.max():
        raise WrongError(
            "expected the weight to be drawn at random, from below 0 to above, got it otherwise"
        )
    size = float(wide.square().mean().sqrt())
    if not 0.02 <= size <= 0.3:
        raise WrongError(
            f"expected the weight of Linear(100, 50) to be about 0.1 in size, got {size:.3g}"
        )
    if torch.equal(wide, given.Linear(100, 50).param()[0][0]):
        raise WrongError("expected another Linear to have other numbers, got the same")
