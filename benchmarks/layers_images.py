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
    images, sequences = (64, 28, 28, 16), (64, 128, 16)
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
        _row(
            "conv2d 3×3, same",
            f.conv2d(32, 3, padding="same"),
            images,
            partial(nnf.conv2d, padding="same"),
            rng,
        ),
        _row("conv1d 3, causal", f.conv1d(32, 3, padding="causal"), sequences, _causal, rng),
        _row(
            "conv_transpose2d 4×4, stride 2, 4 groups",
            f.conv_transpose2d(16, 4, stride=2, padding=1, groups=4),
            (32, 14, 14, 32),
            partial(doubled, padding=1, groups=4),
            rng,
        ),
        _row(
            "conv_transpose1d 4, stride 2",
            f.conv_transpose1d(16, 4, stride=2, padding=1),
            sequences,
            partial(nnf.conv_transpose1d, stride=2, padding=1),
            rng,
        ),
        _row(
            "pad2d 1, reflect",
            f.pad2d(1, mode="reflect"),
            images,
            partial(nnf.pad, pad=(1, 1, 1, 1), mode="reflect"),
            rng,
        ),
        _row("pad2d 1", f.pad2d(1), images, partial(nnf.pad, pad=(1, 1, 1, 1)), rng),
        _row(
            "pad2d 1, circular",
            f.pad2d(1, mode="circular"),
            images,
            partial(nnf.pad, pad=(1, 1, 1, 1), mode="circular"),
            rng,
        ),
        _row(
            "pad2d 1, replicate",
            f.pad2d(1, mode="replicate"),
            images,
            partial(nnf.pad, pad=(1, 1, 1, 1), mode="replicate"),
            rng,
        ),
        _row("pad1d 2", f.pad1d(2), sequences, partial(nnf.pad, pad=(2, 2)), rng),
        _row(
            "max_pool1d 2", f.max_pool1d(2), sequences, partial(nnf.max_pool1d, kernel_size=2), rng
        ),
        _row(
            "avg_pool1d 2", f.avg_pool1d(2), sequences, partial(nnf.avg_pool1d, kernel_size=2), rng
        ),
        _row(
            "avg_pool2d 3×3, stride 2, ceil_mode",
            f.avg_pool2d(3, stride=2, padding=1, ceil_mode=True),
            images,
            partial(nnf.avg_pool2d, kernel_size=3, stride=2, padding=1, ceil_mode=True),
            rng,
        ),
        _row(
            "adaptive_avg_pool2d 7",
            f.adaptive_avg_pool2d(7),
            images,
            partial(nnf.adaptive_avg_pool2d, output_size=7),
            rng,
        ),
        _row(
            "adaptive_max_pool2d 7",
            f.adaptive_max_pool2d(7),
            images,
            partial(nnf.adaptive_max_pool2d, output_size=7),
            rng,
        ),
        _row(
            "adaptive_avg_pool1d 10",
            f.adaptive_avg_pool1d(10),
            sequences,
            partial(nnf.adaptive_avg_pool1d, output_size=10),
            rng,
        ),
        _row(
            "adaptive_max_pool1d 10",
            f.adaptive_max_pool1d(10),
            sequences,
            partial(nnf.adaptive_max_pool1d, output_size=10),
            rng,
        ),
        _row(
            "global_avg_pool1d",
            f.global_avg_pool1d,
            sequences,
            partial(nnf.adaptive_avg_pool1d, output_size=1),
            rng,
        ),
        _row(
            "global_max_pool1d",
            f.global_max_pool1d,
            sequences,
            partial(nnf.adaptive_max_pool1d, output_size=1),
            rng,
        ),
        _row(
            "upsample2d 2, nearest",
            f.upsample2d(2),
            (32, 14, 14, 32),
            partial(nnf.interpolate, scale_factor=2),
            rng,
        ),
        _row(
            "upsample2d 2, bilinear",
            f.upsample2d(2, mode="bilinear"),
            (32, 14, 14, 32),
            partial(nnf.interpolate, scale_factor=2, mode="bilinear"),
            rng,
        ),
        _row(
            "upsample1d 2, linear",
            f.upsample1d(2, mode="linear"),
            sequences,
            partial(nnf.interpolate, scale_factor=2, mode="linear"),
            rng,
        ),
    ]


def _causal(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return nnf.conv1d(nnf.pad(x, (2, 0)), w, b)


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
