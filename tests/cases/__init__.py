"""The table of cases: every layer and combinator with inputs to try its properties on."""

from cases import activations, combinators, images, layouts, linears, losses, norms, sequences
from cases.case import Case, normal
from pairs.at_most import at_most
from pairs.sharpen import sharpen

__all__ = ["CASES", "Case", "normal"]

CASES = [
    *linears.CASES,
    *images.CASES,
    *activations.CASES,
    *norms.CASES,
    *sequences.CASES,
    *layouts.CASES,
    *combinators.CASES,
    *losses.CASES,
    Case(at_most, (4, 2, 5)),
    Case(sharpen(2.0), (4, 2, 5)),
]
