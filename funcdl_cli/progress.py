"""Progress on standard error: a bar on a terminal of any width, lines anywhere else."""

from __future__ import annotations

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from funcdl_cli.console import notes
from funcdl_cli.plain import fits

__all__ = ["live", "progress"]

NARROW, WIDE = 60, 100
"""Terminals of fewer columns have no room for a clock, and for a bar beside the longest name."""


def live() -> bool:
    """Tell whether there is a terminal on which a line can be drawn again."""
    return notes.is_terminal and not notes.is_dumb_terminal


class _Bar(Progress):
    """A bar that is silent where it is not drawn; older versions of rich end it with a line."""

    def stop(self) -> None:
        if not self.disable:
            super().stop()


def progress() -> Progress:
    """Make a progress bar that leaves nothing behind; silent where it cannot be drawn again."""
    columns: list[ProgressColumn] = [
        # An ellipsis of three dots would not fit where it is to go.
        TextColumn(
            "{task.description}",
            table_column=Column(
                no_wrap=True, overflow="ellipsis" if fits("…", notes.encoding) else "crop"
            ),
        ),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
    ]
    if notes.width >= NARROW:
        bar = [BarColumn()] if notes.width >= WIDE else []
        columns = [columns[0], *bar, columns[1], TimeRemainingColumn()]
    return _Bar(
        *columns, console=notes, transient=True, disable=notes.quiet or not live(), expand=False
    )
