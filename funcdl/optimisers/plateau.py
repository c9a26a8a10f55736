"""Reducing the rate where a measured loss gets no better: a pure function of rate and loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from funcdl.arguments import LARGEST, integer, number
from funcdl.errors import KindError
from funcdl.misuse import short
from funcdl.optimisers.transform import count
from funcdl.portable import packed
from funcdl.tensor import Tensor, as_dtype_of

__all__ = ["Plateau", "PlateauState", "plateau"]


class PlateauState(NamedTuple):
    """What was measured: float64, without axes, or (*models,).

    Attributes:
        best: the least loss so far.
        bad: how many losses since were no better.
        cooling: for how many more measurements nothing is counted.
    """

    best: Tensor
    bad: Tensor
    cooling: Tensor


class Plateau(NamedTuple):
    """`init(lr) -> seen` and `update(lr, loss, seen) -> (lr, seen)`."""

    init: Callable[[Any], PlateauState]
    update: Callable[[Any, Any, PlateauState], tuple[Tensor, PlateauState]]

    def __reduce__(self) -> Any:
        return Plateau, packed((self.init, self.update))


def plateau(
    factor: float = 0.1,
    *,
    patience: int = 10,
    threshold: float = 1e-4,
    cooldown: int = 0,
    least: float = 0.0,
) -> Plateau:
    """Multiply a rate by a factor where more than `patience` losses in turn are no better.

    A loss is better where it is below best (1 − threshold). What is measured, and how often, is the
    caller's: the loss of validation after an epoch, for instance. The rate goes through the state
    of the optimiser; with a tensor of losses, one for each model, each model has a rate of its own.

    Args:
        factor: in [0, 1).
        patience: at least 0.
        threshold: in [0, 1).
        cooldown: how many measurements pass after a reduction before they count again.
        least: the smallest rate, at least 0.

    Returns:
        `init(lr) -> seen` and `update(lr, loss, seen) -> (lr, seen)`, pure functions of tensors,
        which a staged step records.

    Raises:
        InputError, KindError: an argument is out of its range, or a loss no number.

    As PyTorch's ReduceLROnPlateau has it.

    >>> import torch
    >>> from funcdl import sgd
    >>> descend, params = sgd(1.0), (torch.zeros(2),)
    >>> state, watch = descend.init(params), plateau(0.5, patience=1)
    >>> seen = watch.init(state.lr)
    >>> for loss in (3.0, 2.0, 2.0, 2.0, 1.0):
    ...     lr, seen = watch.update(state.lr, loss, seen)
    ...     state = state._replace(lr=lr)
    >>> float(state.lr)
    0.5
    """
    number("plateau", "factor", factor, 0, 1)
    integer("plateau", "patience", patience, 0)
    number("plateau", "threshold", threshold, 0, 1)
    integer("plateau", "cooldown", cooldown, 0)
    number("plateau", "least", least, 0)

    def init(lr: Any) -> PlateauState:
        zero = lr.double().mul(0.0) if isinstance(lr, Tensor) else count()
        return PlateauState(zero.add(math.inf), zero, zero.clone())

    def update(lr: Any, loss: Any, seen: PlateauState) -> tuple[Tensor, PlateauState]:
        if not isinstance(seen, PlateauState):
            raise KindError(f"plateau: expected the state that init made, got {short(seen)}")
        best, bad, cooling = seen
        if not isinstance(loss, Tensor):
            loss = count().add(number("plateau", "the loss", loss, -LARGEST))
        rate = lr if isinstance(lr, Tensor) else count().add(number("plateau", "lr", lr, 0))
        now = loss.to(best.device, best.dtype)
        # Below 0, best (1 − threshold) would be above it: PyTorch has it so.
        better = now.lt(best.mul(1 - threshold))
        best = now.where(better, best)
        bad = bad.add(1).where(better.logical_not(), 0.0)
        cool = cooling.gt(0)
        cooling = cooling.sub(1).clamp_min(0)
        bad = bad.where(cool.logical_not(), 0.0)
        tired = bad.gt(patience)
        lower = rate.mul(factor).clamp_min(least).minimum(rate)
        found = as_dtype_of(lower.where(tired, rate), rate)
        return found, PlateauState(
            best,
            bad.where(tired.logical_not(), 0.0),
            cooling.add(cooldown).where(tired, cooling),
        )

    return Plateau(init, update)
