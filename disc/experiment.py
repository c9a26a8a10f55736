"""Training one network a round, all rounds in one pass."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from disc.network import at_least_one, network, surface
from disc.points import Points, draw
from funcdl import (
    FuncdlError,
    Layer,
    Optimiser,
    Params,
    batches,
    mse,
    sgd,
    stage,
    supervised,
    training_step,
    tree,
)
from funcdl.schedules import polynomial
from studykit.capture import capture_on

__all__ = ["Epoch", "Experiment", "Start", "begin", "first", "learn", "moments"]


class Experiment(NamedTuple):
    """What is trained, and how: SGD on the mean squared error.

    `lr` is the rate of the first step; from there it falls along a line to 0, so that the last
    steps settle instead of jumping about.
    """

    points: int = 1000
    hidden: tuple[int, ...] = (25, 25, 25)
    activation: str = "relu"
    epochs: int = 300
    batch_size: int = 25
    lr: float = 0.5
    momentum: float = 0.0


class Start(NamedTuple):
    """What an experiment starts from, all rounds on a leading model axis.

    Attributes:
        experiment: what is trained, and how.
        net: the network.
        optimiser: what a step is.
        train: the points to train on.
        test: as many fresh ones.
        params: the first parameters.
        rngs: one a round; they draw the batches.
    """

    experiment: Experiment
    net: Layer
    optimiser: Optimiser
    train: Points
    test: Points
    params: Params
    rngs: Sequence[Generator]


class Epoch(NamedTuple):
    """Where training stands after an epoch.

    Attributes:
        number: of the epoch, from 1.
        losses: of each round the mean loss over its batches.
        surface: the `surface` of round 0, at each of the `moments`.
        params: the parameters, to look at and not to keep: the next epoch writes to them.
    """

    number: int
    losses: list[float]
    surface: Tensor | None
    params: Params


def begin(
    experiment: Experiment, rngs: Sequence[Generator], device: str | torch.device = "cpu"
) -> Start:
    """Draw what an experiment starts from.

    Args:
        experiment: its numbers are at least 1, the rate at least 0, the momentum in [0, 1).
        rngs: one a round; each draws its round's points, test points, weights and batches, so
            that a round does not depend, but for rounding, on which others there are.
        device: where the networks are trained. What is drawn elsewhere is brought there, so that
            it is the same wherever that is.

    Raises:
        InputError, KindError: an argument is out of its range.
    """
    points, hidden, activation, epochs, batch_size, lr, momentum = experiment
    for what, value in (("points", points), ("epochs", epochs), ("batch_size", batch_size)):
        at_least_one(what, value)
    at_least_one("the number of rounds", len(rngs))
    net = network(hidden, activation)
    trained = tree.stack([draw(points, rng) for rng in rngs])
    test = tree.stack([draw(points, rng) for rng in rngs])
    params = tree.stack([net.init(rng, (2,))[0] for rng in rngs])
    trained, test, params = tree.map(lambda leaf: leaf.to(device), (trained, test, params))
    steps = epochs * math.ceil(points / batch_size)
    try:
        optimiser = sgd(polynomial(lr, 0.0, steps), momentum=momentum)
    except FuncdlError as error:
        raise error.within("disc") from None
    return Start(experiment, net, optimiser, trained, test, params, rngs)


def learn(start: Start) -> Iterator[Epoch]:
    """Train all rounds at once, until the last epoch or until every round has diverged.

    A round that diverges does not stop the others.

    Yields:
        Where it stands after each epoch.
    """
    asked, rounds = start.experiment, len(start.rngs)
    step = stage(
        training_step(supervised(start.net, mse(models=1)), start.optimiser),
        capture=capture_on(start.train.x.device),
    )
    params, state = start.params, start.optimiser.init(start.params)
    shown, diverged = moments(asked.epochs), set()
    for number in range(1, asked.epochs + 1):
        total = start.train.x.new_zeros(rounds)
        for x, target in _batches(start):
            params, state, loss = step(params, state, (x, target))
            total = total.add(loss, alpha=x.shape[1] / asked.points)
        losses = total.tolist()
        seen = surface(start.net, first(params)) if number in shown else None
        yield Epoch(number, losses, seen, params)
        diverged |= {i for i, loss in enumerate(losses) if not math.isfinite(loss)}
        if len(diverged) == rounds:
            break


def moments(epochs: int) -> list[int]:
    """Return up to eight epochs that show how a network forms, from 0 to the last.

    What happens early is quick: each is about so many times later than the one before.

    >>> moments(300), moments(3)
    ([0, 1, 3, 7, 17, 45, 116, 300], [0, 1, 2, 3])
    """
    return [0, *sorted({round(epochs ** (k / 6)) for k in range(7)})]


def _batches(start: Start) -> Iterator[tuple[Tensor, Tensor]]:
    """Part the points to train on, of each round in a new random order."""
    points, count = start.train, start.experiment.points
    keys = tree.stack(
        [
            torch.empty(count, dtype=torch.double, device=rng.device).uniform_(generator=rng)
            for rng in start.rngs
        ]
    )
    order = keys.argsort(-1).to(points.x.device).unsqueeze(-1).expand(points.x.shape)
    shuffled = (part.gather(1, order) for part in points)
    return batches(tuple(shuffled), start.experiment.batch_size, axis=1)


def first(params: Params) -> Params:
    """Return the parameters of round 0."""
    return tree.map(lambda leaf: leaf.select(0, 0), params)
