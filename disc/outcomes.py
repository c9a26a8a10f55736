"""What came of an experiment: every round, tested."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from disc.experiment import Epoch, Experiment, Start, begin, first, learn
from disc.network import surface
from disc.points import Points
from funcdl import Layer, Params

__all__ = ["Outcome", "outcome", "run"]


class Outcome(NamedTuple):
    """What came of each round.

    Attributes:
        train_errors: in [0, 1], on the points trained on.
        test_errors: in [0, 1], on as many fresh ones.
        losses: a list an epoch, of each round's mean loss over its batches.
        diverged: for each round whose loss became NaN or infinite, the epoch, from 1.
        surfaces: for each epoch in `moments`, as far as training went, the `surface` of round 0.
        mistakes: the points (n, 2) among round 0's test points that it took wrong in the end.
        params: the parameters of all rounds, with a leading model axis.
    """

    train_errors: list[float]
    test_errors: list[float]
    losses: list[list[float]]
    diverged: dict[int, int]
    surfaces: dict[int, Tensor]
    mistakes: Tensor
    params: Params


def run(
    experiment: Experiment, rngs: Sequence[Generator], device: str | torch.device = "cpu"
) -> Outcome:
    """Train one network a generator, all at once, and test them.

    Args, and what is raised: see `begin`.

    Returns:
        The outcome of every round; a round that diverges does not stop the others.
    """
    start = begin(experiment, rngs, device)
    return outcome(start, list(learn(start)))


def outcome(start: Start, epochs: Sequence[Epoch]) -> Outcome:
    """Test what was trained.

    Args:
        start: what the experiment started from.
        epochs: all that `learn` gave.
    """
    net, params = start.net, epochs[-1].params
    surfaces = {epoch.number: epoch.surface for epoch in epochs if epoch.surface is not None}
    wrong = _wrong(net, params, start.test)
    return Outcome(
        _shares(_wrong(net, params, start.train)),
        _shares(wrong),
        [epoch.losses for epoch in epochs],
        _diverged(epochs),
        {0: surface(net, first(start.params)), **surfaces},
        start.test.x.select(0, 0)[wrong.select(0, 0)],
        params,
    )


def _diverged(epochs: Sequence[Epoch]) -> dict[int, int]:
    """Find for each round whose loss became NaN or infinite the first such epoch."""
    found: dict[int, int] = {}
    for epoch in epochs:
        for i, loss in enumerate(epoch.losses):
            if not math.isfinite(loss):
                found.setdefault(i, epoch.number)
    return found


def _wrong(net: Layer, params: Params, points: Points) -> Tensor:
    """Tell which points (*models, n) are taken for the other class."""
    y, _ = net(params, points.x)
    wrong: Tensor = y.argmax(-1).ne(points.target.argmax(-1))
    return wrong


def _shares(wrong: Tensor) -> list[float]:
    return [float(share) for share in wrong.double().mean(-1)]
