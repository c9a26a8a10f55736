"""The customary test of a small framework: learn to tell the inside of a disc from its outside.

Points are drawn uniformly in [0, 1]²; the disc has its centre at (0.5, 0.5) and the radius
1/√(2π), so that half of the square is inside. All rounds train in one pass, on a leading model
axis, each with points and weights of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from funcdl import tree
from funcdl.arguments import number, whole
from funcdl.combinators.serial import serial
from funcdl.combinators.supervised import supervised
from funcdl.contract import Layer, Params
from funcdl.errors import InputError
from funcdl.layers.activations import relu, tanh
from funcdl.layers.linear import linear
from funcdl.losses import mse
from funcdl.optimisers import sgd
from funcdl.schedules import polynomial
from funcdl.staging.stage import stage
from funcdl.tensor import Generator, Tensor, empty
from funcdl.training import training_step

__all__ = ["ACTIVATIONS", "Experiment", "Outcome", "Points", "draw", "network", "run"]

ACTIVATIONS = {"relu": relu, "tanh": tanh}


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


class Points(NamedTuple):
    """Points x (*models, n, 2) in [0, 1]², and their classes one-hot (*models, n, 2).

    The second output is 1 inside the disc, the first outside.
    """

    x: Tensor
    target: Tensor


class Outcome(NamedTuple):
    """What came of each round.

    Attributes:
        train_errors: in [0, 1], on the points trained on.
        test_errors: in [0, 1], on as many fresh ones.
        losses: a list an epoch, of each round's mean loss over its batches.
        diverged: for each round whose loss became NaN or infinite, the epoch, from 1.
        params: the parameters of all rounds, with a leading model axis.
    """

    train_errors: list[float]
    test_errors: list[float]
    losses: list[list[float]]
    diverged: dict[int, int]
    params: Params


def draw(count: int, rng: Generator) -> Points:
    """Draw labelled points.

    >>> import torch
    >>> points = draw(1000, torch.Generator().manual_seed(0))
    >>> points.x.shape, points.target.shape, points.target.sum().item()
    (torch.Size([1000, 2]), torch.Size([1000, 2]), 1000.0)
    """
    x = empty(count, 2, device=rng.device).uniform_(generator=rng)
    inside = x.sub(0.5).square().sum(-1).le(1 / (2 * math.pi))
    target = x.new_empty(count, 2)
    target.select(-1, 0).copy_(~inside)
    target.select(-1, 1).copy_(inside)
    return Points(x, target)


def network(hidden: Sequence[int], activation: str) -> Layer:
    """Make the network: two inputs, hidden layers with an activation each, two outputs.

    Raises:
        InputError, KindError: a width is not a whole number of at least 1, or the activation is
            not one of `ACTIVATIONS`.

    >>> network([25], "tanh")
    serial(linear(25), tanh, linear(2))
    """
    if activation not in ACTIVATIONS:
        known = " or ".join(ACTIVATIONS)
        raise InputError(f"disc: expected the activation to be {known}, got {activation!r}")
    for width in hidden:
        whole("disc", "a hidden width", width, 1)
    layers = [part for width in hidden for part in (linear(width), ACTIVATIONS[activation])]
    return serial(*layers, linear(2))


def run(
    experiment: Experiment,
    rngs: Sequence[Generator],
    on_epoch: Callable[[int, list[float]], Any] = lambda epoch, losses: None,
) -> Outcome:
    """Train one network a generator, all at once, and test them.

    Args:
        experiment: its numbers are at least 1, the rate at least 0, the momentum in [0, 1).
        rngs: one a round; each draws its round's points, test points, weights and batches, so
            that a round does not depend, but for rounding, on which others there are.
        on_epoch: told the epoch, from 1, and the loss of each round in it.

    Returns:
        The outcome of every round; a round that diverges does not stop the others.

    Raises:
        InputError, KindError: an argument is out of its range.
    """
    points, hidden, activation, epochs, batch_size, lr, momentum = experiment
    for what, value in (("points", points), ("epochs", epochs), ("batch_size", batch_size)):
        whole("disc", what, value, 1)
    whole("disc", "the number of rounds", len(rngs), 1)
    number("disc", "lr", lr, 0)
    number("disc", "momentum", momentum, 0, 1)
    net = network(hidden, activation)
    train = tree.stack([draw(points, rng) for rng in rngs])
    test = tree.stack([draw(points, rng) for rng in rngs])
    params = tree.stack([net.init(rng, (2,))[0] for rng in rngs])
    steps = epochs * math.ceil(points / batch_size)
    optimiser = sgd(polynomial(lr, 0.0, steps), momentum=momentum)
    step = stage(training_step(supervised(net, mse(models=1)), optimiser))
    state = optimiser.init(params)
    losses: list[list[float]] = []
    diverged: dict[int, int] = {}
    for epoch in range(1, epochs + 1):
        shuffled = _shuffle(train, rngs)
        total = train.x.new_zeros(len(rngs))
        for start in range(0, points, batch_size):
            length = min(batch_size, points - start)
            batch = (shuffled.x.narrow(1, start, length), shuffled.target.narrow(1, start, length))
            params, state, loss = step(params, state, batch)
            total = total.add(loss, alpha=length / points)
        losses.append(total.tolist())
        for i, loss_of_round in enumerate(losses[-1]):
            if not math.isfinite(loss_of_round):
                diverged.setdefault(i, epoch)
        if len(diverged) == len(rngs):
            break
        on_epoch(epoch, losses[-1])
    return Outcome(
        _errors(net, params, train), _errors(net, params, test), losses, diverged, params
    )


def _shuffle(points: Points, rngs: Sequence[Generator]) -> Points:
    """Put the points of each round into a new random order."""
    count = points.x.shape[1]
    keys = tree.stack([points.x.new_empty(count).double().uniform_(generator=r) for r in rngs])
    order = keys.argsort(-1).unsqueeze(-1).expand(points.x.shape)
    return Points(points.x.gather(1, order), points.target.gather(1, order))


def _errors(net: Layer, params: Params, points: Points) -> list[float]:
    y, _ = net(params, points.x)
    wrong = y.argmax(-1).ne(points.target.argmax(-1))
    return [float(share) for share in wrong.double().mean(-1)]
