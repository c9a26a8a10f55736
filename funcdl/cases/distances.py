"""Distances of pairs."""

import math

from funcdl import layers
from funcdl.cases.case import Case

PAIR = ((4, 5), (4, 5))

CASES = [
    Case(
        layers.pairwise_distance(),
        PAIR,
        oracle=lambda nnf, p, x: nnf.pairwise_distance(*x),
        module=("PairwiseDistance",),
    ),
    Case(
        layers.pairwise_distance(1, eps=0.1),
        PAIR,
        oracle=lambda nnf, p, x: nnf.pairwise_distance(*x, 1.0, 0.1),
    ),
    Case(
        layers.pairwise_distance(3.5),
        PAIR,
        oracle=lambda nnf, p, x: nnf.pairwise_distance(*x, 3.5),
        module=("PairwiseDistance", 3.5),
    ),
    Case(
        layers.pairwise_distance(math.inf),
        PAIR,
        oracle=lambda nnf, p, x: nnf.pairwise_distance(*x, math.inf),
    ),
    Case(
        layers.cosine_similarity(),
        PAIR,
        oracle=lambda nnf, p, x: nnf.cosine_similarity(*x, -1),
        module=("CosineSimilarity", -1),
    ),
    Case(
        layers.cosine_similarity(eps=3.0),
        PAIR,
        # PyTorch's slope is that of norms which are not bounded.
        oracle=lambda nnf, p, x: (
            (x[0] * x[1]).sum(-1) / x[0].norm(dim=-1).clamp_min(3) / x[1].norm(dim=-1).clamp_min(3)
        ),
    ),
]
