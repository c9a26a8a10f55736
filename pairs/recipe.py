"""A recipe: how a network learns single digits from as few as the pairs hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor

from funcdl import Layer, adamw, calibrate, cross_entropy, supervised, tree
from funcdl.schedules import one_cycle
from pairs.augment import Warp, warped
from pairs.descent import descend

__all__ = ["Recipe", "learn_digits"]

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
    recipe: Recipe,
    params: Any,
    images: Tensor,
    classes: Tensor,
    rng: Generator,
    after: Callable[[Callable[[], Any]], None] | None = None,
) -> Any:
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
        after: handed, after each epoch, a function that gives the parameters, the norms' measured
            as in the end; not called for a committee, which is there only when its last member is.

    Returns:
        The trained parameters, the norms' measured on the digits as they are.

    Raises:
        TrainingError: the parameters after an epoch, or its last loss, are not finite.
    """
    if recipe.members > 1:
        alone = recipe._replace(members=1)
        learnt = [learn_digits(alone, own, images, classes, rng) for own in tree.unstack(params)]
        return tree.stack(learnt)

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        drawn = images if recipe.warp is None else warped(images, recipe.warp, rng)
        order = torch.randperm(len(images), generator=rng)
        for batch in torch.split(order, recipe.batch_size):
            yield drawn[batch], classes[batch]

    def measured(learnt: Any, rng: Generator) -> Any:
        return calibrate(recipe.digit, learnt, torch.split(images, SOME), rng)

    def look(learnt: Any) -> None:
        assert after is not None
        # A copy of the generator, so that looking changes no number that is drawn later.
        after(lambda: measured(learnt, Generator().set_state(rng.get_state())))

    steps = recipe.epochs * math.ceil(len(images) / recipe.batch_size)
    optimiser = adamw(one_cycle(recipe.lr, steps, rise=0.2), weight_decay=recipe.weight_decay)
    objective = supervised(recipe.digit, cross_entropy(label_smoothing=recipe.smoothing))
    watched = None if after is None else look
    params = descend(objective, optimiser, params, recipe.epochs, batches, rng, watched)
    return measured(params, rng)
