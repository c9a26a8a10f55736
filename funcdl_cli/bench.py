"""`funcdl-cli bench`: a training step here, beside the same step with PyTorch's autograd."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

import disc
from funcdl import Layer, mse, sgd, stage, supervised, training_step
from funcdl_cli.console import notes, out, say, say_json
from funcdl_cli.options import CORES, Config, Json, Quiet
from funcdl_cli.progress import live, progress
from pairs.models import MODELS
from studykit.files import versions
from studykit.seeds import generator
from studykit.terminal import FittedTable
from studykit.threads import one_thread

__all__ = ["EXAMPLES", "Workload", "bench", "eager", "ours", "workloads"]

EXAMPLES = (
    "funcdl-cli bench",
    "funcdl-cli bench --json > speed.json",
)
REPEATS = 9
SECONDS = 0.05
"""Each way to train gets so long a turn, and so many turns, one after another."""

LR = 0.01
WAYS = ("plain", "staged", "eager")

Step = Callable[[], object]


class Workload(NamedTuple):
    """A network here and in PyTorch, and a batch of inputs and targets to take steps on."""

    name: str
    net: Layer
    in_shape: tuple[int, ...]
    loss: Layer
    theirs: nn.Module
    criterion: nn.Module
    x: Tensor
    target: Tensor
    wrapped: bool = False
    """Whether our network gives, and our loss takes, a tuple of one."""


def bench(config: Config = None, as_json: Json = False, quiet: Quiet = False) -> None:
    """Measure a training step on this machine: plain, staged, and PyTorch's autograd.

    One thread, everyone in turn, medians; SGD. The ratios are PyTorch's time divided by ours.
    """
    rows = []
    with one_thread(), torch.enable_grad(), progress() as bar:  # for PyTorch, which needs it
        loads = workloads()
        task = bar.add_task("steps", total=len(loads) * REPEATS)
        for load in loads:
            steps = [ours(load, staged=False), ours(load, staged=True), eager(load)]
            bar.update(task, description=load.name)
            if not live():
                notes.print(f"measuring {load.name}")
            turns = []
            for turn in measure(steps):
                turns.append(turn)
                bar.advance(task)
            rows.append(_row(load.name, turns))
    machine = {"machine": platform.machine(), "cores": CORES, "threads": 1}
    if as_json:
        say_json({"versions": versions(), "machine": machine, "steps": rows})
        return
    out.print(_table(rows))
    told = ", ".join(f"{key} {value}" for key, value in {**versions(), **machine}.items())
    say(told)


def workloads() -> list[Workload]:
    """Make what is measured: the disc's network at three sizes of batch, and that of pairs."""
    rng = generator(0, "bench")
    made = []
    for size in (10, 100, 1000):
        layers = [nn.Linear(2, 25), *(nn.Linear(25, 25), nn.Linear(25, 25))]
        theirs = [part for layer in layers for part in (layer, nn.ReLU())]
        made.append(
            Workload(
                f"2-25-25-25-2, batch {size}",
                disc.network((25, 25, 25), "relu"),
                (2,),
                mse(),
                nn.Sequential(*theirs, nn.Linear(25, 2)),
                nn.MSELoss(),
                torch.rand(size, 2, generator=rng),
                torch.rand(size, 2, generator=rng),
            )
        )
    made.append(
        Workload(
            "conv-plain, batch 100",
            MODELS["conv-plain"].net,
            (2, 14, 14),
            MODELS["conv-plain"].weighted(0.0),
            nn.Sequential(
                *(nn.Conv2d(2, 32, 3), nn.MaxPool2d(2), nn.ReLU()),
                *(nn.Conv2d(32, 64, 3), nn.MaxPool2d(2), nn.ReLU()),
                *(nn.Flatten(), nn.Linear(256, 200), nn.ReLU(), nn.Linear(200, 2)),
            ),
            nn.CrossEntropyLoss(),
            torch.rand(100, 2, 14, 14, generator=rng),
            torch.randint(0, 2, (100,), generator=rng),
            wrapped=True,
        )
    )
    return made


def ours(load: Workload, *, staged: bool) -> Step:
    """Make a function that takes one step with funcdl and returns the loss."""
    optimiser = sgd(LR)
    step = training_step(supervised(load.net, load.loss), optimiser)
    step = stage(step) if staged else step
    params, _ = load.net.init(generator(0, "bench", load.name), load.in_shape)
    carried = [params, optimiser.init(params)]
    batch = (load.x, (load.target,) if load.wrapped else load.target)

    def take() -> Tensor:
        with torch.inference_mode():
            *carried[:], loss = step(*carried, batch)
        return loss  # type: ignore[no-any-return]

    return take


def eager(load: Workload) -> Step:
    """Make a function that takes one step with PyTorch's modules, autograd and optimiser."""
    optimiser = torch.optim.SGD(load.theirs.parameters(), lr=LR)

    def take() -> Tensor:
        optimiser.zero_grad()
        loss: Tensor = load.criterion(load.theirs(load.x), load.target)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return loss.detach()

    return take


def measure(steps: list[Step]) -> Iterator[list[float]]:
    """Give everyone so many turns: of each turn the seconds a step of each function."""
    counts = []
    for step in steps:
        step()  # what is made at the first step is not counted
        counts.append(max(1, round(SECONDS / max(_clock(step, 3), 1e-6))))
    for _ in range(REPEATS):
        yield [_clock(step, count) for step, count in zip(steps, counts)]


def _clock(step: Step, count: int) -> float:
    started = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - started) / count


def _row(name: str, turns: list[list[float]]) -> dict[str, Any]:
    """Sum the turns up: medians, and ratios within each turn."""
    row: dict[str, Any] = {"name": name}
    *_, theirs = zip(*turns)
    for way, mine in zip(WAYS, zip(*turns)):
        row[way] = {
            "seconds": median(mine),
            "ratio": median(t / own for t, own in zip(theirs, mine)),
        }
    return row


def _table(rows: list[dict[str, Any]]) -> FittedTable:
    table = FittedTable(
        "A training step in µs, and how many times faster than PyTorch's",
        least=("PyTorch", "funcdl"),
    )
    table.add_column("", min_width=13)
    for heading in ("funcdl", "staged", "PyTorch"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        cells = (row[way] for way in WAYS)
        table.add_row(
            row["name"], *(f"{1e6 * cell['seconds']:,.0f} · {cell['ratio']:.1f}" for cell in cells)
        )
    return table
