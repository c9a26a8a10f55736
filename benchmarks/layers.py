"""One forward and one backward pass through a layer: funcdl beside PyTorch's autograd."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from benchmarks import (
    layers_images,
    layers_losses,
    layers_norms,
    layers_sequences,
    layers_transformers,
)
from benchmarks.harness import Entrant, Line, Options, Report, Train, compare, measure, number

__all__ = ["run"]

FAMILIES = {
    "images": layers_images,
    "norms": layers_norms,
    "sequences": layers_sequences,
    "transformers": layers_transformers,
    "losses": layers_losses,
}


def run(options: Options) -> Report:
    """Measure every row of every family."""
    lines: list[Line] = []
    for title, family in FAMILIES.items():
        for name, ours, theirs in family.rows(torch.Generator().manual_seed(0)):
            entrants = [
                Entrant("PyTorch autograd", _repeated(theirs, torch.enable_grad)),
                Entrant(name, _repeated(ours, torch.no_grad)),
            ]
            reference, line = compare(
                title, entrants, measure(entrants, options.repeats, seconds=0.05)
            )
            their = number(median(reference.values) * 1e6)
            lines.append(line._replace(more={"PyTorch": their}))
    return Report(
        "layers: forward and backward, float32",
        "µs",
        1e6,
        lines,
        ["ratio: the time of PyTorch's autograd divided by ours; below 1 we are slower"],
    )


def _repeated(function: Callable[[], Any], mode: Callable[[], Any]) -> Train:
    """Do the same again and again."""
    return Train(lambda _: (function(),), tuple, [None], mode=mode)
