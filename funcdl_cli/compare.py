"""`funcdl-cli compare`: a trained model, asked about two pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer

from funcdl_cli.console import out, say, say_json
from funcdl_cli.options import RUN, Config, Json, Quiet, path
from funcdl_cli.plain import fits
from pairs.champion import champion
from pairs.drawn.answer import ask, told
from pairs.drawn.digit import BlankError, Drawn, read_digit
from pairs.drawn.doubt import NONE, doubt_of, knower, least, opinions
from pairs.drawn.shades import BLOCKS, shades
from pairs.model_file import load
from studykit.threads import one_thread

__all__ = ["EXAMPLES", "compare"]

EXAMPLES = (
    "funcdl-cli compare left.png right.jpg",
    "funcdl-cli compare left.png right.png --json",
    "funcdl-cli compare 3.png 5.png --model results/models/conv-shared-0.safetensors",
)


def compare(
    left: Annotated[
        Path, typer.Argument(parser=path, metavar="LEFT", help="A picture of a digit.")
    ],
    right: Annotated[
        Path, typer.Argument(parser=path, metavar="RIGHT", help="A picture of another.")
    ],
    model: Annotated[
        Path | None,
        typer.Option(
            parser=path,
            metavar="FILE",
            help="A model that 'pairs --save' kept; the package's champion if left out.",
            rich_help_panel=RUN,
        ),
    ] = None,
    config: Config = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Ask a trained model whether the digit on the left picture is at most that on the right.

    Each picture is shown as the model sees it, with what was left out. Where one shows no digit, or
    two, the answer is that, and the exit status 1.
    """
    asked = champion() if model is None else load(model)
    found = [_read(picture) for picture in (left, right)]
    with one_thread(), torch.inference_mode():
        answer = ask(asked, *(made.digit for made in found))
        seen = opinions(knower(), torch.stack([made.digit for made in found])).tolist()
    digits = answer.digits or (None, None)
    enough = least()
    doubts = [doubt_of(*each, enough) for each in zip(found, seen, digits)]
    if as_json:
        sides = {
            side: {"steps": made.steps, "digits": digit, "is_digit": 1 - own[NONE], "doubt": doubt}
            for side, made, digit, own, doubt in zip(SIDES, found, digits, seen, doubts)
        }
        sure = not any(doubts)
        say_json({"model": asked.model.name, "at_most": answer.at_most, "sure": sure, **sides})
    else:
        _show(found)
        for line in told(asked.model.name, answer, (doubts[0], doubts[1])):
            say(line)
    if any(doubts):
        raise typer.Exit(1)


SIDES = ("left", "right")


def _read(picture: Path) -> Drawn:
    """Read a digit; on an empty sheet there is none, of which there is doubt."""
    try:
        return read_digit(picture)
    except BlankError as error:
        return Drawn(torch.zeros(14, 14, dtype=torch.uint8), [str(error)], "it is empty")


def _show(found: list[Drawn]) -> None:
    """Say what was done with both pictures, and show what the model sees."""
    for side, made in zip(SIDES, found):
        say("\n  ".join([f"{side}:", *made.steps]))
    drawn = [made.digit for made in found]
    blocks = out.is_terminal and fits(BLOCKS, out.encoding)
    if len(shades(*drawn).split("\n")[0]) <= out.width:
        say(shades(*drawn, blocks=blocks))
    else:  # one under the other
        say("\n\n".join(shades(one, blocks=blocks) for one in drawn))
