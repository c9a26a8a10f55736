"""What the test pairs of a round say of a model's probabilities, and where it contradicts itself.

Everything here is counted, so that rounds can be put together: a share over all rounds is a sum
over a sum.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from torch import Tensor

from studykit.schema import Count, Entries, Sized, Within

__all__ = ["BINS", "MOST", "Calibration", "measured"]

BINS = 10
"""Bins of a reliability diagram, equally wide, from a confidence of 1/2 to one of 1."""

MOST = 1e6
"""What a larger loss counts as, and one that is NaN."""

ROUNDING = 1e-4
"""How far a sum of confidences may be off its bin: it is kept to four decimals."""

Bin = Annotated[list[Any], Entries((Count, Annotated[float, Within(0, 2**53)], Count))]


class Calibration(NamedTuple):
    """One round's test pairs, counted.

    The model's probabilities are p = softmax of its two logits; its answer is the likelier one,
    and its confidence that one's probability, at least 1/2.

    Attributes:
        nll: the mean of −log p(right answer), in nats. Never below 0; who answers by chance has
            log 2 = 0.693; of all probabilities the true ones have the least in the mean.
        bins: for each of `BINS` equal ranges of the confidence [pairs, sum of their confidences,
            right answers]. Were the model calibrated, right answers would make up, but for
            chance, the sum of confidences, in each bin.
        orders: of the pairs of two different digits, shown once more in the other order, [pairs,
            "first ≤ second" said both times, "first > second" said both times]. One answer of two
            is right, so the same one twice contradicts itself. To say "≤" twice is what a model
            does that takes the digits for equal, to say ">" twice fits no digits at all:
            the same digits' network and an explicit comparison cannot, P(>) being at most 1/2 in
            one of the orders. A coin says the same in half of the pairs, a constant in all.
        own_digits: [pairs, answers that contradict the digits that the model itself takes for the
            likeliest]; None where it learns none. An explicit comparison agrees wherever the two
            digits' probabilities have a product above 1/2, and need not where it is in doubt.
        digits: for each digit [pairs that have it, wrong answers to them]. A pair of two different
            digits counts for both of them, one of equal digits once.
    """

    nll: Annotated[float, Within(0, MOST)]
    bins: Annotated[list[Bin], Sized(BINS)]
    orders: Annotated[list[Count], Sized(3)]
    own_digits: Annotated[list[Count], Sized(2)] | None
    digits: Annotated[list[Annotated[list[Count], Sized(2)]], Sized(10)]

    def contradiction(self) -> str | None:
        """Say where the counts cannot be those of the same pairs."""
        lists = [("orders", self.orders), ("own_digits", self.own_digits or [0])]
        lists += [(f"digits[{i}]", counts) for i, counts in enumerate(self.digits)]
        for name, counts in lists:
            if max(counts) > counts[0]:
                return f"{name}: expected no count above the first, got {counts}"
        for k, (pairs, sure, right) in enumerate(self.bins):
            low, high = ((1 + (k + end) / BINS) / 2 * pairs for end in (0, 1))
            if right > pairs or not low - ROUNDING <= sure <= high + ROUNDING:
                return (
                    f"bins[{k}]: expected at most {pairs:,} right answers and confidences that add "
                    f"up to {low:g} to {high:g}, got {right:,} and {sure:g}"
                )
        return None if self._agree() else "expected counts of the same pairs, got others"

    def _agree(self) -> bool:
        pairs = sum(count for count, _, _ in self.bins)
        wrong = pairs - sum(right for _, _, right in self.bins)
        unequal, at_most, greater = self.orders
        wrongs = sum(part for _, part in self.digits)
        return (
            pairs > 0
            and at_most + greater <= unequal <= pairs
            and (self.own_digits is None or self.own_digits[0] == pairs)
            # A pair counts once for each of its digits: those of two different ones count twice.
            and sum(count for count, _ in self.digits) == pairs + unequal
            and wrong <= wrongs <= wrong + min(wrong, unequal)
            and all(count <= pairs and part <= wrong for count, part in self.digits)
        )


def measured(
    logits: Tensor, digits: Tensor | None, swapped: Tensor, target: Tensor, classes: Tensor
) -> Calibration:
    """Count what a model gave for some pairs.

    A logit that is NaN leaves its pair's confidence at 1/2.

    Args:
        logits: (N, 2), of "first > second" and "first ≤ second".
        digits: (N, 2, 10), the two digits' logits, if the model learns any.
        swapped: (U, 2), the logits for the pairs of two different digits, in the order of `logits`,
            each shown in the other order.
        target: (N,), 1 where the first is at most the second, else 0.
        classes: (N, 2), the digits, 0..9.

    >>> import torch
    >>> logits = torch.tensor([[0.0, 2.0], [0.0, 0.0]])
    >>> pairs = torch.tensor([1, 1]), torch.tensor([[3, 8], [4, 4]])
    >>> found = measured(logits, None, torch.tensor([[0.0, 1.0]]), *pairs)
    >>> found.nll, found.bins[0], found.bins[7], found.orders
    (0.410038, [1, 0.5, 0], [1, 0.8808, 1], [1, 1, 0])
    """
    log_p = logits.double().log_softmax(-1)
    answer = logits.argmax(-1)
    right = answer == target
    nll = float(-log_p.gather(-1, target[:, None]).mean())
    confidence = log_p.amax(-1).exp().nan_to_num(0.5)
    bin_of = ((confidence - 0.5) * 2 * BINS).long().clamp(0, BINS - 1)
    within = [bin_of == k for k in range(BINS)]
    once = answer[classes[:, 0] != classes[:, 1]]
    same = once[once == swapped.argmax(-1)]
    having = [(classes == digit).any(-1) for digit in range(10)]
    own = None
    if digits is not None:
        first, second = digits.argmax(-1).unbind(-1)
        own = [len(answer), _count((first <= second).long() != answer)]
    return Calibration(
        float(f"{nll if nll < MOST else MOST:.6g}"),
        [[_count(k), round(float(confidence[k].sum()), 4), _count(right & k)] for k in within],
        [len(once), _count(same == 1), _count(same == 0)],
        own,
        [[_count(has), _count(has & ~right)] for has in having],
    )


def _count(mask: Tensor) -> int:
    return int(mask.sum())
