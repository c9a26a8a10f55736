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
from pairs.drawn.digit import read_digit
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
    """Ask a trained model whether the digit on the left picture is at most that on the right."""
    asked = champion() if model is None else load(model)
    found = [read_digit(picture) for picture in (left, right)]
    with one_thread(), torch.inference_mode():
        answer = ask(asked, *(made for made, _ in found))
    if as_json:
        digits = answer.digits or (None, None)
        sides = {
            side: {"steps": steps, "digits": digits[i]}
            for i, (side, (_, steps)) in enumerate(zip(("left", "right"), found))
        }
        say_json({"model": asked.model.name, "at_most": answer.at_most, **sides})
        return
    for side, (_, steps) in zip(("left", "right"), found):
        say("\n  ".join([f"{side}:", *steps]))
    drawn = [made for made, _ in found]
    blocks = out.is_terminal and fits(BLOCKS, out.encoding)
    if len(shades(*drawn).split("\n")[0]) <= out.width:
        say(shades(*drawn, blocks=blocks))
    else:  # one under the other
        say("\n\n".join(shades(one, blocks=blocks) for one in drawn))
    for line in told(asked.model.name, answer):
        say(line)
