"""From transforms of the gradient to an optimiser: a step along what comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from funcdl import tree
from funcdl.arguments import number, show
from funcdl.contract import Params
from funcdl.errors import FuncdlError, KindError, ShapeError, exhausted
from funcdl.misfit import apart, first_line, is_ours
from funcdl.optimisers.transform import Transform, chain, count
from funcdl.portable import packed
from funcdl.tensor import Tensor

__all__ = ["Optimiser", "OptimiserState", "Rate", "optimiser"]

Rate = float | Callable[[Tensor], Tensor]
"""A number, or a schedule: a function from the count of steps taken, a float64 tensor without
axes, to such a tensor. See `funcdl.schedules`."""


class Optimiser(NamedTuple):
    """`init(params) -> state` and `update(params, grads, state) -> (params, state)`."""

    init: Callable[[Params], Any]
    update: Callable[[Params, Params, Any], tuple[Params, Any]]

    def __reduce__(self) -> Any:
        return Optimiser, packed((self.init, self.update))

    def __copy__(self) -> Optimiser:
        return self

    def __deepcopy__(self, memo: Any) -> Optimiser:
        return self


class OptimiserState(NamedTuple):
    """What an optimiser carries from step to step.

    Attributes:
        lr: the learning rate of the last step; of the first one, before there was any. float64,
            without axes.
        steps: the number of steps taken where the rate is a schedule; else `()`.
        transforms: the state of each transform.
    """

    lr: Tensor
    steps: Any
    transforms: tuple[Any, ...]


def optimiser(*transforms: Transform, lr: Rate) -> Optimiser:
    """Make an optimiser of transforms and a learning rate.

        u = the gradient, transformed        p ← p − lr u

    Args:
        transforms: in the order in which they are applied.
        lr: the learning rate, at least 0, or a schedule.

    Returns:
        An optimiser whose state is an `OptimiserState`.

    Raises:
        InputError, KindError: an argument is out of its range, or no transform.
        ShapeError, KindError: a gradient has another shape or dtype than its parameter.
        TreeError: `grads` has another structure than `params`.

    Robbins and Monro, "A stochastic approximation method" (1951); as a chain of transforms: the
    library optax (DeepMind, 2020).

    >>> import torch
    >>> from funcdl import clip_by_global_norm, decay, scale_by_adam
    >>> adamw = optimiser(clip_by_global_norm(1.0), scale_by_adam(), decay(0.01), lr=0.1)
    >>> params = (torch.tensor([1.0]),)
    >>> params, state = adamw.update(params, (torch.tensor([5.0]),), adamw.init(params))
    >>> params, float(state.lr)
    ((tensor([0.8990]),), 0.1)
    """
    if not callable(lr):
        number("optimiser", "lr", lr, 0)
    inner = chain(*transforms)

    def init(params: Params) -> OptimiserState:
        steps = count()
        rate = lr(steps) if callable(lr) else steps.add(lr)
        return OptimiserState(rate, steps if callable(lr) else (), inner.init(params))

    def update(
        params: Params, grads: Params, state: OptimiserState
    ) -> tuple[Params, OptimiserState]:
        try:
            updates, transformed = inner.update(grads, state.transforms, params)
            if not callable(lr):
                moved = tree.map(lambda p, u: p.add(_fitting(p, u), alpha=-lr), params, updates)
                return moved, OptimiserState(state.lr, (), transformed)
            rate = lr(state.steps)
            moved = tree.map(lambda p, u: p.sub(_times(_fitting(p, u), rate)), params, updates)
        except FuncdlError:
            raise
        except (RuntimeError, TypeError, AttributeError, MemoryError) as error:
            if (problem := exhausted("optimiser", error)) is not None:
                raise problem from error
            _compare(params, grads)
            if (problem := apart("optimiser", params, grads)) is not None:
                raise problem from error
            if is_ours(error):
                raise KindError(
                    "optimiser: expected the state that init made for such params, and updates of "
                    f"their shapes and dtypes, got others: {first_line(error)}"
                ) from error
            raise
        return moved, OptimiserState(rate, state.steps + 1, transformed)

    return Optimiser(init, update)


def _fitting(p: Tensor, u: Tensor) -> Tensor:
    """Return an update of its parameter's shape and dtype: torch would broadcast or promote."""
    if u.shape != p.shape or u.dtype is not p.dtype:
        raise RuntimeError("an update of another shape or dtype than its parameter")
    return u


def _times(u: Tensor, rate: Tensor) -> Tensor:
    """Multiply by a rate in float64; what has no axes itself would take its dtype."""
    return u.mul(rate) if u.ndim else u.clone().mul_(rate)


def _compare(params: Params, grads: Params) -> None:
    """Raise an error for the first gradient that is not as its parameter is."""
    for path, p, g in zip(tree.paths(params), tree.leaves(params), tree.leaves(grads)):
        if not isinstance(p, Tensor) or not p.is_floating_point():
            kind = p.dtype if isinstance(p, Tensor) else type(p).__name__
            raise KindError(
                f"optimiser: expected params{path} to be a tensor of floats, got {kind}"
            ) from None
        if not isinstance(g, Tensor) or g.dtype != p.dtype:
            kind = g.dtype if isinstance(g, Tensor) else type(g).__name__
            raise KindError(
                f"optimiser: expected a gradient of {p.dtype} for params{path}, got {kind}"
            ) from None
        if g.shape != p.shape:
            raise ShapeError(
                f"optimiser: expected a gradient of shape {show(tuple(p.shape))} for params{path}, "
                f"got {show(tuple(g.shape))}"
            ) from None
