"""`funcdl-cli report`: a study as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from funcdl_cli.console import say
from funcdl_cli.options import RESULTS, Config, path
from pairs.page import write

__all__ = ["EXAMPLES", "write_report"]

EXAMPLES = (
    "funcdl-cli report results",
    "funcdl-cli report by-pairs --out by-pairs.html",
)


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
    file: Annotated[
        Path | None,
        typer.Option(
            "--out",
            parser=path,
            metavar="PATH",
            help="The page; report.html in DIR if left out.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
) -> None:
    """Write the results of a study as one HTML page that needs no network and no script."""
    say(str(write(folder, file)))
