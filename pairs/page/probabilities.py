"""The section that tells what the models' probabilities are worth, and their contradictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pairs.lines import Line
from pairs.reliability import Reliability
from pairs.sheets import model_group
from studykit.content import Sheet
from studykit.page.parts import table
from studykit.statistics import Spread
from studykit.svg.elements import escaped
from studykit.svg.reliability import lowest, reliability

__all__ = ["probabilities"]


def probabilities(models: Sequence[Line]) -> Iterator[str]:
    """Draw reliability, and lay out losses, contradictions and errors by digit.

    Args:
        models: a line each; one whose rounds tell nothing of its probabilities is left out.
    """
    found = {line.model: line.calibration for line in models if line.calibration is not None}
    if not found:
        return
    yield "<section>"
    yield "<h2>What its probabilities are worth</h2>"
    yield from _reliability(found)
    yield from _numbers(found)
    yield from _digits(found)
    without = [line.model for line in models if line.calibration is None]
    if without:
        yield (
            f"<p>Left out, since their rounds were kept without it: {escaped(', '.join(without))}."
            "</p>"
        )
    yield "</section>"


def _reliability(models: Mapping[str, Reliability]) -> Iterator[str]:
    yield (
        "<p>A model gives each of the two answers a probability and answers with the likelier one; "
        "that one’s probability is its confidence. Of the answers given with a confidence "
        "near 80 %, a calibrated model has 80 % right. A dot is a tenth of the range of "
        "confidences, the test pairs of all rounds together: on the dashed line confidence and "
        "right answers agree, below it the model is too sure, above it too doubtful. The larger "
        "the dot, the more pairs; the bar is where 95 % of a calibrated model’s dots would be.</p>"
    )
    low = lowest([one.bins for one in models.values()])
    yield "<figure>"
    yield '<div class="panels">'
    for k, (name, one) in enumerate(models.items()):
        yield "<div>"
        yield f"<p><strong>{escaped(name)}</strong></p>"
        yield reliability(f"reliability-{k}", f"{name}: reliability", one.bins, low)
        yield "</div>"
    yield "</div>"
    yield (
        "<figcaption>Right answers in % against the confidence in %, of the test pairs, all "
        "rounds of a model together.</figcaption>"
    )
    yield "</figure>"


def _numbers(models: Mapping[str, Reliability]) -> Iterator[str]:
    yield (
        "<p>NLL is the mean of −log of the right answer’s probability, in nats: 0 at best, 0.69 "
        "for who answers by chance; a large value tells of sure mistakes. ECE, the expected "
        "calibration error, is the mean distance of the dots above from the dashed line, each "
        "counted by its pairs (Guo and others, 2017); even a calibrated model has one, the "
        "larger the fewer the pairs: that is the column “by chance”.</p>"
    )
    yield (
        "<p>Of two different digits exactly one order has the first at most the second. So who "
        "gives a pair the same answer in both orders contradicts itself: “≤” twice is "
        "the answer to equal digits, “&gt;” twice fits no digits. A coin does so in 50 % of the "
        "pairs. An answer is against the model’s own digits where the likeliest digits that it "
        "reads say otherwise; an explicit comparison can do so only where it is in doubt.</p>"
    )
    yield from _laid(
        "NLL in nats, mean ± standard deviation over the rounds; the rest in %, of all rounds "
        "together",
        ["model", "NLL", "ECE", "by chance", "“≤” twice", "“>” twice", "against digits"],
        [
            [
                name,
                _nats(one.nll),
                _per_cent(one.ece),
                _per_cent(one.ece_by_chance),
                *(_per_cent(same / max(one.orders[0], 1)) for same in one.orders[1:]),
                _per_cent(one.against_digits),
            ]
            for name, one in models.items()
        ],
    )


def _digits(models: Mapping[str, Reliability]) -> Iterator[str]:
    yield (
        "<p>Wrong answers by the digits of a pair: a pair of two different digits counts for "
        "both, one of equal digits once. Even where all are read equally well, 0 and 9 have "
        "the fewest: a first 0 or a second 9 settles the answer, whatever the other digit is.</p>"
    )
    yield from _laid(
        "Wrong answers in % of the test pairs that have a digit, of all rounds together",
        ["model", *map(str, range(10))],
        [
            [name, *(_per_cent(error, 1) for error in one.digit_errors)]
            for name, one in models.items()
        ],
    )


def _laid(caption: str, headings: Sequence[str], body: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lay out a table of the models."""
    groups = [model_group(name) for name, *_ in body]
    return table(Sheet("probabilities", caption, headings, body, groups=groups))


def _nats(nll: Spread) -> str:
    """Write a loss.

    >>> _nats(Spread(0.1234, 0.01)), _nats(Spread(1e6, None))
    ('0.123 ± 0.010', '1e+06')
    """
    return " ± ".join(
        f"{value:.3f}" if value < 1000 else f"{value:.0e}" for value in nll if value is not None
    )


def _per_cent(share: float | None, places: int = 2) -> str:
    return "–" if share is None else f"{100 * share:.{places}f}"
