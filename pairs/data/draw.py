"""Drawing pairs of digits at random, without replacement."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from pairs.data.digits import Digits, Mnist
from pairs.data.errors import DataError


class Pairs(NamedTuple):
    """Pairs of digits, and what is asked about them.

    images: (N, 2, 14, 14) float32 in [0, 1]; the first digit is channel 0.
    target: (N,) int64, 1 where the first digit is lesser than or equal to the second, else 0.
    classes: (N, 2) int64, the two digits, 0..9.
    """

    images: Tensor
    target: Tensor
    classes: Tensor


class Split(NamedTuple):
    """Pairs to train on, and pairs to test on."""

    train: Pairs
    test: Pairs


def draw_pairs(digits: Digits, count: int, rng: torch.Generator) -> Pairs:
    """Draw pairs of which no two share a digit.

    Args:
        digits: at least 2 * count digits.
        count: how many pairs, at least 1.
        rng: drawn from once; the same state gives the same pairs.

    Returns:
        `count` pairs, in new tensors.

    Raises:
        DataError: `count` is not an integer from 1 to half the number of digits, or
            `rng` is not a generator.

    >>> digits = Digits(torch.zeros(6, 14, 14, dtype=torch.uint8), torch.arange(6))
    >>> pairs = draw_pairs(digits, 3, torch.Generator().manual_seed(0))
    >>> pairs.images.shape, sorted(pairs.classes.flatten().tolist())
    (torch.Size([3, 2, 14, 14]), [0, 1, 2, 3, 4, 5])
    """
    _check("count", count, len(digits.labels) // 2)
    return _pair(digits, _permutation(digits, rng)[: 2 * count])


def draw_split(
    mnist: Mnist,
    train_count: int,
    test_count: int,
    rng: torch.Generator,
    validation: bool = False,
) -> Split:
    """Draw training pairs from the training set and test pairs from the test set.

    Every third digit of the training set is kept back: it serves validation alone, so that
    nothing which is chosen there has met a digit of the rounds that are reported.

    Args:
        mnist: the two sets.
        train_count: how many training pairs, at least 1.
        test_count: how many test pairs, at least 1.
        rng: drawn from; the same state gives the same split.
        validation: take all pairs, those to train on and those to test on, from the digits that
            are kept back, so as to tune without a look at what is reported.

    Returns:
        The training pairs and the test pairs; no two of them share a digit.

    Raises:
        DataError: a count is not an integer from 1 to the number of pairs that can be had,
            or `rng` is not a generator.
    """
    check_counts(mnist, train_count, test_count, validation)
    ours, kept_back = _parted(mnist.train)
    if not validation:
        return Split(draw_pairs(ours, train_count, rng), draw_pairs(mnist.test, test_count, rng))
    both = draw_pairs(kept_back, train_count + test_count, rng)
    return Split(
        Pairs(*(part[:train_count] for part in both)), Pairs(*(part[train_count:] for part in both))
    )


def check_counts(mnist: Mnist, train_count: int, test_count: int, validation: bool) -> None:
    """Check that `draw_split` can draw so many pairs, before any work is done.

    Raises:
        DataError: a count is not an integer from 1 to the number of pairs that can be had.
    """
    ours, kept_back = (len(part.labels) // 2 for part in _parted(mnist.train))
    _check(
        "train_count",
        train_count,
        kept_back - 1 if validation else ours,
        "" if validation else "; every third digit is kept for validation",
    )
    _check(
        "test_count",
        test_count,
        kept_back - train_count if validation else len(mnist.test.labels) // 2,
    )


def _parted(digits: Digits) -> tuple[Digits, Digits]:
    """Part a training set: two thirds for the rounds that are reported, a third for validation."""
    back = torch.arange(len(digits.labels)) % 3 == 2
    return Digits(digits.images[~back], digits.labels[~back]), Digits(
        digits.images[back], digits.labels[back]
    )


def _check(name: str, count: int, most: int, why: str = "") -> None:
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= most:
        raise DataError(f"{name}: expected an integer from 1 to {most}, got {count!r}{why}")


def _permutation(digits: Digits, rng: torch.Generator) -> Tensor:
    # torch takes None for its global generator, and nothing here may draw from that.
    if not isinstance(rng, torch.Generator):
        raise DataError(f"rng: expected a torch.Generator, got {rng!r}")
    return torch.randperm(len(digits.labels), generator=rng)


def _pair(digits: Digits, chosen: Tensor) -> Pairs:
    """Pair the digits at the indices `chosen`, (2N,), each with the one after it."""
    pairs = chosen.view(-1, 2)
    classes = digits.labels[pairs]
    target = (classes[:, 0] <= classes[:, 1]).long()
    return Pairs(digits.images[pairs].float() / 255, target, classes)
