"""Make `traced.html`, which shows what `trace` gives: `python docs/figures/traced.py`."""

from __future__ import annotations

from pathlib import Path

import torch

import funcdl as f
from funcdl import Trace

__all__ = ["traced"]


def traced() -> Trace:
    """Trace a small network of images with a shortcut and an auxiliary loss."""
    net = f.serial(
        *(f.conv2d(3, 3), f.max_pool2d(2), f.tanh, f.flatten(3)),
        f.residual(f.serial(f.linear(27), f.relu)),
        f.tap(f.linear(2), side=f.linear(3)),
    )
    losses = f.weighted_sum((1.0, f.cross_entropy()), (0.5, f.cross_entropy()))
    rng = torch.Generator().manual_seed(0)
    objective = f.supervised(net, losses)
    params, _ = objective.init(rng, ((8, 8, 1), ((), ())))
    x = torch.randn(2, 8, 8, 1, generator=rng)
    return f.trace(objective, params, (x, (torch.tensor([0, 1]), torch.tensor([2, 1]))))


if __name__ == "__main__":
    torch.set_num_threads(1)
    file = Path(__file__).with_suffix(".html")
    traced().save(file)
    print(file.name)
