"""Norms and dropout, forward and backward, beside PyTorch's autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as nnf

import funcdl as f

__all__ = ["rows"]

Row = tuple[str, Callable[[], object], Callable[[], object]]

NORMS: dict[str, tuple[Any, Callable[[Tensor, Any], Tensor]]] = {
    "layer_norm": (
        f.layer_norm(),
        lambda x, p: nnf.layer_norm(x, x.shape[-1:], p.scale, p.bias),
    ),
    "layer_norm(affine=False)": (
        f.layer_norm(affine=False),
        lambda x, p: nnf.layer_norm(x, x.shape[-1:]),
    ),
    "rms_norm": (f.rms_norm(), lambda x, p: nnf.rms_norm(x, x.shape[-1:], p.scale, 1e-6)),
    "group_norm": (f.group_norm(4), lambda x, p: nnf.group_norm(x, 4, p.scale, p.bias)),
    "batch_norm": (
        f.batch_norm(),
        lambda x, p: nnf.batch_norm(x, None, None, p.scale, p.bias, True),
    ),
    "group_norm(affine=False)": (
        f.group_norm(4, affine=False),
        lambda x, p: nnf.group_norm(x, 4),
    ),
    "batch_norm(affine=False)": (
        f.batch_norm(affine=False),
        lambda x, p: nnf.batch_norm(x, None, None, training=True),
    ),
    "dropout": (f.dropout(0.3), lambda x, p: nnf.dropout(x, 0.3)),
    "dropout(1)": (f.dropout(1), lambda x, p: nnf.dropout(x, 1.0)),
}
ROWS = ((64, 128), (512, 512))
IMAGES = ((64, 8, 8, 16), (64, 28, 28, 32))


def rows(rng: torch.Generator) -> list[Row]:
    """Make the rows: the name, our forward and backward pass, and PyTorch's."""
    made: list[Row] = []
    for name, (layer, torchs) in NORMS.items():
        for shape in IMAGES if name.startswith(("group_norm", "batch_norm")) else ROWS:
            x = torch.rand(shape, generator=rng)
            params, _ = layer.init(rng, shape)
            title = f"{name} {'×'.join(map(str, shape))}"
            made.append((title, _ours(layer, params, x, rng), _theirs(torchs, params, x)))
    return made


def _ours(layer: f.Layer, params: Any, x: Tensor, rng: torch.Generator) -> Callable[[], object]:
    dy = torch.ones_like(x)

    def go() -> object:
        _, vjp = layer(params, x, rng)
        return vjp(dy)

    return go


def _theirs(function: Any, params: Any, x: Tensor) -> Callable[[], object]:
    # PyTorch takes channels first; in memory they are last, which it is fastest with.
    x = x.movedim(-1, 1) if x.ndim > 2 else x
    live = x.clone(memory_format=torch.preserve_format).requires_grad_()
    leaves = [p.clone().requires_grad_() for p in f.tree.leaves(params[:2])]
    held = type(params)(*leaves, *params[2:]) if leaves else params
    dy = torch.ones_like(x, memory_format=torch.preserve_format)

    def go() -> object:
        y = function(live, held)
        return torch.autograd.grad(y, [*leaves, live], dy)

    return go
