"""Special values for the layers: what stands in an input, or in a cotangent, beside common numbers.

The rule is one for all: where PyTorch gives a number that is finite, or an infinity, ours is the
same. Where it gives NaN ours may be better. What differs is named, with the reason.
"""

import math

import torch
from table import tried

from funcdl import cases, max_pool2d, tree
from funcdl.cases import attentions, images, linears, norms, recurrent, sequences

SPECIALS = {
    "∞": [math.inf],
    "−∞": [-math.inf],
    "NaN": [math.nan],
    "∞ and −∞": [math.inf, -math.inf],
    "∞ twice": [math.inf, math.inf],
    "zeros": [0.0, -0.0, 0.0],
}

ROWS = [
    *linears.CASES,
    *images.CASES,
    *norms.CASES,
    *sequences.CASES,
    *attentions.CASES,
    *recurrent.CASES,
]
CASES = tried(case for case in ROWS if case.oracle and case.specials)

# Where the mean of the cotangents is infinite, PyTorch's dx is −∞ or, where −∞ meets ∞ z, NaN;
# ours, which has the mean of x in it, is NaN in more places. No number is lost.
INFINITE_MEANS = {case.name for case in norms.CASES}

# Windows with an infinity and a NaN, with two NaNs, with nothing but −∞.
POOLS = [
    cases.Case(max_pool2d(2), (1, 4, 4, 1), oracle=images.pooled("max_pool2d", 2)),
    cases.Case(
        max_pool2d(3, stride=2, padding=1),
        (1, 4, 4, 1),
        oracle=images.pooled("max_pool2d", 3, 2, 1),
    ),
]
INF, NAN = math.inf, math.nan
WINDOWS = [
    [[1.0, INF, NAN, 2.0], [3.0, NAN, INF, 0.0], [-INF, -INF, 0.0, -0.0], [-INF, -INF, -0.0, 0.0]],
    [[-INF] * 4, [-INF, -INF, 5.0, 5.0], [INF, INF, 5.0, 5.0], [INF, -INF, NAN, -INF]],
]


def put(value, special, k):
    """Put special values into the k-th place, and those behind it, of the first float tensor."""
    changed = tree.map(torch.clone, value)
    first = next(t for t in tree.leaves(changed) if t.is_floating_point())
    for i, number in enumerate(special):
        first.view(-1)[(7 * k + 3 * i) % first.numel()] = number
    return changed


def same(ours, theirs, loosely=False):
    """Tell whether ours is theirs wherever theirs is no NaN; loosely, wherever it is finite."""
    known = theirs.isfinite() if loosely else ~theirs.isnan()
    return torch.allclose(ours[known], theirs[known], rtol=1e-6, atol=1e-9)
