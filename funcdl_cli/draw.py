"""`funcdl-cli draw`: the page on which one draws two digits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from funcdl_cli.console import notes, say
from funcdl_cli.options import RESULTS, Config, Quiet, path
from pairs.canvas.page import write_draw_page

__all__ = ["EXAMPLES", "draw"]

EXAMPLES = ("funcdl-cli draw", "funcdl-cli draw --out pages/digits.html")
DEFAULT = Path("draw.html")


def draw(
    config: Config = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--out",
            parser=path,
            metavar="PATH",
            help="The page. One that is there already is written anew, another file is left alone.",
            show_default="draw.html",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write one HTML page on which to draw two digits, with finger or mouse.

    It needs no network: the champion is in it, and its arithmetic as a plain script. It shows what
    'compare' would say of both drawings, and every layer's values, while one draws.
    """
    page = DEFAULT if file is None else file
    earlier = write_draw_page(page)
    say(str(page))
    if earlier:
        notes.print("It was there already and is written anew.")
    notes.print("This is the page: open it in a browser, on a phone too.")
