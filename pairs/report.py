"""The study's tables, for a terminal of any width."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from pairs.models import parts
from pairs.notes import notes
from pairs.significance import LEVEL
from pairs.statistics import Interval, Parted, Spread
from pairs.summary import effects, lines
from pairs.table import FittedTable, hyphened
from pairs.training import Row

__all__ = [
    "EFFECT_COLUMNS",
    "MODEL_COLUMNS",
    "Column",
    "change",
    "corrected",
    "deviations",
    "difference",
    "percent",
    "probability",
    "rounds",
    "tables",
]

EFFECT = 24
"""Columns in which an effect's name stays readable."""

NAME, KIND = 29, 19
"""Characters of a model's name on one line, alone and in an effect, where every column counts."""


def percent(value: Spread | None) -> str:
    """Write errors as per cent.

    >>> percent(Spread(0.1234, 0.01)), percent(Spread(0.5, None)), percent(None)
    ('12.34 ± 1.00', '50.00', '–')
    """
    if value is None:
        return "–"
    mean = f"{100 * value.mean:.2f}"
    return mean if value.deviation is None else f"{mean} ± {100 * value.deviation:.2f}"


class Column(NamedTuple):
    """A column of a table, wherever the table stands.

    Attributes:
        heading: on a page and in a file.
        cell: writes what it says of a line or an effect.
        words: whether that is words, not a number.
        short: the heading in a terminal; none where there is no such column.
    """

    heading: str
    cell: Callable[[Any], str]
    words: bool = False
    short: str = ""


MODEL_COLUMNS = [
    Column("model", lambda line: line.model, words=True),
    Column("test", lambda line: percent(line.test_error)),
    Column("train", lambda line: percent(line.train_error)),
    Column("digit", lambda line: percent(line.digit_error)),
    Column("parameters", lambda line: f"{line.parameters:,}"),
    Column("rounds", lambda line: f"{line.rounds:,}"),
    Column("s a round", lambda line: f"{line.seconds.mean:.2f}"),
    Column("pairs", lambda line: deviations(line.test_deviation)[0]),
    Column("rest", lambda line: deviations(line.test_deviation)[1]),
]
"""What tables say of a model over its rounds."""

EFFECT_COLUMNS = [
    Column("effect", lambda effect: effect.name, words=True),
    Column("difference", lambda effect: difference(effect.difference), short="difference"),
    Column("p", lambda effect: probability(effect.p), short="p"),
    Column("Holm", lambda effect: corrected(effect.holm), short="Holm"),
    Column("rounds", lambda effect: f"{effect.rounds:,}"),
    Column("rounds needed", lambda effect: rounds(effect.rounds_needed), short="needed"),
    Column(
        "from → to",
        lambda effect: (
            f"{effect.before} → {effect.after}"
            + ("" if effect.less is None else f" − ({' → '.join(effect.less)})")
        ),
        words=True,
    ),
]
"""What tables say of an effect."""


def tables(rows: Sequence[Row], test_pairs: int | None = None) -> Iterator[FittedTable]:
    """Make the table of models and, where two can be compared, that of effects.

    Args:
        rows: of one study.
        test_pairs: how many pairs its errors are counted on.
    """
    table = FittedTable(
        "Errors in %, mean ± standard deviation over the rounds; s to train one",
        least=("rest", "pairs", "s", "params", "rounds", "train", "digit"),
        broken=lambda cell: hyphened(cell, NAME).replace(" ± ", "\n± "),
        caption="±² = pairs² + rest²: pairs, due to the draw of the test pairs (binomial); rest, "
        "due to training pairs and first weights, 0 where ± is less than pairs",
    )
    table.add_column("model", no_wrap=True)
    for heading in ("params", "rounds", "train", "test", "pairs", "rest", "digit", "s"):
        table.add_column(heading, justify="right", no_wrap=True)
    for line in lines(rows, test_pairs):
        table.add_row(
            line.model,
            f"{line.parameters:,}",
            str(line.rounds),
            f"{100 * line.train_error.mean:.2f}",
            percent(line.test_error),
            *deviations(line.test_deviation),
            "–" if line.digit_error is None else f"{100 * line.digit_error.mean:.2f}",
            f"{line.seconds.mean:.2f}",
        )
    yield table
    found = effects(rows)
    if found:
        table = FittedTable(
            "What it gives: paired differences in test error, points, with 95 % intervals",
            least=("needed", "p", "Holm"),
            broken=lambda cell: hyphened(cell, KIND).replace(" [", "\n["),
            caption="\n".join(notes(found)),
        )
        table.add_column("effect", min_width=EFFECT)
        columns = [column for column in EFFECT_COLUMNS if column.short]
        for column in columns:
            table.add_column(column.short, justify="right", no_wrap=True)
        for effect in found:
            table.add_row(
                f"{effect.name}\n{change(effect.before, effect.after, effect.less)}",
                *(column.cell(effect) for column in columns),
            )
        yield table


def change(before: str, after: str, less: tuple[str, str] | None = None) -> str:
    """Write from which model to which, the family once where they share it; of two changes, both.

    >>> change("conv-separate", "conv-shared-aux"), change("fc-shared", "conv-shared")
    ('conv: separate → shared-aux', 'fc-shared → conv-shared')
    >>> change("fc-plain", "fc-plain-aux", ("fc-shared", "fc-shared-aux"))
    'fc: (plain → plain-aux) − (shared → shared-aux)'
    """
    names = [before, after, *(less or ())]
    families, kinds = zip(*map(parts, names))
    alike = len({*families}) == 1 and all(kinds)
    old, new, *others = kinds if alike else names
    words = f"{old} → {new}"
    if others:
        words = f"({words}) − ({' → '.join(others)})"
    return f"{families[0]}: {words}" if alike else words


def deviations(value: Parted | None) -> tuple[str, str]:
    """Write both parts of a deviation in percentage points.

    >>> deviations(Parted(0.011, 0.002)), deviations(Parted(0.01, None)), deviations(None)
    (('1.10', '0.20'), ('1.00', '–'), ('–', '–'))
    """
    sampling, rest = (None, None) if value is None else value
    one, other = ("–" if part is None else f"{100 * part:.2f}" for part in (sampling, rest))
    return one, other


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


def corrected(p: float) -> str:
    """Write a corrected p-value, marked where the effect stands.

    >>> corrected(0.75), corrected(0.05)
    ('0.750 ', '0.050*')
    """
    return probability(p) + ("*" if p <= LEVEL else " ")


def rounds(number: int | None) -> str:
    """Write a number of rounds; beyond some thousands it only says that there is no effect.

    >>> rounds(1234), rounds(10**9), rounds(None)
    ('1,234', '>9,999', '–')
    """
    if number is None:
        return "–"
    return f"{number:,}" if number <= 9999 else ">9,999"
