"""Measure the memory of training one network of pairs, in a fresh process.

`python -m benchmarks.probe NETWORK WAY SIZE` prints the bytes as JSON. What is counted is what
training adds to code and data: parameters, the optimiser's state, buffers and all that a step
makes. The peaks are the operating system's: those of its resident pages.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.checkpoint import checkpoint

from benchmarks import eager_study, trainers
from benchmarks.harness import Train
from funcdl import adam, linear, mse, remat, repeat, serial, sgd, tanh
from pairs.data import Pairs
from pairs.models import MODELS
from studykit.seeds import generator

__all__ = ["DEEP", "WAYS", "allocated"]

LR = 1e-3
WIDTH = 256
Make = Callable[..., Train]


def eager(name: str, order: torch.memory_format, batch: Pairs) -> Train:
    """Train with PyTorch's modules, with images in an order."""
    net = eager_study.build(name).to(memory_format=order)
    optimiser = torch.optim.Adam(net.parameters(), lr=LR)
    data = batch._replace(images=batch.images.contiguous(memory_format=order))
    return trainers.eager(net, trainers.pairs_objective(name, net), optimiser, [data])


def funcdl(name: str, staged: bool, batch: Pairs) -> Train:
    """Train with funcdl."""
    net, loss = MODELS[name].net, MODELS[name].loss
    params, _ = net.init(generator(0, "weights"), (2, 14, 14))
    data = trainers.targets(name, [batch])
    return trainers.funcdl(net, loss, adam(LR), params, data, staged=staged)


def deep(blocks: bool, batch: Pairs) -> Train:
    """Train 64 layers with funcdl; with `blocks`, eight at a time are computed anew."""
    eight = repeat(serial(linear(WIDTH), tanh), 8)
    net = repeat(remat(eight) if blocks else eight, 8)
    params, _ = net.init(torch.Generator().manual_seed(0), (WIDTH,))
    return trainers.funcdl(net, mse(), sgd(LR), params, [_rows(batch)])


def deep_eager(blocks: bool, batch: Pairs) -> Train:
    """Train the same with PyTorch's modules, and with its checkpoints."""
    eight = [
        nn.Sequential(*(part for _ in range(8) for part in (nn.Linear(WIDTH, WIDTH), nn.Tanh())))
        for _ in range(8)
    ]
    net = nn.Sequential(*eight)

    def objective(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        for part in eight:
            x = checkpoint(part, x, use_reentrant=False) if blocks else part(x)
        return nn.functional.mse_loss(x, t)

    optimiser = torch.optim.SGD(net.parameters(), lr=LR)
    return trainers.eager(net, objective, optimiser, [_rows(batch)])


def _rows(batch: Pairs) -> tuple[torch.Tensor, torch.Tensor]:
    """Make rows of numbers for the deep network, as many as there are pairs."""
    x = torch.rand(len(batch.target), WIDTH)
    return x, x.flip(-1)


DEEP: dict[str, Make] = {
    "PyTorch eager": partial(deep_eager, False),
    "PyTorch eager, checkpoints": partial(deep_eager, True),
    "funcdl": partial(deep, False),
    "funcdl, remat": partial(deep, True),
}
WAYS: dict[str, Callable[..., Callable[[Pairs], Train]]] = {
    "PyTorch eager": lambda name: partial(eager, name, torch.contiguous_format),
    "PyTorch eager, channels last": lambda name: partial(eager, name, torch.channels_last),
    "funcdl": lambda name: partial(funcdl, name, False),
    "funcdl staged": lambda name: partial(funcdl, name, True),
}


def draw(size: int) -> Pairs:
    """Make pairs of noise, which take as much memory as any."""
    classes = torch.randint(10, (size, 2))
    return Pairs(torch.rand(size, 2, 14, 14), (classes[:, 0] <= classes[:, 1]).long(), classes)


def resident(make: Make) -> tuple[int, int]:
    """Measure the peak of resident memory in the first step, and in the steps after it."""
    base = _settle()
    train = make()
    train(1)
    first = _status("VmHWM")
    _settle()
    train(3)
    return first - base, _status("VmHWM") - base


def allocated(make: Make) -> tuple[int, int]:
    """Count the same in what PyTorch allocates, which is exact and knows no pages."""
    kept: list[Train] = []

    def begin() -> None:
        kept.append(make())
        kept[0](1)

    first, level = _count(begin)
    later, _ = _count(lambda: kept[0](3))
    return first, level + later


def _count(action: Callable[[], Any]) -> tuple[int, int]:
    """Add up PyTorch's allocations during an action: the highest level, and the last."""
    with _silent(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        action()
    events = [e for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
    level = highest = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        level += event.nbytes()
        highest = max(highest, level)
    return highest, level


@contextmanager
def _silent() -> Iterator[None]:
    """Drop what is written to standard error: the profiler tells there when it starts and stops."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _settle() -> int:
    """Give free memory back, begin a new peak, and return what is resident."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(key: str) -> int:
    text = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(rf"{key}:\s+(\d+) kB", text)
    if found is None:
        raise RuntimeError(f"/proc/self/status: expected {key}, found none")
    return 1024 * int(found[1])


def main() -> None:
    """Probe, and print."""
    name, way, size = sys.argv[1:]
    make, batch = DEEP[way] if name == "deep" else WAYS[way](name), draw(int(size))
    # Two pairs are enough to load the code that a step runs.
    make(draw(2))(2)
    keys = ("first", "later", "counted first", "counted later")
    build = partial(make, batch)
    print(json.dumps(dict(zip(keys, (*resident(build), *allocated(build))))))


if __name__ == "__main__":
    main()
