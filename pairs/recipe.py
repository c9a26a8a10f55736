"""A recipe: how a network learns single digits from as few as the pairs hold."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor

from funcdl import Layer, adamw, batches, calibrate, cross_entropy, supervised, tree
from funcdl.schedules import one_cycle
from pairs.augment import Warp, warped
from pairs.descent import Epoch, descend

__all__ = ["Recipe", "learn_digits", "measured"]

SOME = 500
"""Digits a batch where batch_norm measures all of them."""


class Recipe(NamedTuple):
    """The network of one digit, and how it is trained; it stands above the study's settings.

    `smoothing` is that of the labels. Where there are two members or more, `digit` is one of a
    `committee`.
    """

    digit: Layer
    epochs: int
    batch_size: int
    lr: float
    weight_decay: float
    smoothing: float
    warp: Warp | None
    members: int = 1


def learn_digits(
    recipe: Recipe, params: Any, images: Tensor, classes: Tensor, rng: Generator
) -> Iterator[Epoch]:
    """Train the network of one digit with AdamW on a one-cycle rate, the digits ever warped anew.

    The members of a committee are trained one after the other: networks of this size are bound by
    their products, so that one pass for all of them would take as long.

    Args:
        recipe: the network and how it is trained.
        params: its initial parameters; they are not written to. Those of a committee have a leading
            axis.
        images: (n, 14, 14), scaled.
        classes: (n,), from 0 to 9.
        rng: draws the warps, the order of the digits and what is dropped.

    Yields:
        Where it stands after each epoch, the norms not yet measured (see `measured`); the one in
        which it diverges is the last. A committee is there only when its last member is: it comes
        once, its norms measured.
    """
    if recipe.members > 1:
        yield _learn_committee(recipe, params, images, classes, rng)
        return

    def epoch_of_batches() -> Iterator[tuple[Tensor, Tensor]]:
        drawn = images if recipe.warp is None else warped(images, recipe.warp, rng)
        order = torch.randperm(len(images), generator=rng)
        return batches((drawn, classes), recipe.batch_size, order=order)

    steps = recipe.epochs * math.ceil(len(images) / recipe.batch_size)
    optimiser = adamw(one_cycle(recipe.lr, steps, rise=0.2), weight_decay=recipe.weight_decay)
    objective = supervised(recipe.digit, cross_entropy(label_smoothing=recipe.smoothing))
    run = (epoch_of_batches() for _ in range(recipe.epochs))
    yield from descend(objective, optimiser, params, run, rng)


def measured(recipe: Recipe, params: Any, images: Tensor, rng: Generator) -> Any:
    """Measure the norms of a network that `learn_digits` gave, on digits as they are.

    Args:
        recipe: the network; a committee's norms are measured already.
        params: its parameters; they are not written to.
        images: (n, 14, 14), scaled.
        rng: draws what is dropped meanwhile.
    """
    if recipe.members > 1:
        return params
    return calibrate(recipe.digit, params, torch.split(images, SOME), rng)


def _learn_committee(
    recipe: Recipe, params: Any, images: Tensor, classes: Tensor, rng: Generator
) -> Epoch:
    """Train each member, and give them together; one that diverges is the end of all."""
    began = time.perf_counter()
    alone = recipe._replace(members=1)
    learnt = []
    for member in tree.unstack(params):
        last = Epoch(0, member, (), 0.0)
        for epoch in learn_digits(alone, member, images, classes, rng):
            last = epoch
        if last.lost:
            return last
        learnt.append(measured(alone, last.params, images, rng))
    return last._replace(params=tree.stack(learnt), seconds=time.perf_counter() - began)
