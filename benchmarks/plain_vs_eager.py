"""Train `conv-plain` for 25 epochs on 1,000 pairs with funcdl and with PyTorch's eager autograd.

The same network, batch size, optimiser and data, one thread, in turn, after a warm-up; medians and
the ratio. Run it as `python -m benchmarks.plain_vs_eager`, after the README's set-up.
"""

from __future__ import annotations

import statistics
import time

import torch
from torch import nn

from pairs.data import draw_split, load_digits
from pairs.models import MODELS
from pairs.seeds import generator
from pairs.training import Settings, swapped, train

SETTINGS = Settings()
REPEATS = 7


def ours(pairs) -> float:
    """Train with funcdl; return the seconds."""
    model = MODELS["conv-plain"]
    params, _ = model.net.init(generator(0, "weights"), (2, 14, 14))
    started = time.perf_counter()
    with torch.no_grad():
        train(model, params, pairs, SETTINGS, generator(0, "batches"))
    return time.perf_counter() - started


def eager(pairs) -> float:
    """Train the same network as a PyTorch user would; return the seconds."""
    net = nn.Sequential(
        *(nn.Conv2d(2, 32, 3), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Conv2d(32, 64, 3), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(256, 200), nn.ReLU(), nn.Linear(200, 2)),
    )
    optimiser = torch.optim.Adam(net.parameters(), lr=SETTINGS.lr)
    rng = generator(0, "batches")
    criterion = nn.CrossEntropyLoss()
    started = time.perf_counter()
    for _ in range(SETTINGS.epochs):
        for batch in torch.randperm(len(pairs.target), generator=rng).split(SETTINGS.batch_size):
            images, target, _ = swapped(type(pairs)(*(part[batch] for part in pairs)), rng)
            optimiser.zero_grad()
            criterion(net(images), target).backward()
            optimiser.step()
    return time.perf_counter() - started


def main() -> None:
    """Print the medians and the ratio."""
    torch.set_num_threads(1)
    pairs = draw_split(load_digits(), 1000, 1000, generator(0, "pairs", 0)).train
    ours(pairs), eager(pairs)
    times = [(ours(pairs), eager(pairs)) for _ in range(REPEATS)]
    mine, theirs = (statistics.median(column) for column in zip(*times))
    ratio = statistics.median(e / o for o, e in times)
    print(f"funcdl {mine:.2f} s, PyTorch eager {theirs:.2f} s, eager / funcdl {ratio:.2f}")


if __name__ == "__main__":
    main()
