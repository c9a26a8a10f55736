"""The study's tables in a terminal of any width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pairs.columns import EFFECT_COLUMNS, change
from pairs.effects import effects
from pairs.footnotes import footnotes
from pairs.lines import lines
from pairs.training import Row
from studykit.terminal import FittedTable, hyphened
from studykit.wording import deviations, percent

__all__ = ["tables"]

EFFECT = 24
"""Columns in which an effect's name stays readable."""

NAME, KIND = 29, 19
"""Characters of a model's name on one line, alone and in an effect, where every column counts."""


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
            caption="\n".join(footnotes(found)),
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
