"""How the time and the memory of a training step grow with batch, depth and number of models.

Networks of layers of 25 units on the disc, ReLU, mean squared error, SGD.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from statistics import median
from typing import NamedTuple

import torch
from torch import nn

import disc
from benchmarks import trainers
from benchmarks.harness import Entrant, Line, Options, Report, Train, agree, compare, measure
from benchmarks.probe import allocated
from funcdl import mse, sgd, tree

__all__ = ["run"]

LR, WIDTH, STREAM = 0.1, 25, 20


class Case(NamedTuple):
    """A network and its batch."""

    axis: str
    value: int
    size: int = 100
    depth: int = 3
    models: int = 0


CASES = [
    *(Case("batch", n, size=n) for n in (10, 30, 100, 300, 1000)),
    *(Case("depth", n, depth=n) for n in (1, 2, 4, 8, 16)),
    *(Case("models", n, size=10, models=n) for n in (1, 4, 16, 64)),
]
WAYS = ("PyTorch eager", "funcdl", "funcdl staged")


def run(options: Options) -> Report:
    """Measure every case."""
    if options.figure is not None:
        # Found to be missing now, not when all is measured.
        import_module("matplotlib")
    lines: list[Line] = []
    peaks: dict[Case, list[int]] = {}
    for case in CASES:
        entrants = [Entrant(way, train(case, way)) for way in WAYS]
        agree(entrants, steps=10)
        times = measure(entrants, options.repeats)
        peaks[case] = [allocated(partial(train, case, way))[1] for way in WAYS]
        made = compare(f"{case.axis} {case.value}", entrants, times)
        lines += [
            line._replace(more={"peak MB": f"{peak / 1e6:.3f}"})
            for line, peak in zip(made, peaks[case])
        ]
    if options.figure is not None:
        draw(options.figure, lines, peaks)
    return Report(
        "growth: a training step with batch, depth and models",
        "µs",
        1e6,
        lines,
        [
            "ratio: the time of PyTorch eager divided by that of the line",
            "peak MB: the highest that PyTorch's allocator counts, parameters included",
            "batch n: 3 hidden layers; depth n: n hidden layers, batch 100; models n: n networks "
            "of 3 hidden layers at once, batch 10 each, in PyTorch by torch.func.vmap",
        ],
    )


def train(case: Case, way: str) -> Train:
    """Set a way to train up."""
    net = disc.network((WIDTH,) * case.depth, "relu")
    count = max(case.models, 1)
    rngs = [torch.Generator().manual_seed(i) for i in range(count)]
    inits = [net.init(rng, (2,))[0] for rng in rngs]
    streams = [trainers.points(STREAM, case.size, rng) for rng in rngs]
    batches = [tree.stack(batch) for batch in zip(*streams)] if case.models else streams[0]
    if way == "PyTorch eager":
        nets = [trainers.mlp(trainers.affines(init)) for init in inits]
        return trainers.vmapped(nets, LR, batches) if case.models else _eager(nets[0], batches)
    params = tree.stack(inits) if case.models else inits[0]
    loss = mse(models=1 if case.models else 0)
    return trainers.funcdl(net, loss, sgd(LR), params, batches, staged=way == "funcdl staged")


def _eager(net: nn.Module, batches: trainers.Batches) -> Train:
    optimiser, criterion = torch.optim.SGD(net.parameters(), lr=LR), nn.MSELoss()
    return trainers.eager(net, lambda x, t: criterion(net(x), t), optimiser, batches)


def draw(file: str, lines: list[Line], peaks: dict[Case, list[int]]) -> None:
    """Draw time above memory, an axis a column."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    axes = list(dict.fromkeys(case.axis for case in CASES))
    times = {(line.case, line.name): 1e6 * median(line.values) for line in lines}
    figure, grid = pyplot.subplots(2, len(axes), figsize=(10, 5.5), sharex="col", sharey="row")
    for axis, (above, below) in zip(axes, grid.T):
        cases = [case for case in CASES if case.axis == axis]
        n = [case.value for case in cases]
        for i, way in enumerate(WAYS):
            above.loglog(n, [times[f"{axis} {k}", way] for k in n], "o-", label=way)
            below.loglog(n, [peaks[case][i] / 1e6 for case in cases], "o-", label=way)
        below.set_xticks(n, [str(k) for k in n])
        below.minorticks_off()
        below.set_xlabel({"batch": "batch", "depth": "hidden layers", "models": "models"}[axis])
    grid[0, 0].set_ylabel("time of a step in µs")
    grid[1, 0].set_ylabel("peak of memory in MB")
    grid[0, 0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(file)
