"""What paired differences prove: the sign-flip test, how far it can go, and many tests at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Generator

__all__ = ["LEVEL", "fewest_rounds", "holm", "least_p", "sign_flip_test"]

LEVEL = 0.05
"""A p of at most that counts as seen."""

EXACT = 15
"""Up to so many differences all flips are tried; beyond, as many as these have are drawn."""

EQUAL = 1e-9
"""Sums that differ by less than this part of the differences differ by rounding alone."""


def sign_flip_test(differences: Sequence[float], rng: Generator) -> float:
    """Return the p-value of paired differences under the hypothesis that the pairing says nothing.

    Were two models alike, each difference might as well have the other sign: p is the share of
    the 2ⁿ ways to sign the n differences whose sum is as far from 0 as the one observed. Exact
    up to 15 differences. Beyond, signs are drawn, and p = (b + 1) / (m + 1) where b of the m
    draws reach as far.

    Args:
        differences: at least one.
        rng: draws the signs, where there are more than 15 differences.

    Fisher, "The design of experiments" (1935), section 21; for the drawn signs Phipson and
    Smyth, "Permutation p-values should never be zero" (2010).

    >>> sign_flip_test([1.0, 2.0, 3.0], Generator())
    0.25
    """
    exact = len(differences) <= EXACT
    count = 1 << min(len(differences), EXACT)
    ways = torch.arange(count)
    total = torch.zeros(count, dtype=torch.float64)
    for k, difference in enumerate(differences):
        up = ways >> k & 1 if exact else torch.randint(2, (count,), generator=rng)
        total += difference * (2 * up - 1).double()
    reached = abs(math.fsum(differences)) - EQUAL * math.fsum(map(abs, differences))
    as_far = int((total.abs() >= reached).sum())
    return as_far / count if exact else (as_far + 1) / (count + 1)


def least_p(rounds: int) -> float:
    """Return the least p that `sign_flip_test` can give to so many differences, however large.

    2 / 2ⁿ, of all signs as they are and all the other way; 1 / (m + 1) where m are drawn.

    >>> least_p(3), least_p(10), least_p(100) == 1 / 32769
    (0.25, 0.001953125, True)
    """
    return 2.0 ** (1 - rounds) if rounds <= EXACT else 1 / (2**EXACT + 1)


def fewest_rounds(p: float) -> int | None:
    """Return how many rounds it takes for the least p to be so small; None where none does.

    >>> fewest_rounds(0.05), fewest_rounds(0.05 / 14), fewest_rounds(1e-9)
    (6, 10, None)
    """
    return next((n for n in range(1, EXACT + 2) if least_p(n) <= p), None)


def holm(ps: Sequence[float]) -> list[float]:
    """Correct the p-values of a family of hypotheses that are looked at together.

    To call those significant whose corrected p is at most α is to call a false one so with a
    probability of at most α, however many of the m there are and however they depend on each
    other. In ascending order, the k-th p from 0 is multiplied by m − k; none is less than one
    before it, nor above 1.

    Args:
        ps: in any order.

    Returns:
        The corrected ones, in the same order.

    Holm, "A simple sequentially rejective multiple test procedure" (1979).

    >>> holm([0.25, 0.125, 0.75, 0.0625])
    [0.5, 0.375, 0.75, 0.25]
    """
    corrected, least = [0.0] * len(ps), 0.0
    for k, i in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        least = max(least, min((len(ps) - k) * ps[i], 1.0))
        corrected[i] = least
    return corrected
