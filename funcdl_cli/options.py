"""What several commands share: options, their panels in the help, and completion."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.markup import escape

from funcdl_cli.config import configure
from funcdl_cli.console import hush
from pairs.augment import AUGMENTS
from pairs.models import MODELS
from studykit.devices import DeviceError, named
from studykit.threads import usable_cores

__all__ = [
    "CORES",
    "DATA",
    "MOST",
    "RESULTS",
    "RUN",
    "TRAINING",
    "WHERE",
    "Augment",
    "AugmentChoice",
    "Config",
    "Dask",
    "DataDir",
    "Device",
    "Json",
    "Quiet",
    "Rounds",
    "Seed",
    "Stack",
    "TestPairs",
    "Validation",
    "Workers",
    "complete_models",
    "examples",
    "finite",
    "path",
]

RUN = "What to run"
TRAINING = "Training"
DATA = "Data"
WHERE = "Where it runs"
RESULTS = "Results"
"""The panels of the help."""


def path(text: str) -> Path:
    """Take the name of a file or folder; an empty one would be that of the folder where one is."""
    if not text or "\0" in text:
        raise typer.BadParameter(f"expected the name of a file or a folder, got {text!r}")
    return Path(text)


CORES = usable_cores()

# What is more than this is a slip of the finger, refused before it takes all memory.
MOST = 1_000_000

Seed = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=0,
        max=2**63 - 1,
        help="Seed of all random numbers.",
        rich_help_panel=RUN,
    ),
]
Rounds = Annotated[
    int,
    typer.Option(
        metavar="N", min=1, max=100_000, help="Rounds of each model.", rich_help_panel=RUN
    ),
]
TestPairs = Annotated[
    int,
    typer.Option(metavar="N", min=1, help="Pairs to test on, at most 5,000.", rich_help_panel=DATA),
]
AugmentChoice = Enum("AugmentChoice", {name: name for name in AUGMENTS}, type=str)  # type: ignore[misc]
Augment = Annotated[
    AugmentChoice,
    typer.Option(
        help="What is done to the images while training, for every model.",
        rich_help_panel=TRAINING,
    ),
]
Validation = Annotated[
    bool,
    typer.Option(
        "--validation",
        help="Train and test on digits that are kept for it: for tuning.",
        rich_help_panel=DATA,
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        parser=path,
        metavar="PATH",
        help="Read the original MNIST files from this folder.",
        rich_help_panel=DATA,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        max=1024,
        help="Processes, one thread each.",
        show_default="cores; 1 on CUDA",
        rich_help_panel=WHERE,
    ),
]


def device(text: str) -> str:
    """Take the name of a device."""
    try:
        return named(text)
    except DeviceError as error:
        raise typer.BadParameter(str(error)) from None


Device = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        callback=device,
        help="Where networks are trained: cpu, cuda, or one of several such as cuda:1.",
        rich_help_panel=WHERE,
    ),
]
Stack = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        max=100_000,
        help="Rounds of a model in one pass. A champion's are trained one by one, on the CPU.",
        show_default="1; on CUDA all that fit",
        rich_help_panel=WHERE,
    ),
]
Dask = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Run on the workers of this dask scheduler, such as tcp://10.0.0.1:8786.",
        rich_help_panel=WHERE,
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print the result as one JSON document instead of tables.",
        rich_help_panel=RESULTS,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="Print results and errors only: no progress, no notes.",
        callback=hush,
        rich_help_panel=RESULTS,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        parser=path,
        metavar="FILE",
        help="Take options from this TOML file, from the table named as the command; "
        "options given here take precedence.",
        callback=configure,
        is_eager=True,
        rich_help_panel=RUN,
    ),
]


def complete_models(incomplete: str) -> list[str]:
    """Complete the last of the names of models separated by commas, for the shell.

    >>> complete_models("fc-plain,conv-shared-a")
    ['fc-plain,conv-shared-aux']
    """
    *before, last = incomplete.split(",")
    known = [*MODELS, *([] if before else ["all"])]
    return [",".join([*before, name]) for name in known if name.startswith(last)]


def finite(value: float | None) -> float | None:
    """Refuse a number that float32 does not have: a range without an upper end lets it through."""
    if value is not None and abs(value) > torch.finfo(torch.float32).max:
        raise typer.BadParameter(f"expected a number that is finite in float32, got {value}")
    return value


def examples(lines: tuple[str, ...]) -> str:
    """Lay out a command's examples for the end of its help."""
    return "\n".join(["[bold]Examples[/bold]", *(f"  {escape(line)}" for line in lines)])
