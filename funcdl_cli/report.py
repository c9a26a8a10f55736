"""`funcdl-cli report`: a study as a page, or as files for a report of one's own."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from funcdl_cli.console import notes, say
from funcdl_cli.options import RESULTS, Config, Quiet, path
from reports import FORMATS, write_files, write_page

__all__ = ["EXAMPLES", "write_report"]

EXAMPLES = (
    "funcdl-cli report results",
    "funcdl-cli report by-pairs --out by-pairs.html",
    "funcdl-cli report results --format latex",
)
HTML = "html"
Format = Enum("Format", {name: name for name in (HTML, *FORMATS)}, type=str)  # type: ignore[misc]
DEFAULT = Format(HTML)


def write_report(
    folder: Annotated[
        Path,
        typer.Argument(
            parser=path,
            metavar="DIR",
            help="What 'pairs --out', 'sweep --out' or 'framework --out' wrote.",
            show_default=False,
        ),
    ],
    config: Config = None,
    kind: Annotated[
        Format,
        typer.Option(
            "--format",
            help="A page; or tables, with figures as SVG files; csv: all the numbers.",
            rich_help_panel=RESULTS,
        ),
    ] = DEFAULT,
    file: Annotated[
        Path | None,
        typer.Option(
            "--out",
            parser=path,
            metavar="PATH",
            help="The page, or the folder of the files; report.html or report in DIR if left out.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write results as one HTML page that needs no network and no script, or as files.

    The files are tables and figures with captions, and for csv all numbers: of rounds, models
    and effects.
    """
    if kind is DEFAULT:
        say(str(write_page(folder, file)))
        notes.print("This is the page: open it in a browser.")
        return
    for written in write_files(folder, kind.value, file):
        say(str(written))
