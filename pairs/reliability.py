"""What the rounds of a model say together of its probabilities and of its contradictions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from pairs.calibration import BINS, Calibration
from studykit.statistics import Spread, spread

__all__ = ["Reliability", "by_chance", "expected_error", "reliability"]


class Reliability(NamedTuple):
    """The calibration of a model over its rounds; shares are in [0, 1].

    Attributes:
        rounds: those that tell of it.
        nll: −log p(right answer), in nats, over the rounds.
        ece: the expected calibration error, of the pairs of all rounds together: `expected_error`.
        ece_by_chance: what it would be, about, were the model calibrated: `by_chance`.
        bins: [pairs, sum of confidences, right answers] of each range of the confidence.
        orders: [pairs of different digits, "≤" said in both orders, ">" said in both orders].
        same_twice: the share of these that got the same answer in both orders, which contradicts
            itself; None where no pair has different digits.
        against_digits: the share of the pairs whose answer contradicts the digits that the model
            takes for the likeliest; None where it learns none.
        digits: of each digit [pairs that have it, wrong answers to them].
        digit_errors: the share of these that is wrong; None for a digit that no pair has.
    """

    rounds: int
    nll: Spread
    ece: float
    ece_by_chance: float
    bins: list[list[Any]]
    orders: list[int]
    same_twice: float | None
    against_digits: float | None
    digits: list[list[int]]
    digit_errors: list[float | None]


def reliability(rounds: Sequence[Calibration]) -> Reliability:
    """Put rounds together, at least one: counts are added up, and shares made of the sums."""
    bins = [_total([one.bins[k] for one in rounds]) for k in range(BINS)]
    orders = _total([one.orders for one in rounds])
    own = _total([one.own_digits for one in rounds if one.own_digits is not None] or [[0, 0]])
    digits = [_total([one.digits[digit] for one in rounds]) for digit in range(10)]
    return Reliability(
        len(rounds),
        spread([one.nll for one in rounds]),
        expected_error(bins),
        by_chance(bins),
        bins,
        orders,
        _share(orders[1] + orders[2], orders[0]),
        _share(own[1], own[0]),
        digits,
        [_share(wrong, pairs) for pairs, wrong in digits],
    )


def _total(counts: Sequence[Sequence[Any]]) -> list[Any]:
    return [round(math.fsum(part), 4) if _real(part) else sum(part) for part in zip(*counts)]


def _real(part: Sequence[Any]) -> bool:
    return any(isinstance(value, float) for value in part)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def expected_error(bins: Sequence[Sequence[float]]) -> float:
    """Return the expected calibration error, of bins with at least one pair.

        ECE = Σ_b n_b/N |right_b/n_b − confidence_b/n_b| = 1/N Σ_b |right_b − confidence_b|

    with the n_b pairs of a bin, its right answers and the sum of its confidences. It is 0 for a
    model whose confidence is right in each bin, and 1/2 for one that is sure and answers by chance.
    In few pairs it is too large: even the answers of a calibrated model scatter about its
    confidence, and distances do not cancel; `by_chance` says how much that makes. Of several
    rounds together it is the error of the mean model: one that is too sure and one that is as much
    too doubtful make a good one.

    Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks" (2017), after
    Naeini, Cooper and Hauskrecht (2015).

    >>> round(expected_error([[10, 6.0, 5], [30, 27.0, 29]]), 9)  # (1 + 2) / 40
    0.075
    """
    return math.fsum(abs(right - sure) for _, sure, right in bins) / sum(n for n, _, _ in bins)


def by_chance(bins: Sequence[Sequence[float]]) -> float:
    """Return about what the expected calibration error of a calibrated model is, on such bins.

        1/N Σ_b √(2/π n_b c_b (1 − c_b))        c_b = confidence_b/n_b

    the mean distance of a normal variable from its mean, with a binomial one's deviation. That the
    estimate from bins is biased so: Kumar, Liang and Ma, "Verified uncertainty calibration" (2019).

    >>> round(by_chance([[100, 50.0, 50]]), 3), by_chance([[100, 100.0, 100]])
    (0.04, 0.0)
    """
    return math.fsum(
        math.sqrt(2 / math.pi * max(sure * (1 - sure / n), 0)) for n, sure, _ in bins if n
    ) / sum(n for n, _, _ in bins)
