"""A CUDA graph of the calls of a staged step: `stage(step, capture=cuda_graph(rng))`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator

__all__ = ["capture_on", "cuda_graph"]

WARM = 3
"""So often the calls are made before they are captured, as PyTorch's manual advises."""


def cuda_graph(*generators: Generator) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Make a function that captures calls on CUDA tensors as one graph.

    Args:
        generators: CUDA generators that the calls draw from: each replay draws anew.

    Returns:
        What `funcdl.stage` takes as `capture`.

    PyTorch's notes on CUDA semantics, "CUDA graphs".
    """

    def capture(calls: Callable[[], None]) -> Callable[[], None]:
        aside: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM):
                calls()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        for rng in generators:
            graph.register_generator_state(rng)
        with torch.cuda.graph(graph):
            calls()
        return graph.replay

    return capture


def capture_on(
    device: torch.device, *generators: Generator
) -> Callable[[Callable[[], None]], Callable[[], None]] | None:
    """Choose how `funcdl.stage` captures on a device: by a graph on CUDA, else not at all.

    >>> capture_on(torch.device("cpu")) is None
    True
    """
    return cuda_graph(*generators) if device.type == "cuda" else None
