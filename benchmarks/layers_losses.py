"""Activations, distances and losses, forward and backward, beside PyTorch's functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn import functional as nnf

import funcdl as f

__all__ = ["rows"]

Pass = Callable[[], object]
Row = tuple[str, Pass, Pass]

SHAPE = (512, 256)
SEVERAL = (128, 64)

ACTIVATIONS: dict[str, tuple[f.Layer, Callable[[Tensor], Tensor]]] = {
    "relu6": (f.relu6, nnf.relu6),
    "hard_swish": (f.hard_swish, nnf.hardswish),
    "log_sigmoid": (f.log_sigmoid, nnf.logsigmoid),
    "soft_sign": (f.soft_sign, nnf.softsign),
    "glu": (f.glu(), nnf.glu),
    "softmax_along(-2)": (f.softmax_along(-2), lambda x: nnf.softmax(x, -2)),
    "log_softmax_along(-2)": (f.log_softmax_along(-2), lambda x: nnf.log_softmax(x, -2)),
}

PAIRS: dict[str, tuple[f.Layer, Callable[..., Tensor]]] = {
    "pairwise_distance": (f.pairwise_distance(), nnf.pairwise_distance),
    "cosine_similarity": (f.cosine_similarity(), lambda a, b: nnf.cosine_similarity(a, b, -1)),
}


def _focal(y: Tensor, t: Tensor) -> Tensor:
    each = nnf.cross_entropy(y, t, reduction="none")
    return ((1 - (-each).exp()) ** 2 * each).mean()


def _binary_focal(y: Tensor, t: Tensor) -> Tensor:
    each = nnf.binary_cross_entropy_with_logits(y, t, reduction="none")
    p = y.sigmoid()
    return ((1 - p * t - (1 - p) * (1 - t)) ** 2 * each).mean()


# The target's draw: classes, signs, or shares; and how many outputs there are.
LOSSES: dict[str, tuple[f.Layer, Callable[..., Tensor], str, int]] = {
    "cross_entropy(ignore)": (
        f.cross_entropy(ignore=3),
        lambda y, t: nnf.cross_entropy(y, t, ignore_index=3),
        "classes",
        1,
    ),
    "binary_cross_entropy(pos_weight)": (
        f.binary_cross_entropy(pos_weight=3.0),
        lambda y, t: nnf.binary_cross_entropy_with_logits(y, t, pos_weight=y.new_tensor(3.0)),
        "shares",
        1,
    ),
    "soft_margin": (f.soft_margin(), nnf.soft_margin_loss, "signs", 1),
    "multi_margin": (f.multi_margin(), nnf.multi_margin_loss, "classes", 1),
    "multi_label_soft_margin": (
        f.multi_label_soft_margin(),
        nnf.multilabel_soft_margin_loss,
        "shares",
        1,
    ),
    "hinge_embedding": (f.hinge_embedding(), nnf.hinge_embedding_loss, "signs", 1),
    "margin_ranking": (f.margin_ranking(), nnf.margin_ranking_loss, "signs", 2),
    "cosine_embedding": (f.cosine_embedding(), nnf.cosine_embedding_loss, "rows", 2),
    "triplet": (f.triplet(), lambda a, b, c, _: nnf.triplet_margin_loss(a, b, c), "ones", 3),
    "focal": (f.focal(), _focal, "classes", 1),
    "binary_focal": (f.binary_focal(), _binary_focal, "shares", 1),
}


def rows(rng: Generator) -> list[Row]:
    """Make, for each row, its name, our pass and PyTorch's; both give all the cotangents."""
    title = "×".join(map(str, SHAPE))
    made = []
    for name, (layer, torchs) in ACTIVATIONS.items():
        x = torch.empty(SHAPE).normal_(generator=rng)
        made.append((f"{name}, {title}", _ours(layer, x), _theirs(torchs, [x])))
    for name, (layer, torchs) in PAIRS.items():
        pair = tuple(torch.empty(SHAPE).normal_(generator=rng) for _ in range(2))
        made.append((f"{name}, {title}", _ours(layer, pair), _theirs(torchs, pair)))
    for name, (layer, torchs, kind, count) in LOSSES.items():
        ys = tuple(torch.empty(SHAPE).normal_(generator=rng) for _ in range(count))
        t = _target(kind, rng)
        given = (ys[0] if count == 1 else ys, t)
        made.append((f"{name}, {title}", _ours(layer, given), _theirs(torchs, ys, t)))
    return [*made, _several(rng)]


def _several(rng: Generator) -> Row:
    """Make the row of a loss whose examples have three classes each, which PyTorch takes listed."""
    y = torch.empty(SEVERAL).normal_(generator=rng)
    listed = torch.rand(SEVERAL, generator=rng).argsort(-1)
    listed[:, 3:] = -1
    there = torch.zeros(SEVERAL).scatter_(-1, listed[:, :3], 1.0)
    name = f"multi_label_margin, {'×'.join(map(str, SEVERAL))}"
    theirs = _theirs(nnf.multilabel_margin_loss, [y], listed)
    return name, _ours(f.multi_label_margin(), (y, there)), theirs


def _target(kind: str, rng: Generator) -> Tensor:
    if kind == "classes":
        return torch.randint(SHAPE[1], SHAPE[:1], generator=rng)
    if kind == "ones":
        return torch.ones(SHAPE[0])
    shape = SHAPE[:1] if kind == "rows" else SHAPE
    signs = torch.empty(shape).normal_(generator=rng).sign()
    return signs.relu() if kind == "shares" else signs


def _ours(layer: f.Layer, x: Any) -> Pass:
    dy = torch.ones_like(layer((), x)[0])
    return lambda: layer((), x)[1](dy)


def _theirs(torchs: Callable[..., Tensor], xs: Any, *more: Tensor) -> Pass:
    live = [x.clone().requires_grad_() for x in xs]
    with torch.no_grad():
        dy = torch.ones_like(torchs(*live, *more))

    def go() -> object:
        with torch.enable_grad():
            return torch.autograd.grad(torchs(*live, *more), live, dy)

    return go
