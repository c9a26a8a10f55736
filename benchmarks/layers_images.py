"""Layers on images and sequences: one pass forth and back, beside PyTorch's functions."""

from __future__ import annotations

import time
from collections.abc import Callable
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
    plain = lambda x, w, b: nnf.conv2d(x, w.permute(3, 2, 0, 1), b)  # noqa: E731
    return [
        _row("conv2d 3×3", f.conv2d(32, 3), (32, 14, 14, 2), plain, rng),
        _row("conv2d 3×3", f.conv2d(32, 3), (64, 28, 28, 16), plain, rng),
        _row("conv2d 3×3", f.conv2d(64, 3), (32, 14, 14, 32), plain, rng),
        _row(
            "depthwise conv2d 3×3",
            f.conv2d(16, 3, groups=16),
            (64, 28, 28, 16),
            lambda x, w, b: nnf.conv2d(x, w.permute(3, 2, 0, 1), b, groups=16),
            rng,
        ),
        _row(
            "conv1d 3",
            f.conv1d(32, 3),
            (64, 128, 16),
            lambda x, w, b: nnf.conv1d(x, w.permute(2, 1, 0), b),
            rng,
        ),
        _row(
            "conv_transpose2d 2×2, stride 2",
            f.conv_transpose2d(16, 2, stride=2),
            (32, 7, 7, 32),
            lambda x, w, b: nnf.conv_transpose2d(x, w.permute(3, 2, 0, 1), b, 2),
            rng,
        ),
        _row(
            "conv_transpose2d 4×4, stride 2",
            f.conv_transpose2d(16, 4, stride=2, padding=1),
            (32, 14, 14, 32),
            lambda x, w, b: nnf.conv_transpose2d(x, w.permute(3, 2, 0, 1), b, 2, 1),
            rng,
        ),
        _row(
            "max_pool2d 2×2", f.max_pool2d(2), (64, 28, 28, 16), lambda x: nnf.max_pool2d(x, 2), rng
        ),
        _row(
            "max_pool2d 3×3, stride 2",
            f.max_pool2d(3, stride=2),
            (64, 28, 28, 16),
            lambda x: nnf.max_pool2d(x, 3, 2),
            rng,
        ),
        _row(
            "avg_pool2d 2×2", f.avg_pool2d(2), (64, 28, 28, 16), lambda x: nnf.avg_pool2d(x, 2), rng
        ),
        _row(
            "global_avg_pool2d",
            f.global_avg_pool2d,
            (64, 14, 14, 32),
            lambda x: nnf.adaptive_avg_pool2d(x, 1),
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
    """Give PyTorch its images in both orders, channels first or last, and keep the faster one."""
    found = [_autograd(torchs, params, x.movedim(-1, 1).contiguous())]
    if x.ndim == 4:
        found.append(_autograd(torchs, params, x.movedim(-1, 1)))
    return min(found, key=_shortest)


def _autograd(torchs: Torchs, params: Any, images: Tensor) -> Pass:
    leaves = [t.detach().clone().requires_grad_() for t in (images, *params)]
    with torch.no_grad():
        dy = torch.ones_like(torchs(*leaves))

    def theirs() -> object:
        with torch.enable_grad():
            return torch.autograd.grad(torchs(*leaves), leaves, dy)

    return theirs


def _shortest(function: Pass) -> float:
    function()
    times = []
    for _ in range(TRIED):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return min(times)
