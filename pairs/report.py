"""The study's tables, for a terminal of any width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pairs.models import parts
from pairs.statistics import Interval, Spread
from pairs.summary import effects, lines
from pairs.table import FittedTable
from pairs.training import Row

__all__ = [
    "change",
    "difference",
    "percent",
    "probability",
    "rounds",
    "tables",
]

EFFECT = 24
"""Columns in which an effect's name stays readable."""


def percent(value: Spread | None) -> str:
    """Write errors as per cent.

    >>> percent(Spread(0.1234, 0.01)), percent(Spread(0.5, None)), percent(None)
    ('12.34 ± 1.00', '50.00', '–')
    """
    if value is None:
        return "–"
    mean = f"{100 * value.mean:.2f}"
    return mean if value.deviation is None else f"{mean} ± {100 * value.deviation:.2f}"


def tables(rows: Sequence[Row]) -> Iterator[FittedTable]:
    """Make the table of models and, where two can be compared, that of effects."""
    table = FittedTable(
        "Errors in %, mean ± standard deviation over the rounds; s to train one",
        least=("s", "params", "rounds", "train", "digit"),
    )
    table.add_column("model", no_wrap=True)
    for heading in ("params", "rounds", "train", "test", "digit", "s"):
        table.add_column(heading, justify="right", no_wrap=True)
    for line in lines(rows):
        table.add_row(
            line.model,
            f"{line.parameters:,}",
            str(line.rounds),
            f"{100 * line.train_error.mean:.2f}",
            percent(line.test_error),
            "–" if line.digit_error is None else f"{100 * line.digit_error.mean:.2f}",
            f"{line.seconds.mean:.2f}",
        )
    yield table
    found = effects(rows)
    if found:
        table = FittedTable(
            "What it gives: paired differences in test error, points, with 95 % intervals",
            least=("needed", "p"),
            broken=lambda cell: cell.replace(" [", "\n["),
            caption="p: sign-flip test; needed: rounds to see it with a power of 80 %",
        )
        table.add_column("effect", min_width=EFFECT)
        for heading in ("difference", "p", "needed"):
            table.add_column(heading, justify="right", no_wrap=True)
        for effect in found:
            table.add_row(
                f"{effect.name}\n{change(effect.before, effect.after)}",
                difference(effect.difference),
                probability(effect.p),
                rounds(effect.rounds_needed),
            )
        yield table


def change(before: str, after: str) -> str:
    """Write from which model to which, the family once where they share it.

    >>> change("conv-separate", "conv-shared-aux"), change("fc-shared", "conv-shared")
    ('conv: separate → shared-aux', 'fc-shared → conv-shared')
    """
    (family, kind), (other, theirs) = parts(before), parts(after)
    if family == other and kind and theirs:
        return f"{family}: {kind} → {theirs}"
    return f"{before} → {after}"


def difference(value: Interval) -> str:
    """Write a difference of errors in percentage points, with its interval.

    >>> difference(Interval(-0.05, -0.06, -0.04))
    '−5.00 [−6.00, −4.00]'
    """
    numbers = [value.mean] if value.low is None else [value.mean, value.low, value.high]
    mean, *bounds = (
        f"{100 * number:+.2f}".replace("-", "−") for number in numbers if number is not None
    )
    return f"{mean} [{', '.join(bounds)}]" if bounds else mean


def probability(p: float) -> str:
    """Write a p-value.

    >>> probability(0.75), probability(2 / 2**15)
    ('0.750', '<0.001')
    """
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def rounds(number: int | None) -> str:
    """Write a number of rounds; beyond some thousands it only says that there is no effect.

    >>> rounds(1234), rounds(10**9), rounds(None)
    ('1,234', '>9,999', '–')
    """
    if number is None:
        return "–"
    return f"{number:,}" if number <= 9999 else ">9,999"
