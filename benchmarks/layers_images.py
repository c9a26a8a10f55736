"""Layers on images and sequences: one forward and one backward pass, beside PyTorch's functions."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn import functional as nnf

import funcdl as f

__all__ = ["rows"]

Pass = Callable[[], object]
Torchs = Callable[..., Tensor]

TRIED = 5


def rows(rng: Generator) -> list[tuple[str, Pass, Pass]]:
    """Make, for each row, its name, our pass and PyTorch's; both give all the cotangents."""
    depthwise, doubled = partial(nnf.conv2d, groups=16), partial(nnf.conv_transpose2d, stride=2)
    images = (64, 28, 28, 16)
    return [
        _row("conv2d 3×3", f.conv2d(32, 3), (32, 14, 14, 2), nnf.conv2d, rng),
        _row("conv2d 3×3", f.conv2d(32, 3), images, nnf.conv2d, rng),
        _row("conv2d 3×3", f.conv2d(64, 3), (32, 14, 14, 32), nnf.conv2d, rng),
        _row("conv2d 3×3 depthwise", f.conv2d(16, 3, groups=16), images, depthwise, rng),
        _row("conv1d 3", f.conv1d(32, 3), (64, 128, 16), nnf.conv1d, rng),
        _row(
            "conv_transpose2d 2×2, stride 2",
            f.conv_transpose2d(16, 2, stride=2),
            (32, 7, 7, 32),
            doubled,
            rng,
        ),
        _row(
            "conv_transpose2d 4×4, stride 2",
            f.conv_transpose2d(16, 4, stride=2, padding=1),
            (32, 14, 14, 32),
            partial(doubled, padding=1),
            rng,
        ),
        _row(
            "max_pool2d 2×2", f.max_pool2d(2), images, partial(nnf.max_pool2d, kernel_size=2), rng
        ),
        _row(
            "max_pool2d 3×3, stride 2",
            f.max_pool2d(3, stride=2),
            images,
            partial(nnf.max_pool2d, kernel_size=3, stride=2),
            rng,
        ),
        _row(
            "avg_pool2d 2×2", f.avg_pool2d(2), images, partial(nnf.avg_pool2d, kernel_size=2), rng
        ),
        _row(
            "global_avg_pool2d",
            f.global_avg_pool2d,
            (64, 14, 14, 32),
            partial(nnf.adaptive_avg_pool2d, output_size=1),
            rng,
        ),
    ]


def _row(
    name: str, layer: f.Layer, shape: tuple[int, ...], torchs: Torchs, rng: Generator
) -> tuple[str, Pass, Pass]:
    params, out_shape = layer.init(rng, shape)
    x = torch.empty(shape).normal_(generator=rng)
    dy = torch.empty(out_shape).normal_(generator=rng)

    def ours() -> object:
        return layer(params, x)[1](dy)

    sizes = "×".join(map(str, shape))
    theirs = _faster(torchs, params, x)
    return f"{name}, {sizes}", ours, theirs


def _faster(torchs: Torchs, params: Any, x: Tensor) -> Pass:
    """Give PyTorch its images and weights in both orders of memory, and keep the faster one."""
    leaves = [x.movedim(-1, 1), *(p.movedim((-1, -2), (0, 1)) if p.ndim > 1 else p for p in params)]
    orders = [torch.contiguous_format] + [torch.channels_last] * (x.ndim == 4)
    return min((_autograd(torchs, leaves, order) for order in orders), key=_shortest)


def _autograd(torchs: Torchs, leaves: Sequence[Tensor], order: torch.memory_format) -> Pass:
    live = [
        t.clone(memory_format=order if t.ndim > 1 else torch.preserve_format).requires_grad_()
        for t in leaves
    ]
    dy = torch.ones_like(torchs(*live).detach())

    def theirs() -> object:
        with torch.enable_grad():
            return torch.autograd.grad(torchs(*live), live, dy)

    return theirs


def _shortest(function: Pass) -> float:
    function()
    times = []
    for _ in range(TRIED):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return min(times)
