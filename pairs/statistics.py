"""Means, deviations and paired differences over rounds, and what they prove."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev
from typing import NamedTuple

import torch
from torch import Generator

__all__ = [
    "Interval",
    "Spread",
    "interval",
    "rounds_needed",
    "sign_flip_test",
    "spread",
    "student_quantile",
]

EXACT = 15
"""Up to so many differences all flips are tried; beyond, as many as these have are drawn."""

EQUAL = 1e-9
"""Sums that differ by less than this part of the differences differ by rounding alone."""


class Spread(NamedTuple):
    """A mean and a standard deviation over rounds; the deviation is None for a single round."""

    mean: float
    deviation: float | None


class Interval(NamedTuple):
    """A mean with the bounds of its confidence interval; None for a single round."""

    mean: float
    low: float | None
    high: float | None


def spread(values: Sequence[float]) -> Spread:
    """Return the mean and the sample standard deviation (n − 1) of at least one value.

    >>> spread([1.0, 2.0, 3.0])
    Spread(mean=2.0, deviation=1.0)
    """
    return Spread(fmean(values), stdev(values) if len(values) > 1 else None)


def interval(differences: Sequence[float], confidence: float = 0.95) -> Interval:
    """Return the mean of paired differences with Student's confidence interval.

    mean ± t s / √n, with the quantile t of n − 1 degrees of freedom.

    Student, "The probable error of a mean" (1908).

    >>> interval([1.0, 2.0, 3.0]).low
    -0.4841377117503285
    """
    mean, deviation = spread(differences)
    if deviation is None:
        return Interval(mean, None, None)
    n = len(differences)
    half = student_quantile((1 + confidence) / 2, n - 1) * deviation / math.sqrt(n)
    return Interval(mean, mean - half, mean + half)


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


def rounds_needed(
    differences: Sequence[float], power: float = 0.8, confidence: float = 0.95
) -> int | None:
    """Return how many rounds it takes to tell such an effect from none, with the given power.

    n = (z_a + z_b)² s² / d² + z_a² / 2 for a mean difference d of deviation s, with the normal
    quantiles z_a of (1 + confidence) / 2 and z_b of power; the last term makes up for Student's
    quantile being larger than the normal one.

    Guenther, "Sample size formulas for normal theory t tests" (1981).

    Returns:
        The number, rounded up; None where there is a single difference or the mean is 0.

    >>> rounds_needed([1.0, 2.0, 3.0])
    4
    """
    mean, deviation = spread(differences)
    if deviation is None or abs(mean) <= EQUAL * max(map(abs, differences)):
        return None
    z_a, z_b = (NormalDist().inv_cdf(p) for p in ((1 + confidence) / 2, power))
    return math.ceil(((z_a + z_b) * deviation / mean) ** 2 + z_a**2 / 2)


def student_quantile(p: float, freedom: int) -> float:
    """Return the value below which Student's t with `freedom` degrees lies with probability p.

    Args:
        p: in [0.5, 1).
        freedom: at least 1.

    The distribution function in closed form: Abramowitz and Stegun, "Handbook of mathematical
    functions" (1964), 26.7.3 and 26.7.4; inverted by bisection.

    >>> round(student_quantile(0.975, 9), 4)
    2.2622
    """
    low, high = 0.0, 1.0
    while _inside(high, freedom) < 2 * p - 1:
        low, high = high, 2 * high
    while (middle := (low + high) / 2) not in (low, high):
        if _inside(middle, freedom) < 2 * p - 1:
            low = middle
        else:
            high = middle
    return middle


def _inside(t: float, freedom: int) -> float:
    """Return the probability that |T| < t."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(angle)
    odd = freedom % 2
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cosine * cosine * k / (k + 1)
    series = math.sin(angle) * total
    return 2 / math.pi * (angle + series) if odd else series
