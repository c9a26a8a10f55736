"""`funcdl-cli framework`: the disc, learned with nothing but the library."""

from __future__ import annotations

import os
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import torch
import typer

import disc
from disc.file import FRAMEWORK, record, save_disc
from disc.terminal import disc_table
from funcdl import tree
from funcdl_cli.console import err, notes, out, say_json
from funcdl_cli.options import (
    DATA,
    MOST,
    RESULTS,
    RUN,
    TRAINING,
    Config,
    Device,
    Json,
    Quiet,
    Seed,
    finite,
    path,
)
from funcdl_cli.progress import live, progress
from studykit.devices import check, free, on
from studykit.files import tried
from studykit.seeds import generator

__all__ = ["EXAMPLES", "framework"]

EXAMPLES = (
    "funcdl-cli framework",
    "funcdl-cli framework --hidden 50,50 --activation tanh --epochs 200",
    "funcdl-cli framework --out results/disc && funcdl-cli report results/disc",
)
WIDEST, DEEPEST = 10_000, 100
Activation = Enum("Activation", {name: name for name in disc.ACTIVATIONS}, type=str)  # type: ignore[misc]
RELU = Activation("relu")
DEFAULT = disc.Experiment()


def framework(
    hidden: Annotated[
        str,
        typer.Option(help="Widths of the hidden layers separated by commas.", rich_help_panel=RUN),
    ] = "25,25,25",
    activation: Annotated[
        Activation,
        typer.Option(help="Activation after each hidden layer.", rich_help_panel=RUN),
    ] = RELU,
    rounds: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            max=10_000,
            help="Networks, trained in one pass.",
            rich_help_panel=RUN,
        ),
    ] = 10,
    seed: Seed = 0,
    config: Config = None,
    epochs: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, max=MOST, help="Passes over the points.", rich_help_panel=TRAINING
        ),
    ] = DEFAULT.epochs,
    batch_size: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, max=MOST, help="Points in a batch.", rich_help_panel=TRAINING
        ),
    ] = DEFAULT.batch_size,
    lr: Annotated[
        float,
        typer.Option(
            metavar="X",
            min=0.0,
            callback=finite,
            help="Initial learning rate; it falls linearly to 0.",
            rich_help_panel=TRAINING,
        ),
    ] = DEFAULT.lr,
    momentum: Annotated[
        float,
        typer.Option(
            metavar="X", min=0.0, help="Momentum of SGD, below 1.", rich_help_panel=TRAINING
        ),
    ] = DEFAULT.momentum,
    points: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            max=MOST,
            help="Points to train on, and to test on.",
            rich_help_panel=DATA,
        ),
    ] = 1000,
    device: Device = "cpu",
    out_dir: Annotated[
        Path | None,
        typer.Option(
            "--out",
            parser=path,
            metavar="PATH",
            help="Folder for framework.json.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Learn a disc in the unit square with nothing but funcdl: SGD on the mean squared error.

    Points are drawn uniformly in [0, 1]², labelled 1 inside the disc of radius 1/√(2π) around
    (0.5, 0.5) and 0 outside.
    """
    torch.set_num_threads(1)
    experiment = disc.Experiment(
        points, widths(hidden), activation.value, epochs, batch_size, lr, momentum
    )
    check(device)
    room(experiment, rounds, device)
    if out_dir is not None:
        tried(out_dir, FRAMEWORK)
    rngs = [generator(seed, "disc", i) for i in range(rounds)]
    with torch.inference_mode(), on(device), progress() as bar:
        task = bar.add_task("loss", total=epochs)
        start = disc.begin(experiment, rngs, device)
        seen = []
        for epoch in disc.learn(start):
            seen.append(epoch)
            loss = sum(epoch.losses) / len(epoch.losses)
            bar.update(task, completed=epoch.number, description=f"loss {loss:.4f}")
            if not live() and epoch.number % max(epochs // 10, 1) == 0:
                notes.print(f"epoch {epoch.number}: loss {loss:.4f}")
        outcome = disc.outcome(start, seen)
    unkept = None
    if out_dir is not None:
        try:
            save_disc(out_dir, experiment, seed, outcome)
        except OSError as error:
            unkept = f"{error.filename}: {error.strerror}; this result is not kept"
    good = [i for i in range(rounds) if i not in outcome.diverged]
    if as_json:
        say_json(record(experiment, seed, outcome))
    elif good:
        out.print(disc_table(outcome, good, tree.size(outcome.params) // rounds))
    for i, lost in outcome.diverged.items():
        err.print(f"Error: round {i}: the loss is no longer finite in epoch {lost}")
    if unkept is not None:
        err.print(f"Error: {unkept}")
    if outcome.diverged or unkept is not None:
        raise typer.Exit(1)


def room(experiment: disc.Experiment, rounds: int, device: str = "cpu") -> None:
    """Refuse what can never be held: a system that promises it kills whoever takes it.

    Counted are parameters, gradients and velocities, and a step's values and cotangents.

    Raises:
        MemoryError: all this machine's memory is less, or what is free on the device.
    """
    widths = (2, *experiment.hidden, 2)
    parameters = sum((a + 1) * b for a, b in pairwise(widths))
    values = min(experiment.batch_size, experiment.points) * sum(widths)
    needed = 4 * rounds * (3 * parameters + 2 * values)
    if device != "cpu":
        there = free(device)
    elif hasattr(os, "sysconf"):
        there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    else:
        return
    if needed > there:
        raise MemoryError


def widths(text: str) -> tuple[int, ...]:
    """Read '25,25,25'; nothing stands for no hidden layer."""
    try:
        found = tuple(int(part) for part in text.split(",")) if text.strip() else ()
    except ValueError:
        raise typer.BadParameter(
            f"expected integers separated by commas, got {text!r}", param_hint="--hidden"
        ) from None
    if len(found) > DEEPEST:
        raise typer.BadParameter(
            f"expected at most {DEEPEST} layers, got {len(found)}", param_hint="--hidden"
        )
    if any(not 1 <= width <= WIDEST for width in found):
        raise typer.BadParameter(
            f"expected widths of at least 1 and at most {WIDEST}, got {text!r}",
            param_hint="--hidden",
        )
    return found
