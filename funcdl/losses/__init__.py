"""Losses: layers on a pair (output, target) that give a number to make small.

The target is data: its cotangent is None. `models` is the number of leading axes of the output
that count models; the loss then keeps them, and each model's is the loss that it would have alone.
`reduction` says what is made of the examples' losses: their "mean", their "sum", or with "none"
they are kept; there is no mean of no examples. A target that is not a class is taken in the dtype
of the output; outputs of half precision are computed with in float32, and so are their targets.
"""

from funcdl.losses.classes import cross_entropy, nll
from funcdl.losses.distributions import binary_cross_entropy, kl_divergence
from funcdl.losses.embeddings import contrastive, cosine
from funcdl.losses.margins import hinge
from funcdl.losses.regression import huber, l1, mse

__all__ = [
    "binary_cross_entropy",
    "contrastive",
    "cosine",
    "cross_entropy",
    "hinge",
    "huber",
    "kl_divergence",
    "l1",
    "mse",
    "nll",
]
