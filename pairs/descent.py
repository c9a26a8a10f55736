"""The descent itself: epoch after epoch of staged steps, refused when it is no longer finite."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from torch import Generator

from funcdl import FuncdlError, Layer, Optimiser, stage, training_step, tree

__all__ = ["Epoch", "TrainingError", "descend"]


class TrainingError(FuncdlError, RuntimeError):
    """A round that could not be finished: its loss is no longer finite."""


class Epoch(NamedTuple):
    """Where training stands after an epoch.

    Attributes:
        number: of the epoch, from 1.
        params: the parameters, to look at and not to keep: the next epoch writes to them. The last
            epoch's are the trained ones.
        loss: that of the last batch.
        seconds: that training has taken so far; what is done between two epochs does not count.
    """

    number: int
    params: Any
    loss: Any
    seconds: float


def descend(
    objective: Layer,
    optimiser: Optimiser,
    params: Any,
    epochs: Iterable[Iterable[Any]],
    rng: Generator | None = None,
) -> Iterator[Epoch]:
    """Take a step for each batch of each epoch.

    Args:
        objective: a layer from (x, target) to a loss.
        optimiser: what a step is.
        params: the initial parameters; they are not written to.
        epochs: the batches of each epoch; the next ones are asked for when these are done.
        rng: for layers that draw numbers in training; None for a network that has none.

    Yields:
        Where it stands after each epoch.

    Raises:
        TrainingError: the parameters after an epoch, or its last loss, are not finite.
    """
    seconds, began = 0.0, time.perf_counter()
    step = stage(training_step(objective, optimiser))
    state = optimiser.init(params)
    for number, batches in enumerate(epochs, 1):
        loss: Any = ()
        for batch in batches:
            params, state, loss = step(params, state, batch, rng)
        if not all(leaf.isfinite().all() for leaf in tree.leaves((params, loss))):
            raise TrainingError(f"the loss is no longer finite after epoch {number}")
        seconds += time.perf_counter() - began
        yield Epoch(number, params, loss, seconds)
        began = time.perf_counter()
