"""Optimisers that take some steps only: they gather gradients, or pass over infinite ones."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from funcdl import tree
from funcdl.arguments import integer, show
from funcdl.contract import Params
from funcdl.errors import KindError, ShapeError
from funcdl.misuse import kind_of
from funcdl.ops.leading import align
from funcdl.optimisers.optimiser import Optimiser, expect_state
from funcdl.optimisers.transform import count, wide_zeros
from funcdl.tensor import Tensor, as_dtype_of, wide

__all__ = ["Accumulated", "Careful", "accumulated", "finite_only"]


class Accumulated(NamedTuple):
    """The inner optimiser's state, the sum of the gradients so far, and of how many."""

    optimiser: Any
    total: Params
    gathered: Tensor


class Careful(NamedTuple):
    """The inner optimiser's state, and how many steps were passed over, of each model."""

    optimiser: Any
    skipped: Tensor


def accumulated(inner: Optimiser, every: int) -> Optimiser:
    """Take a step along the mean of so many gradients, and none in between.

    So a batch is as large as memory is not: k steps on parts of equal size are one on the whole.

    Args:
        inner: the optimiser; its schedule counts the steps that it takes.
        every: at least 1.

    Returns:
        An optimiser whose state is `Accumulated`. Its steps can be staged: each computes what the
        inner one would do, and keeps it or not.

    Raises:
        InputError, KindError: an argument is none of these.

    Ott, Edunov, Grangier and Auli, "Scaling neural machine translation" (2018).

    >>> import torch
    >>> from funcdl import sgd
    >>> descend = accumulated(sgd(1.0), 2)
    >>> params = (torch.tensor([4.0]),)
    >>> state = descend.init(params)
    >>> for slope in (1.0, 3.0):
    ...     params, state = descend.update(params, (torch.tensor([slope]),), state)
    ...     print(params)
    (tensor([4.]),)
    (tensor([2.]),)
    """
    _expect_optimiser("accumulated", inner)
    integer("accumulated", "every", every, 1)

    def init(params: Params) -> Accumulated:
        return Accumulated(inner.init(params), wide_zeros(params), count(params))

    def update(params: Params, grads: Params, state: Accumulated) -> tuple[Params, Accumulated]:
        expect_state("accumulated", Accumulated, state)
        tree.map(lambda p, g: None, params, grads)  # which says where they differ
        total = tree.map(lambda s, g: s.add(wide(g)), state.total, grads)
        gathered = state.gathered + 1
        full = gathered.ge(every)
        mean = tree.map(lambda s, g: as_dtype_of(s.mul(1 / every), g), total, grads)
        moved, after = inner.update(params, mean, state.optimiser)
        rest = full.logical_not()
        kept = Accumulated(
            _either(full, after, state.optimiser),
            tree.map(lambda s: s.where(rest.to(s.device), 0), total),
            gathered.where(rest, 0),
        )
        return _either(full, moved, params), kept

    return Optimiser(init, update)


def finite_only(inner: Optimiser, *, models: int = 0) -> Optimiser:
    """Pass over a step whose gradient is not finite: parameters and state stay as they are.

    Args:
        inner: the optimiser.
        models: leading axes that count models: each passes over its own steps. What the state has
            one of for all models, such as a count of steps, goes on.

    Returns:
        An optimiser whose state is `Careful`: `state.skipped` counts the steps passed over, one
        number or (*models,). Its steps can be staged.

    Raises:
        InputError, KindError: an argument is none of these.
        ShapeError: a gradient has fewer axes than the models'.

    Micikevicius et al., "Mixed precision training" (2018).

    >>> import torch
    >>> from funcdl import sgd
    >>> descend = finite_only(sgd(1.0))
    >>> params = (torch.tensor([4.0]),)
    >>> wrong = (torch.tensor([float("nan")]),)
    >>> params, state = descend.update(params, wrong, descend.init(params))
    >>> params, int(state.skipped)
    ((tensor([4.]),), 1)
    """
    _expect_optimiser("finite_only", inner)
    integer("finite_only", "models", models, 0)

    def init(params: Params) -> Careful:
        first = next(iter(tree.leaves(params)), None)
        skipped = count(params)
        if models and isinstance(first, Tensor):
            skipped = skipped.expand(_models_of(first, models)).clone()
        return Careful(inner.init(params), skipped)

    def update(params: Params, grads: Params, state: Careful) -> tuple[Params, Careful]:
        expect_state("finite_only", Careful, state)
        largest = state.skipped.mul(0.0)
        for g in tree.leaves(grads):
            # Of the largest size NaN comes out too. What has no numbers is finite.
            if isinstance(g, Tensor) and g.numel():
                size = g.abs().reshape(*_models_of(g, models), -1).amax(-1)
                largest = largest.maximum(size.to(largest.device, largest.dtype))
        good = largest.lt(math.inf)
        moved, after = inner.update(params, grads, state.optimiser)
        kept = _either(good, after, state.optimiser)
        skipped = state.skipped.add(good.logical_not())
        return _either(good, moved, params), Careful(kept, skipped)

    return Optimiser(init, update)


def _expect_optimiser(where: str, inner: Any) -> None:
    if not isinstance(inner, Optimiser):
        raise KindError(f"{where}: expected an optimiser, got {kind_of(inner)}")


def _models_of(p: Tensor, models: int) -> tuple[int, ...]:
    if p.ndim < models:
        raise ShapeError(
            f"finite_only: expected parameters with {models} axes of models or more, got "
            f"{show(tuple(p.shape))}"
        )
    return tuple(p.shape[:models])


def _either(flag: Tensor, new: Any, old: Any) -> Any:
    """Choose the new leaves where the flag is set, which may be one for each model."""

    def choose(a: Any, b: Any) -> Any:
        if not isinstance(a, Tensor) or not isinstance(b, Tensor):
            return a
        if a.shape[: flag.ndim] != flag.shape:
            return a  # there is one for all models
        here = flag.to(a.device)
        return a.where(align(here, a, 0) if flag.ndim else here, b)

    return tree.map(choose, new, old)
