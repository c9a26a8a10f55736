"""The descent itself: epoch after epoch of staged steps, refused when it is no longer finite."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torch import Generator

from funcdl import FuncdlError, Layer, Optimiser, stage, training_step, tree

__all__ = ["TrainingError", "descend"]


class TrainingError(FuncdlError, RuntimeError):
    """A round that could not be finished: its loss is no longer finite."""


def descend(
    objective: Layer,
    optimiser: Optimiser,
    params: Any,
    epochs: int,
    batches: Callable[[], Iterable[Any]],
    rng: Generator | None = None,
    after: Callable[[Any], None] | None = None,
) -> Any:
    """Take a step for each batch of each epoch.

    Args:
        objective: a layer from (x, target) to a loss.
        optimiser: what a step is.
        params: the initial parameters; they are not written to.
        epochs: how often to go through the batches.
        batches: gives an epoch's, drawn anew at each call.
        rng: for layers that draw numbers in training; None for a network that has none.
        after: handed the parameters after each epoch, to look at and not to keep: the next epoch
            writes to them.

    Returns:
        The trained parameters.

    Raises:
        TrainingError: the parameters after an epoch, or its last loss, are not finite.
    """
    step = stage(training_step(objective, optimiser))
    state = optimiser.init(params)
    for epoch in range(epochs):
        loss: Any = ()
        for batch in batches():
            params, state, loss = step(params, state, batch, rng)
        if not all(leaf.isfinite().all() for leaf in tree.leaves((params, loss))):
            raise TrainingError(f"the loss is no longer finite after epoch {epoch + 1}")
        if after is not None:
            after(params)
    return params
