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
from funcdl import Layer, mse, sgd, stage, supervised, training_step, tree
from funcdl_cli.console import notes, out, say, say_json
from funcdl_cli.options import CORES, Config, Device, Json, Quiet
from funcdl_cli.progress import live, progress
from pairs.models import MODELS
from studykit.capture import cuda_graph
from studykit.devices import check, on
from studykit.files import versions
from studykit.seeds import generator
from studykit.terminal import FittedTable
from studykit.threads import one_thread

__all__ = ["EXAMPLES", "Workload", "bench", "eager", "moved", "ours", "workloads"]

EXAMPLES = (
    "funcdl-cli bench",
    "funcdl-cli bench --json > speed.json",
    "funcdl-cli bench --device cuda",
)
REPEATS = 9
SECONDS = 0.05
"""Each way to train gets so long a turn, and so many turns, one after another."""

LR = 0.01
WAYS = {"plain": "funcdl", "staged": "staged", "captured": "captured", "eager": "PyTorch"}
"""The ways to train, and their headings; on a CPU nothing is captured."""

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


def bench(
    config: Config = None,
    device: Device = "cpu",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a training step on this machine: plain, staged, and PyTorch's autograd.

    One thread, everyone in turn, medians; SGD. The ratios are PyTorch's time divided by ours. On a
    CUDA device a staged step is captured as one graph, too.
    """
    check(device)
    ways = [way for way in WAYS if way != "captured" or device != "cpu"]
    rows = []
    # For PyTorch, which needs its autograd.
    with one_thread(), torch.enable_grad(), on(device), progress() as bar:
        loads = [moved(load, device) for load in workloads()]
        task = bar.add_task("steps", total=len(loads) * REPEATS)
        for load in loads:
            steps = [eager(load) if way == "eager" else ours(load, way) for way in ways]
            bar.update(task, description=load.name)
            if not live():
                notes.print(f"measuring {load.name}")
            turns = []
            for turn in measure(steps):
                turns.append(turn)
                bar.advance(task)
            rows.append(_row(load.name, ways, turns))
    machine: dict[str, Any] = {"machine": platform.machine(), "cores": CORES, "threads": 1}
    if device != "cpu":
        machine["device"] = torch.cuda.get_device_name(device)
    if as_json:
        say_json({"versions": versions(), "machine": machine, "steps": rows})
        return
    out.print(_table(rows, ways))
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


def moved(load: Workload, device: str) -> Workload:
    """Bring what is measured to a device."""
    x, target = load.x.to(device), load.target.to(device)
    return load._replace(theirs=load.theirs.to(device), x=x, target=target)


def ours(load: Workload, way: str) -> Step:
    """Make a function that takes one step with funcdl and returns the loss."""
    optimiser = sgd(LR)
    step = training_step(supervised(load.net, load.loss), optimiser)
    if way != "plain":
        step = stage(step, capture=cuda_graph() if way == "captured" else None)
    params, _ = load.net.init(generator(0, "bench", load.name), load.in_shape)
    params = tree.map(lambda p: p.to(load.x.device), params)
    carried = [params, optimiser.init(params)]
    batch = (load.x, (load.target,) if load.wrapped else load.target)

    def take() -> Tensor:
        with torch.inference_mode():
            *carried[:], loss = step(*carried, batch)
        return loss

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
        loss = step()
    if isinstance(loss, Tensor):
        loss.cpu()  # which waits for the device
    return (time.perf_counter() - started) / count


def _row(name: str, ways: list[str], turns: list[list[float]]) -> dict[str, Any]:
    """Sum the turns up: medians, and ratios within each turn."""
    row: dict[str, Any] = {"name": name}
    *_, theirs = zip(*turns)
    for way, mine in zip(ways, zip(*turns)):
        row[way] = {
            "seconds": median(mine),
            "ratio": median(t / own for t, own in zip(theirs, mine)),
        }
    return row


def _table(rows: list[dict[str, Any]], ways: list[str]) -> FittedTable:
    table = FittedTable(
        "A training step in µs, and how many times faster than PyTorch's",
        least=("PyTorch", "funcdl"),
    )
    table.add_column("", min_width=13)
    for way in ways:
        table.add_column(WAYS[way], justify="right", no_wrap=True)
    for row in rows:
        cells = (row[way] for way in ways)
        table.add_row(
            row["name"], *(f"{1e6 * cell['seconds']:,.0f} · {cell['ratio']:.1f}" for cell in cells)
        )
    return table
