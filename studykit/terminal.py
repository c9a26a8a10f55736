"""A table that leaves columns out where it has no room for them, and says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

__all__ = ["FittedTable", "hyphened"]

WIDE = 10_000
"""More columns than any table has."""

TIGHT = (0, 0, 0, 1)
"""A cell's padding where every column counts."""


class FittedTable(Table):
    """A table whose numbers are whole at every width.

    In a narrow place first the spaces go that are for looks, then columns, in the order of `least`;
    a line below names them. What cannot be left out is shown whole, whatever the width. Columns are
    as those of any table; those that may wrap have a `min_width`.

    Args:
        title: of any length.
        least: headings, the least important first.
        broken: writes a cell in more lines, where nothing else can be left out.
        caption: likewise.
        show_lines: between rows.
    """

    def __init__(
        self,
        title: str,
        least: Sequence[str] = (),
        *,
        broken: Callable[[str], str] = str,
        caption: str | None = None,
        show_lines: bool = False,
    ) -> None:
        super().__init__(title=title, caption=caption, show_lines=show_lines)
        self.least = tuple(least)
        self.broken = broken

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Choose the columns and lay them out."""

        def words(text: object, style: str = "none") -> Text:
            return console.render_str(str(text), style=style, highlight=False)

        for choice in self._choices(console):
            table, left_out = choice
            least, most = Measurement.get(console, options.update_width(WIDE), table)
            if least <= options.max_width:
                break
        width = max(least, min(most, options.max_width))
        # A line that is longer than the table is no heading of it.
        over = self.title is not None and words(self.title).cell_len > width
        under = self.caption is not None and words(self.caption).cell_len > width
        table.title = None if over else self.title
        table.caption = None if under else self.caption
        if over:
            yield words(self.title, "table.title")
        yield from table.__rich_console__(console, options.update_width(width))
        if under:
            yield words(self.caption, "table.caption")
        if left_out:
            yield words(
                f"Left out for lack of width: {', '.join(left_out)}. A wider terminal shows all, "
                "and so does --json."
            )

    def _choices(self, console: Console) -> Iterator[tuple[Table, tuple[str, ...]]]:
        """Make ever narrower tables, each with what it leaves out."""
        yield self._with(console, (), (0, 1)), ()
        for count in range(len(self.least) + 1):
            yield self._with(console, self.least[:count]), self.least[:count]
        yield self._with(console, self.least, broken=self.broken), self.least

    def _with(
        self,
        console: Console,
        left_out: Sequence[str],
        padding: Any = TIGHT,
        broken: Callable[[str], str] | None = None,
    ) -> Table:
        """Make the table of what is not left out; with cells `broken`, what may wrap wraps."""
        table = Table(show_lines=self.show_lines or broken is not None, padding=padding)
        shown = []
        for column in self.columns:
            if column.header in left_out:
                continue
            cells = [str(cell) for cell in column.cells]
            cells = cells if broken is None else [broken(cell) for cell in cells]
            shown.append(cells)
            whole = max(console.measure(cell).maximum for cell in [str(column.header), *cells])
            table.add_column(
                column.header,
                justify=column.justify,
                no_wrap=column.no_wrap,
                min_width=whole if column.no_wrap else None if broken else column.min_width,
            )
        for row, own in zip(zip(*shown), self.rows):
            table.add_row(*row, end_section=own.end_section)
        return table


def hyphened(cell: str, most: int) -> str:
    """Break words of more than `most` characters after a hyphen, where they have one.

    >>> print(hyphened("conv-bn-shared-explicit-digits → conv-plain", 24))
    conv-bn-shared-explicit-
    digits → conv-plain
    """

    def broken(word: str) -> str:
        cut = word.rfind("-", 0, most) + 1
        if len(word) <= most or cut == 0:
            return word
        return f"{word[:cut]}\n{broken(word[cut:])}"

    return re.sub(r"\S+", lambda match: broken(match[0]), cell)
