"""The descent itself: epoch after epoch of staged steps, until no model is finite any more."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor

from funcdl import FuncdlError, Layer, Optimiser, stage, training_step, tree
from studykit.capture import capture_on

__all__ = ["Epoch", "TrainingError", "descend"]


class TrainingError(FuncdlError, RuntimeError):
    """A round that could not be finished: its loss is no longer finite."""


class Epoch(NamedTuple):
    """Where training stands after an epoch.

    Attributes:
        number: of the epoch, from 1.
        params: the parameters, to look at and not to keep: the next epoch writes to them. The last
            epoch's are the trained ones.
        loss: that of the last batch; of a stack, each model's.
        seconds: that training has taken so far; what is done between two epochs does not count.
        lost: the models that have diverged, by their place in the stack (0 for one alone), each
            with the epoch after which its parameters or its last loss were no longer finite.
    """

    number: int
    params: Any
    loss: Any
    seconds: float
    lost: Mapping[int, int] = {}


def descend(
    objective: Layer,
    optimiser: Optimiser,
    params: Any,
    epochs: Iterable[Iterable[Any]],
    rng: Generator | None = None,
) -> Iterator[Epoch]:
    """Take a step for each batch of each epoch.

    Args:
        objective: a layer from (x, target) to a loss, or to a loss of each model of a stack.
        optimiser: what a step is.
        params: the initial parameters; they are not written to.
        epochs: the batches of each epoch; the next ones are asked for when these are done.
        rng: for layers that draw numbers in training; None for a network that has none.

    Yields:
        Where it stands after each epoch. A model that diverges does not stop the others; the epoch
        in which the last one does is the end.
    """
    seconds, began = 0.0, time.perf_counter()
    first, *_ = tree.leaves(params)
    capture = capture_on(first.device, *([] if rng is None else [rng]))
    step = stage(training_step(objective, optimiser), capture=capture)
    state = optimiser.init(params)
    lost: dict[int, int] = {}
    for number, batches in enumerate(epochs, 1):
        for batch in batches:
            params, state, loss = step(params, state, batch, rng)
        lost = {**dict.fromkeys(_diverged(params, loss), number), **lost}
        seconds += time.perf_counter() - began
        yield Epoch(number, params, loss, seconds, lost)
        if len(lost) == loss.numel():
            return
        began = time.perf_counter()


def _diverged(params: Any, loss: Tensor) -> list[int]:
    """List the models whose parameters or loss are not finite."""
    models = loss.numel()
    leaves = [leaf.isfinite().reshape(models, -1).all(-1) for leaf in tree.leaves((params, loss))]
    places: list[int] = torch.stack(leaves).all(0).logical_not().nonzero().flatten().tolist()
    return places
