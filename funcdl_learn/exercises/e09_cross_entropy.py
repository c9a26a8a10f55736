"""Softmax with cross-entropy, for classes.

The network gives logits y, one for each class; softmax makes probabilities p of them; the loss is
−log p of the right class, on average over the rows. Together the two have the simplest derivative
of all: what was said, less what was right.

    p = exp(y) / Σ exp(y)        l = −(1/n) Σ log p[right]        dy = (1/n) (p − onehot(right)) dl

y has shape (n, classes), the target has shape (n,) and integers from 0 to classes − 1.

exp of a large number is inf. Take the largest logit of its row from each before: p stays what it is.
And log p is y − log Σ exp(y): it must not be the logarithm of a p that has become 0.

Tutorial: "A loss is a layer".
"""


def cross_entropy(params, pair):
    """Return the loss for pair = (y, target), and the vjp: from dl to ((), (dy, None))."""
    # solution
    y, target = pair
    rows = target.unsqueeze(-1)
    lowered = y - y.amax(-1, keepdim=True)
    log_p = lowered - lowered.exp().sum(-1, keepdim=True).log()

    def vjp(dl):
        difference = log_p.exp()
        difference = difference.scatter(-1, rows, difference.gather(-1, rows) - 1)
        return (), (difference * dl / len(y), None)

    return -log_p.gather(-1, rows).mean(), vjp


# ---------- the teacher's half ----------
import torch

from funcdl_learn.trial import trial
from funcdl_learn.values import draw

WRONG = {
    "1/n is forgotten": ("* dl / len(y)", "* dl"),
    "1/n over all numbers": ("len(y)", "y.numel()"),
    "the right class is not taken off": ("difference.gather(-1, rows) - 1", "difference.gather(-1, rows)"),
    "the sign of dy is wrong": ("difference * dl", "-difference * dl"),
    "the sign of the loss is wrong": ("return -log_p", "return log_p"),
    "a sum in place of the mean": (".gather(-1, rows).mean()", ".gather(-1, rows).sum()"),
    "dl is forgotten": ("difference * dl", "difference"),
    "inf for large numbers": ("y - y.amax(-1, keepdim=True)", "y"),
    "the largest of all rows": ("y.amax(-1, keepdim=True)", "y.amax()"),
    "the softmax of the other axis": ("lowered.exp().sum(-1, keepdim=True)", "lowered.exp().sum(0, keepdim=True)"),
    "the logarithm of a p that is 0": (
        "lowered - lowered.exp().sum(-1, keepdim=True).log()",
        "(lowered.exp() / lowered.exp().sum(-1, keepdim=True)).log()",
    ),
    "the derivative of log p is forgotten": ("difference = log_p.exp()", "difference = log_p"),
    "p is not normed": ("difference = log_p.exp()", "difference = lowered.exp()"),
    "no place for the target": ("(difference * dl / len(y), None)", "difference * dl / len(y)"),
    "the first class is taken for the right one": ("rows = target.unsqueeze(-1)", "rows = target.unsqueeze(-1) * 0"),
    "y is written to": ("lowered = y - y.amax(-1, keepdim=True)", "lowered = y.sub_(y.amax(-1, keepdim=True))"),
    "a squared difference": ("difference * dl", "difference * difference * dl"),
}  # fmt: skip


def grade(given):
    small = torch.tensor([[2.0, 0.0]]).double(), torch.tensor([1])
    cases = [small, (draw(4, 3), torch.tensor([2, 0, 1, 1])), (draw(3, 5), torch.tensor([4, 4, 0])), (draw(3, 3), torch.tensor([2, 1, 0]))]  # fmt: skip
    large = torch.tensor([[3e3, 0.0, -3e3], [-3e3, -2e3, -2e3], [5.0, 5.0, 5.0]]).double()
    cases.append((large, torch.tensor([2, 0, 1])))

    def formula(params, pair):
        return torch.nn.functional.cross_entropy(*pair)

    trial(given.cross_entropy, formula, [((), pair) for pair in cases], target=True)
