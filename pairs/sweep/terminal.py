"""A sweep's tables in a terminal of 80 columns: a model or an effect a row, a value a column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pairs.effects import Effect
from pairs.footnotes import INTERVALS, unreachable
from pairs.sweep.settings import SWEPT, Value, text
from pairs.sweep.trends import effects_by_value, errors_by_value
from pairs.training import Row
from studykit.significance import LEVEL
from studykit.statistics import spread
from studykit.terminal import FittedTable, hyphened
from studykit.wording import difference, percent

__all__ = ["sweep_tables"]

NAME = 22
"""Characters of a model's name on one line, where every column counts."""


def sweep_tables(setting: str, rows: Mapping[Value, Sequence[Row]]) -> Iterator[FittedTable]:
    """Make the table of errors at each value and, where models can be compared, that of effects.

    Args:
        setting: a key of `SWEPT`.
        rows: of each value.
    """
    about = SWEPT[setting].about
    table = _table(f"Test error in % against the {about}, ± standard deviation", "model", rows)
    for named in errors_by_value(rows).values():
        for name, found in named.items():
            cells = [percent(spread(found[value])) if value in found else "–" for value in rows]
            table.add_row(name, *(cell.replace(" ± ", "\n±") for cell in cells))
    yield table
    compared = effects_by_value(setting, rows)
    if compared:
        together = [e for named in compared.values() for at in named.values() for e in at.values()]
        table = _table(
            f"What it gives against the {about}: differences in points, 95 % intervals",
            "effect",
            rows,
            caption="\n".join(
                [
                    f"* where p, of the sign-flip test, is at most {LEVEL}, corrected (Holm) for "
                    f"all effects of this table, {len(together)}",
                    *unreachable(together),
                    INTERVALS,
                ]
            ),
        )
        for backbone, named_effects in compared.items():
            for name, at in named_effects.items():
                cells = [_cell(at[value]) if value in at else "–" for value in rows]
                table.add_row(f"{backbone}: {name}", *cells)
        yield table


def _cell(effect: Effect) -> str:
    """Write a difference, with a mark where it stands, and the ends of its interval below."""
    mean, _, ends = difference(effect.difference).partition(" [")
    mark = "*" if effect.stands else ""
    return "\n".join([mean + mark, *(ends.strip("]").split(", ") if ends else [])])


def _table(
    title: str, first: str, rows: Mapping[Value, Sequence[Row]], caption: str | None = None
) -> FittedTable:
    least = _least([text(value) for value in rows])
    table = FittedTable(
        title,
        least,
        broken=lambda cell: hyphened(cell, NAME),
        caption=caption,
        show_lines=True,
    )
    table.add_column(first, no_wrap=first == "model", min_width=16)
    for value in rows:
        table.add_column(text(value), justify="right", no_wrap=True)
    return table


def _least(values: list[str]) -> list[str]:
    """Order values, those first that a reader misses least: the ends and what is spread between.

    >>> _least(["1", "2", "3", "4", "5"])
    ['4', '2', '3', '5']
    """
    kept, least = list(values), []
    while len(kept) > 1:
        # The last but one, the last but three, …: every second goes, until two ends are there.
        inner = kept[1:-1:2] or kept[-1:]
        for value in reversed(inner):
            kept.remove(value)
            least.append(value)
    return least
