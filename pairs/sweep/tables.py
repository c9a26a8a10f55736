"""A sweep's tables, for a terminal of 80 columns: a model or an effect a row, a value a column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pairs.report import difference, percent
from pairs.statistics import spread
from pairs.sweep.settings import SWEPT, Value, text
from pairs.sweep.trends import effects, errors
from pairs.table import FittedTable
from pairs.training import Row

__all__ = ["sweep_tables"]


def sweep_tables(setting: str, rows: Mapping[Value, Sequence[Row]]) -> Iterator[FittedTable]:
    """Make the table of errors at each value and, where models can be compared, that of effects.

    Args:
        setting: a key of `SWEPT`.
        rows: of each value.
    """
    about = SWEPT[setting].about
    table = _table(f"Test error in % against the {about}, ± standard deviation", "model", rows)
    for named in errors(rows).values():
        for name, found in named.items():
            cells = [percent(spread(found[value])) if value in found else "–" for value in rows]
            table.add_row(name, *(cell.replace(" ± ", "\n±") for cell in cells))
    yield table
    compared = effects(setting, rows)
    if compared:
        table = _table(
            f"What it gives against the {about}: differences in points, 95 % intervals",
            "effect",
            rows,
        )
        for backbone, named_effects in compared.items():
            for name, at in named_effects.items():
                cells = [difference(at[value].difference) if value in at else "–" for value in rows]
                lines = (cell.replace(" [", "\n").replace(", ", "\n").strip("]") for cell in cells)
                table.add_row(f"{backbone}: {name}", *lines)
        yield table


def _table(title: str, first: str, rows: Mapping[Value, Sequence[Row]]) -> FittedTable:
    table = FittedTable(title, _least([text(value) for value in rows]), show_lines=True)
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
