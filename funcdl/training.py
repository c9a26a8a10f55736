"""From a layer to its gradient, and from a gradient to a training step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcdl.contract import LayerLike, Params, Value
from funcdl.errors import KindError
from funcdl.function import as_layer
from funcdl.misuse import generator, kind_of
from funcdl.optimisers import Optimiser
from funcdl.portable import Portable
from funcdl.tensor import Generator, Tensor

__all__ = ["training_step", "value_and_grad"]


def value_and_grad(
    objective: LayerLike,
) -> Callable[..., tuple[Tensor, Params]]:
    """Turn a layer whose output is a loss into a function that also gives the gradient.

    Args:
        objective: a layer whose output is one number, or one number a model: (*models,). See
            `supervised`.

    Returns:
        `f(params, x, rng=None) -> (value, dparams)`, where `dparams` is the gradient of the value
        (of the sum of the models' values) and has the structure of `params`. The cotangent of `x`
        is not computed.

    Raises:
        KindError: the objective's output is not a tensor; or, by `f`, a part acts otherwise in
            training, as dropout does, and there is no generator. See `inference`.

    >>> import torch
    >>> from funcdl import linear, mse, supervised
    >>> objective = supervised(linear(1, b_init=None), mse())
    >>> params, _ = objective.init(torch.Generator().manual_seed(0), ((1,), (1,)))
    >>> value, grads = value_and_grad(objective)(params, (torch.ones(4, 1), torch.zeros(4, 1)))
    >>> torch.equal(grads.w, 2 * params.w)
    True
    """
    layer = as_layer(objective)
    needs_rng = bool(layer.needs_rng)

    def f(params: Params, x: Value, rng: Generator | None = None) -> tuple[Tensor, Params]:
        if needs_rng and rng is None:
            raise KindError(
                f"{layer.needs_rng}: expected a generator in training, got rng=None: hand one to "
                "the step, or wrap in inference(…) what is to act as in inference"
            )
        if rng is not None:
            generator("training", rng)
        value, vjp = layer(params, x, rng)
        if not isinstance(value, Tensor):
            raise KindError(
                f"value_and_grad: expected an objective that gives a tensor, "
                f"got {type(value).__name__}"
            )
        dparams, _ = vjp(value.new_full(value.shape, 1.0), False)
        return value, dparams

    return Portable(f)


def training_step(
    objective: LayerLike, optimiser: Optimiser
) -> Callable[..., tuple[Params, Any, Tensor]]:
    """Make the pure function that one step of training is.

    Args:
        objective: a layer from (x, target) to a loss; see `supervised`.
        optimiser: see `funcdl.optimisers`.

    Returns:
        `step(params, state, batch, rng=None) -> (params, state, loss)`; nothing that goes in is
        written to.

    Raises:
        KindError: the objective is neither a layer nor a function, or its output is not a tensor;
            or, by the step, a part acts otherwise in training, as dropout and batch norm do, and
            there is no generator. See `inference`.
        TreeError: the parameters are not those that the state was made for.

    >>> import torch
    >>> from funcdl import linear, mse, sgd, supervised
    >>> objective, optimiser = supervised(linear(1), mse()), sgd(0.1)
    >>> params, _ = objective.init(torch.Generator().manual_seed(0), ((1,), (1,)))
    >>> state, step = optimiser.init(params), training_step(objective, optimiser)
    >>> for _ in range(50):
    ...     params, state, loss = step(params, state, (torch.ones(4, 1), torch.zeros(4, 1)))
    >>> round(float(loss), 4)
    0.0
    """
    gradient = value_and_grad(objective)
    if not callable(getattr(optimiser, "update", None)):
        raise KindError(f"training_step: expected an optimiser, got {kind_of(optimiser)}")

    def step(
        params: Params, state: Any, batch: Value, rng: Generator | None = None
    ) -> tuple[Params, Any, Tensor]:
        loss, grads = gradient(params, batch, rng)
        params, state = optimiser.update(params, grads, state)
        return params, state, loss

    return Portable(step)
