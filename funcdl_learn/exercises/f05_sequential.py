"""Sequential: modules, one behind the other.

`Sequential(Linear(2, 25), ReLU(), Linear(25, 1))` is a module made of modules: its forward pass goes
through them from the first to the last, its backward pass from the last to the first, and its
`param()` lists the pairs of all of them in their order. It is a module, and so it can be a part of
another. Anyone's module goes in: only the three methods are called.

Tutorial: "Two functions".
"""

# ---------- the teacher's half ----------
import torch

from funcdl_learn.framework import is_module, only_torch
from funcdl_learn.given import WrongError
from funcdl_learn.values import draw, same

FILE = "framework.py"

WRONG = {
    "backward from the first to the last": ("in reversed(self.modules)", "in self.modules"),
    "forward from the last to the first": ("        for module in self.modules:\n            x", "        for module in reversed(self.modules):\n            x"),
    "the first backward pass is left out": ("in reversed(self.modules)", "in reversed(self.modules[1:])"),
    "the last backward pass is left out": ("in reversed(self.modules)", "in reversed(self.modules[:-1])"),
    "every module gets dy": ("dy = module.backward(dy)\n        return dy", "dx = module.backward(dy)\n        return dx"),
    "every module gets x": ("            x = module.forward(x)\n        return x", "            y = module.forward(x)\n        return y"),
    "no gradient of the input": ("dy = module.backward(dy)\n        return dy", "dy = module.backward(dy)"),
    "the parameters of the first alone": ("for module in self.modules for pair", "for module in self.modules[:1] for pair"),
    "the parameters from the last on": ("for module in self.modules for pair", "for module in reversed(self.modules) for pair"),
    "lists in a list": ("[pair for module in self.modules for pair in module.param()]", "[module.param() for module in self.modules]"),
    "no parameters": ("[pair for module in self.modules for pair in module.param()]", "[]"),
    "copies of parameters": ("[pair for module in", "[(pair[0].clone(), pair[1]) for module in"),
    "parameters of Linear alone": ("for module in self.modules for pair", "for module in self.modules if type(module) is Linear for pair"),
    "a list in place of modules": ("def __init__(self, *modules)", "def __init__(self, modules)"),
    "two backward passes": ("dy = module.backward(dy)\n        return dy", "dx = module.backward(dy); dy = module.backward(dy)\n        return dy"),
    "modules kept in the class": ("        self.modules = modules", "        Sequential.modules = modules"),
    "no Module": ("class Sequential(Module):", "class Sequential:"),
}  # fmt: skip


class Affine:
    """A module of the grader's, with a parameter of its own, and a record of what is called."""

    def __init__(self, factor, calls):
        self.factor, self.calls = torch.tensor([factor]), calls
        self.gradient = torch.zeros(1)

    def forward(self, x):
        self.calls.append(("forward", float(self.factor)))
        self.x = x
        return self.factor * x * x

    def backward(self, dy):
        self.calls.append(("backward", float(self.factor)))
        self.gradient += (dy * self.x * self.x).sum()
        return 2 * self.factor * self.x * dy

    def param(self):
        return [(self.factor, self.gradient)]


def grade(given):
    only_torch(given)
    is_module(given, given.Sequential(), "Sequential")
    for count in (1, 2, 4):
        calls, other = [], []
        parts = [Affine(0.5 + i, calls) for i in range(count)]
        net = given.Sequential(*parts)
        given.Sequential(Affine(9.0, other))
        _passes(net, parts, calls, f"Sequential of {count} modules")
    calls = []
    parts = [Affine(0.5 + i, calls) for i in range(3)]
    nested = given.Sequential(parts[0], given.Sequential(*parts[1:]))
    _passes(nested, parts, calls, "a Sequential in a Sequential")
    found = given.Sequential(given.Linear(2, 3), given.ReLU(), given.Linear(3, 1)).param()
    if len(found) != 4:
        raise WrongError(
            f"expected 4 pairs of parameters of Linear, ReLU and Linear, got {len(found)}"
        )


def _passes(net, parts, calls, name):
    x, dy = draw(2, 3).float(), draw(2, 3, seed=1).float()
    value, slope = x, dy
    inputs = []
    for part in parts:
        inputs.append(value)
        value = part.factor * value * value
    for part, seen in zip(reversed(parts), reversed(inputs)):
        slope = 2 * part.factor * seen * slope
    same(f"forward(x) of {name}", net.forward(x), value, "")
    same(f"backward(dy) of {name}", net.backward(dy), slope, "")
    factors = [float(part.factor) for part in parts]
    wanted = [("forward", f) for f in factors] + [("backward", f) for f in reversed(factors)]
    if calls != wanted:
        raise WrongError(
            f"expected {name} to call each module once forward and once backward, got {calls}"
        )
    pairs = net.param()
    own = [part.param()[0] for part in parts]
    if len(pairs) != len(own) or any(len(pair) != 2 for pair in pairs):
        raise WrongError(
            f"expected param() of {name} to list {len(own)} pairs, got {len(pairs)} entries"
        )
    for i, (pair, mine) in enumerate(zip(pairs, own)):
        if pair[0] is not mine[0] or pair[1] is not mine[1]:
            raise WrongError(
                f"expected entry {i} of param() of {name} to be module {i}'s own tensors"
            )
