"""A loss is a layer: the mean squared error.

Its input is the pair (y, t) of an output and its target, its output is one number. The target is
data: it has no cotangent, and None stands for that. dl is the cotangent of the loss, one number, 1
where the loss is the last thing; but a loss may be a term of a larger one, and then it is not.

    l = (1/n) Σ (y − t)²  over all n numbers        dy = (2/n) (y − t) dl

Tutorial: "A loss is a layer".
"""


def mse(params, pair):
    """Return the loss for pair = (y, t), and the vjp: from dl to ((), (dy, None))."""
    # solution
    y, t = pair
    difference = y - t

    def vjp(dl):
        return (), (2 * difference * dl / y.numel(), None)

    return (difference * difference).mean(), vjp


# ---------- the teacher's half ----------
import torch

from funcdl_learn.trial import trial
from funcdl_learn.values import draw

WRONG = {
    "1/n is forgotten in the vjp": ("* dl / y.numel()", "* dl"),
    "1/n is forgotten in the value": (".mean()", ".sum()"),
    "the factor 2 is forgotten": ("2 * difference * dl", "difference * dl"),
    "the sign is wrong": ("2 * difference * dl", "-2 * difference * dl"),
    "dl is forgotten": ("2 * difference * dl", "2 * difference"),
    "a mean over the batch alone": ("y.numel()", "len(y)"),
    "a mean over the last axis alone": ("y.numel()", "y.shape[-1]"),
    "a cotangent of the target": (
        "(2 * difference * dl / y.numel(), None)",
        "(2 * difference * dl / y.numel(), -2 * difference * dl / y.numel())",
    ),
    "no place for the target": ("(2 * difference * dl / y.numel(), None)", "2 * difference * dl / y.numel()"),
    "the absolute value": ("(difference * difference).mean()", "difference.abs().mean()"),
    "a root": ("(difference * difference).mean()", "(difference * difference).mean().sqrt()"),
    "one loss a row": (".mean(), vjp", ".mean(-1), vjp"),
    "y in place of the difference": ("2 * difference * dl", "2 * y * dl"),
    "y is written to": ("difference = y - t", "difference = y.sub_(t)"),
    "a number of Python": (".mean(), vjp", ".mean().item(), vjp"),
    "right for ten numbers alone": ("y.numel()", "10"),
    "the vjp works once": ("2 * difference * dl", "difference.mul_(2) * dl"),
}  # fmt: skip


def grade(given):
    small = torch.tensor([1.0, 5.0]).double(), torch.tensor([3.0, 4.0]).double()
    cases = [(draw(*shape), draw(*shape, seed=1)) for shape in [(3, 4), (7,), (2, 5, 1), (5, 2)]]
    cases.append((1e3 * draw(3, 2), draw(3, 2, seed=1)))
    formula = lambda params, pair: ((pair[0] - pair[1]) ** 2).mean()  # noqa: E731
    trial(given.mse, formula, [((), pair) for pair in [small, *cases]], target=True)
