"""Training one network a round, all rounds in one pass, and testing them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import Generator, Tensor

from disc.network import at_least_one, network, surface
from disc.points import Points, draw
from funcdl import (
    FuncdlError,
    Layer,
    Params,
    mse,
    sgd,
    stage,
    supervised,
    training_step,
    tree,
)
from funcdl.schedules import polynomial

__all__ = ["Experiment", "Outcome", "moments", "run"]


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
        at_least_one(what, value)
    at_least_one("the number of rounds", len(rngs))
    net = network(hidden, activation)
    train = tree.stack([draw(points, rng) for rng in rngs])
    test = tree.stack([draw(points, rng) for rng in rngs])
    params = tree.stack([net.init(rng, (2,))[0] for rng in rngs])
    steps = epochs * math.ceil(points / batch_size)
    try:
        optimiser = sgd(polynomial(lr, 0.0, steps), momentum=momentum)
    except FuncdlError as error:
        raise error.within("disc") from None
    step = stage(training_step(supervised(net, mse(models=1)), optimiser))
    state = optimiser.init(params)
    shown = moments(epochs)
    surfaces = {0: surface(net, _first(params))}
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
        if epoch in shown:
            surfaces[epoch] = surface(net, _first(params))
        if len(diverged) == len(rngs):
            break
        on_epoch(epoch, losses[-1])
    wrong = _wrong(net, params, test)
    return Outcome(
        _shares(_wrong(net, params, train)),
        _shares(wrong),
        losses,
        diverged,
        surfaces,
        test.x.select(0, 0)[wrong.select(0, 0)],
        params,
    )


def moments(epochs: int) -> list[int]:
    """Return up to eight epochs that show how a network forms, from 0 to the last.

    What happens early is quick: each is about so many times later than the one before.

    >>> moments(300), moments(3)
    ([0, 1, 3, 7, 17, 45, 116, 300], [0, 1, 2, 3])
    """
    return [0, *sorted({round(epochs ** (k / 6)) for k in range(7)})]


def _shuffle(points: Points, rngs: Sequence[Generator]) -> Points:
    """Put the points of each round into a new random order."""
    count = points.x.shape[1]
    keys = tree.stack([points.x.new_empty(count).double().uniform_(generator=r) for r in rngs])
    order = keys.argsort(-1).unsqueeze(-1).expand(points.x.shape)
    return Points(points.x.gather(1, order), points.target.gather(1, order))


def _first(params: Params) -> Params:
    """Return the parameters of round 0."""
    return tree.map(lambda leaf: leaf.select(0, 0), params)


def _wrong(net: Layer, params: Params, points: Points) -> Tensor:
    """Tell which points (*models, n) are taken for the other class."""
    y, _ = net(params, points.x)
    wrong: Tensor = y.argmax(-1).ne(points.target.argmax(-1))
    return wrong


def _shares(wrong: Tensor) -> list[float]:
    return [float(share) for share in wrong.double().mean(-1)]
