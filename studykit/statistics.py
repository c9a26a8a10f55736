"""Means, deviations and paired differences over rounds, and where a deviation comes from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import NamedTuple

__all__ = [
    "Interval",
    "Parted",
    "Spread",
    "interval",
    "parted",
    "spread",
    "student_quantile",
]


class Spread(NamedTuple):
    """A mean and a standard deviation over rounds; the deviation is None for a single round."""

    mean: float
    deviation: float | None


class Interval(NamedTuple):
    """A mean with the bounds of its confidence interval; None for a single round."""

    mean: float
    low: float | None
    high: float | None


class Parted(NamedTuple):
    """The two standard deviations that one of test errors is made of: s² = sampling² + rest².

    `sampling` is due to which pairs are drawn to test on; `rest` to those that are drawn to train
    on and to the first weights, None for a single round.
    """

    sampling: float
    rest: float | None


def spread(values: Sequence[float]) -> Spread:
    """Return the mean and the sample standard deviation (n − 1) of at least one value.

    >>> spread([1.0, 2.0, 3.0])
    Spread(mean=2.0, deviation=1.0)
    """
    return Spread(fmean(values), stdev(values) if len(values) > 1 else None)


def parted(error: Spread, test_pairs: int) -> Parted:
    """Part the deviation of test errors, each counted on `test_pairs` pairs.

    A model that is wrong on a share p of all pairs is wrong on a binomial number of the n that
    are drawn: its error varies by √(p (1 − p) / n), even were it the same model in each round. What
    the rounds vary beyond that is the rest, 0 where they vary less.

    This is the sampling of any n pairs. Those of a round share no digit, and come of a set of m:
    as far as single digits make the errors, they vary by √(1 − 2n / m) of it.

    Moivre, "The doctrine of chances" (1738), has the binomial's deviation.

    >>> parted(Spread(0.5, 0.0625), 100)
    Parted(sampling=0.05, rest=0.0375)
    """
    variance = error.mean * (1 - error.mean) / test_pairs
    if error.deviation is None:
        return Parted(math.sqrt(variance), None)
    return Parted(math.sqrt(variance), math.sqrt(max(error.deviation**2 - variance, 0.0)))


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
