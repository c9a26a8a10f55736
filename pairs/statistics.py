"""Means, deviations and paired differences over rounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import NamedTuple

__all__ = ["Interval", "Spread", "interval", "spread", "student_quantile"]


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
