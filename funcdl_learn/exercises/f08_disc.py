"""The disc: train what you have built.

Points are drawn uniformly from the unit square; the label is 1 inside of a disc in its middle that
has half of the area, and 0 outside. `disc(x, target)` gets 1,000 points, x of shape (1000, 2) and
target of shape (1000, 1), trains a network of your modules, and returns it. Three hidden layers of
25 units are customary.

It is tested on 1,000 other points: an output above 0.5 says "inside". More than 96 % of them have to
be answered rightly, after half a minute at most.

A hint: batches of 10 points in a new order in each epoch; a rate that begins at about 0.3 and falls
to 0, so that the network comes to rest.

Tutorial: "A step is a pure function".
"""

# ---------- the teacher's half ----------
import math

import torch

from funcdl_learn.framework import is_module, only_torch
from funcdl_learn.given import WrongError
from funcdl_learn.values import unchanged

FILE = "framework.py"
LIMIT = 60.0
UNTRIED = ("disc",)

WRONG = {
    "an epoch alone": ("range(100)", "range(1)"),
    "no training": ("range(100)", "range(0)"),
    "no hidden layers": ("Sequential(*hidden, Linear(25, 1))", "Sequential(Linear(2, 1))"),
    "no activations": ("hidden = [Linear(2, 25), Tanh(), Linear(25, 25), Tanh(), Linear(25, 25), Tanh()]", "hidden = [Linear(2, 25), Linear(25, 25), Linear(25, 25)]"),
    "uphill": ("descent.lr = 0.3", "descent.lr = -0.3"),
    "a rate that is too small": ("descent.lr = 0.3", "descent.lr = 0.0001"),
    "a rate that is too large": ("descent.lr = 0.3", "descent.lr = 90.0"),
    "the gradients are never set to 0": ("            descent.zero_grad()\n", ""),
    "no step": ("            descent.step()\n", ""),
    "the labels in another order": ("target[places])", "target[places.flip(0)])"),
    "the first parameters alone": ("SGD(model.param(), 0.3)", "SGD(model.param()[:1], 0.3)"),
    "ten points alone": ("torch.randperm(len(x)).split(10)", "torch.arange(10).split(10)"),
    "x is written to": ("    descent = SGD(", "    x.sub_(0.5)\n    descent = SGD("),
    "the loss is returned": ("    return model\n", "    return loss\n"),
    "no network": ("    return model\n", "    return None\n"),
    "the answers are turned round": ("target[places])", "1 - target[places])"),
}  # fmt: skip


def points(seed):
    """Draw 1,000 points with their labels."""
    x = torch.rand(1000, 2, generator=torch.Generator().manual_seed(seed))
    inside = ((x - 0.5) ** 2).sum(1, keepdim=True) <= 1 / (2 * math.pi)
    return x, inside.float()


def grade(given):
    only_torch(given)
    (x, target), (others, wanted) = points(0), points(1)
    kept = x.clone(), target.clone()
    model = given.disc(x, target)
    unchanged("x", x, kept[0])
    unchanged("target", target, kept[1])
    is_module(given, model, "what disc returns")
    said = model.forward(others)
    if not isinstance(said, torch.Tensor) or said.shape != wanted.shape:
        shape = tuple(said.shape) if isinstance(said, torch.Tensor) else type(said).__name__
        raise WrongError(f"expected outputs of shape (1000, 1) for 1,000 points, got {shape}")
    error = float(((said > 0.5) != (wanted > 0.5)).float().mean())
    if not error < 0.04:
        raise WrongError(
            f"expected fewer than 4 % of 1,000 other points to be wrong, got {error:.1%}"
        )
    if len(model.param()) < 2:
        raise WrongError(f"expected the network to have parameters, got {len(model.param())} pairs")
