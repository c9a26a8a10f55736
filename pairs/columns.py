"""The columns of the study's tables, wherever these stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pairs.models import parts
from studykit.wording import deviations, difference, percent, probability, rounds, starred

__all__ = ["EFFECT_COLUMNS", "MODEL_COLUMNS", "Column", "change"]


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
    Column("Holm", lambda effect: starred(effect.holm), short="Holm"),
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
