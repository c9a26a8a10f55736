"""How well the sign-flip test sees an effect, and the rounds that it takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

import torch

from studykit.seeds import generator
from studykit.significance import EQUAL, LEVEL, fewest_rounds
from studykit.statistics import spread, student_quantile

__all__ = ["power", "rounds_needed"]

SMALL = 11
"""Up to so many rounds the test is coarser than Student's: its power is simulated."""

LARGE = 1000
"""Beyond so many rounds a formula is as good as a search."""

DRAWN = 10_000
"""Studies a simulation; the power's standard error is 0.004 where it is 0.8."""


@lru_cache(1000)
def power(effect: float, rounds: int) -> float:
    """Return the probability that the sign-flip test gives a p of at most 0.05.

    Up to 11 rounds studies are drawn from a generator of its own and tested. Beyond, the power is
    that of Student's two-sided test, which the sign-flip test comes to as rounds increase.

    Args:
        effect: the mean of the differences for one of their standard deviation; they are taken to
            be normal.
        rounds: at least 2.

    Hoeffding, "The large-sample power of tests based on permutations of observations" (1952).

    >>> power(2.0, 5), round(power(1.0, 12), 3)
    (0.0, 0.883)
    """
    return _simulated(effect, rounds) if rounds <= SMALL else _students(effect, rounds)


def rounds_needed(differences: Sequence[float], wanted: float = 0.8) -> int | None:
    """Return the fewest rounds in which the sign-flip test sees such an effect often enough.

    Such an effect: normal differences of the same mean d and standard deviation s. The search
    begins at what is close and never too many,

        (z_a + z_b)² s² / d² + z_a² / 2

    with the normal quantiles z_a of 0.975 and z_b of the power that is wanted, but at no fewer
    rounds than can give a p of 0.05 at all.

    Args:
        differences: of the rounds that there are.
        wanted: the power, above 0.05.

    Returns:
        The number; None where there is a single difference or the mean is 0.

    Guenther, "Sample size formulas for normal theory t tests" (1981), has the formula.

    >>> rounds_needed([1.0, 2.0, 3.0]), rounds_needed([-1.0, 2.0, 3.0])
    (6, 22)
    """
    mean, deviation = spread(differences)
    if deviation is None or abs(mean) <= EQUAL * max(map(abs, differences)):
        return None
    z_a, z_b = (NormalDist().inv_cdf(p) for p in (1 - LEVEL / 2, wanted))
    close = ((z_a + z_b) * deviation / mean) ** 2 + z_a**2 / 2
    if close > LARGE:
        return math.ceil(close)
    rounds = max(int(close), fewest_rounds(LEVEL) or 0)
    while deviation and power(mean / deviation, rounds) < wanted:
        rounds += 1
    return rounds


def _simulated(effect: float, rounds: int) -> float:
    rng = generator(0, "power", rounds)
    draws = torch.randn(DRAWN, rounds, generator=rng, dtype=torch.float64)
    # A way and its opposite reach equally far: the last sign stays.
    ways = torch.arange(2 ** (rounds - 1)) >> torch.arange(rounds)[:, None] & 1
    signs, seen = (1 - 2 * ways).double(), 0
    for differences in torch.split(draws + effect, 500):
        reached = differences.sum(-1).abs() - EQUAL * differences.abs().sum(-1)
        as_far = ((differences @ signs).abs() >= reached[:, None]).sum(-1)
        seen += int((as_far <= LEVEL * len(signs[0])).sum())
    return seen / DRAWN


def _students(effect: float, rounds: int) -> float:
    """Return P(|√n mean| > t s) as the mean over s of what it is given s, which is normal.

    The density of s, up to a factor: s^(n−2) exp(−(n − 1) s² / 2), around 1 and soon 0 on both
    sides, where a sum over a grid is as good as the integral.
    """
    freedom, shift = rounds - 1, effect * math.sqrt(rounds)
    t, step = student_quantile(1 - LEVEL / 2, freedom), 0.1 / math.sqrt(2 * freedom)
    grid = [s for k in range(-80, 81) if (s := 1 + k * step) > 0]
    density = [math.exp((freedom - 1) * math.log(s) - freedom * (s * s - 1) / 2) for s in grid]
    normal = NormalDist()
    beyond = [normal.cdf(shift - t * s) + normal.cdf(-shift - t * s) for s in grid]
    return math.fsum(d * b for d, b in zip(density, beyond)) / math.fsum(density)
