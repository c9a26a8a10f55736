"""Special values: what a case is fed beside ordinary numbers, one at a time."""

import math

from funcdl import tree

VALUES = [0.0, -0.0, 1e-42, -1e-42, 1e38, -1e38, math.inf, -math.inf, math.nan]
"""Zeros, subnormal numbers, nearly the largest of float32, infinities, and no number."""


def specials(case, rng):
    """Give the inputs of a case, float32, each with its first number replaced by a special one.

    Of a loss it is the output's: a target is data, and has to be a possible one.
    """
    x = tree.map(lambda leaf: leaf.float() if leaf.is_floating_point() else leaf, case.inputs(rng))
    return [(value, replaced(x, value)) for value in VALUES]


def replaced(x, value):
    """Replace the first number of a tensor, or of the first tensor of a tuple."""
    if isinstance(x, tuple):
        return (replaced(x[0], value), *x[1:])
    x = x.contiguous().clone()
    x.view(-1)[0] = value
    return x
