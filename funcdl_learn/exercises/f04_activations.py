"""ReLU and Tanh.

Two modules without parameters; `param()` is what they inherit. Each keeps what its backward pass
needs of the forward pass: ReLU where x was above 0, Tanh its output.

    ReLU: y = max(x, 0), dx = dy where x > 0        Tanh: y = tanh(x), dx = dy (1 − y²)

Tutorial: "Parameters".
"""

# ---------- the teacher's half ----------
import torch

from funcdl_learn.framework import is_module, only_torch
from funcdl_learn.given import WrongError
from funcdl_learn.values import draw, same, unchanged

FILE = "framework.py"

WRONG = {
    "ReLU: dy passes everywhere": ("dy * (self.x > 0)", "dy"),
    "ReLU: dy passes at 0, too": ("dy * (self.x > 0)", "dy * (self.x >= 0)"),
    "ReLU: the value in place of 1": ("dy * (self.x > 0)", "dy * self.x.clamp(min=0)"),
    "ReLU: dy is forgotten": ("dy * (self.x > 0)", "(self.x > 0).float()"),
    "ReLU: the minimum": ("x.clamp(min=0)", "x.clamp(max=0)"),
    "ReLU: x is written to": ("x.clamp(min=0)", "x.clamp_(min=0)"),
    "ReLU: the first x is kept": (
        "        self.x = x\n        return x.clamp",
        "        self.x = getattr(self, 'x', x)\n        return x.clamp",
    ),
    "ReLU: x in the class": ("        self.x = x\n        return x.clamp", "        ReLU.x = x\n        return x.clamp"),
    "ReLU: no Module": ("class ReLU(Module):", "class ReLU:"),
    "Tanh: the square is forgotten": ("(1 - self.y * self.y)", "(1 - self.y)"),
    "Tanh: a plus": ("(1 - self.y * self.y)", "(1 + self.y * self.y)"),
    "Tanh: dy is forgotten": ("dy * (1 - self.y * self.y)", "(1 - self.y * self.y)"),
    "Tanh: x in place of y": ("        self.y = x.tanh()\n        return self.y", "        self.y = x\n        return x.tanh()"),
    "Tanh: sigmoid": ("x.tanh()", "x.sigmoid()"),
    "Tanh: it works once": ("dy * (1 - self.y * self.y)", "dy * self.y.square_().neg_().add_(1)"),
    "Tanh: dy is written to": ("dy * (1 - self.y * self.y)", "dy.mul_(1 - self.y * self.y)"),
    "Tanh: what is kept in the class": ("        self.y = x.tanh()\n        return self.y", "        Tanh.y = x.tanh()\n        return self.y"),
}  # fmt: skip


def grade(given):
    only_torch(given)
    for name, value, slope in [
        ("ReLU", lambda x: x.clamp(min=0), lambda x: (x > 0).float()),
        ("Tanh", torch.tanh, lambda x: 1 - x.tanh() ** 2),
    ]:
        module, other = getattr(given, name)(), getattr(given, name)()
        is_module(given, module, name)
        if module.param() != []:
            raise WrongError(
                f"expected {name}().param() to be an empty list, got {module.param()!r}"
            )
        small = torch.tensor([[1.0, -2.0, 0.0]])
        for x in (
            small,
            draw(4, 3).float(),
            draw(2, 5, seed=3).float(),
            torch.tensor([[-90.0, 90.0]]),
        ):
            dy = draw(*x.shape, seed=4).float()
            kept = x.clone(), dy.clone()
            where = (
                f" for x = {x.tolist()}" if x.numel() < 4 else f" for x of shape {tuple(x.shape)}"
            )
            same(f"{name}().forward(x)", module.forward(x), value(x), where)
            unchanged("x", x, kept[0])
            result = module.forward(x)
            other.forward(x + 1)
            for _ in range(2):
                same(f"{name}().backward(dy)", module.backward(dy), kept[1] * slope(x), where)
                unchanged("dy", dy, kept[1])
            unchanged("the output", result, value(kept[0]))
