"""From transforms of the gradient to an optimiser: a step along what comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from funcdl import tree
from funcdl.arguments import each_number, number, show
from funcdl.contract import Params
from funcdl.errors import FuncdlError, KindError, ShapeError, exhausted
from funcdl.misuse import factory, kind_of
from funcdl.optimisers.rates import Each, fitted
from funcdl.optimisers.statistics import has_statistics, with_statistics, without_statistics
from funcdl.optimisers.transform import Transform, chain, count
from funcdl.portable import packed
from funcdl.tensor import FULL, Tensor, as_dtype_of, wide

__all__ = [
    "Optimiser",
    "OptimiserState",
    "Rate",
    "checked_rate",
    "expect_like",
    "expect_state",
    "optimiser",
]

Rate = Each | Callable[[Tensor], Tensor]
"""A number, one for each model (*models,), or a schedule: a function from the count of steps taken,
a float64 tensor without axes, to such a tensor or one (*models,). See `funcdl.schedules`."""


def checked_rate(where: str, lr: Rate) -> None:
    """Refuse what is neither a number of at least 0, or several of them, nor a schedule."""
    if factory(lr):
        raise KindError(f"{where}: expected lr to be a number or a schedule, got {kind_of(lr)}")
    if not callable(lr):
        each_number(where, "lr", lr, 0)


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
        lr: the learning rate: of the next step, where the caller has set it; else of the last step
            (of the first one, before there was any). float64, without axes, or (*models,).
        steps: the number of steps taken where the rate is a schedule; else `()`.
        transforms: the state of each transform.
        planned: what `lr` was left as, where the rate is a schedule: one that differs was set by
            the caller. Else `()`.
    """

    lr: Tensor
    steps: Any
    transforms: tuple[Any, ...]
    planned: Any = ()


def optimiser(*transforms: Transform, lr: Rate) -> Optimiser:
    """Make an optimiser of transforms and a learning rate.

        u = the gradient, transformed        p ← p − lr u

    The rate is in the state, and a step takes the one that it finds there: with
    `state._replace(lr=state.lr / 2)` the steps go on at half the rate. A schedule is asked in every
    step; a rate that is set by hand is that of one step, after which the schedule goes on.

    Args:
        transforms: in the order in which they are applied.
        lr: the learning rate, at least 0, or a schedule; one, or (*models,) for parameters that
            begin with the models' axes.

    Returns:
        An optimiser whose state is an `OptimiserState`. Population statistics, such as a batch
        norm's mean and var, come out as they went in: no transform sees them or their gradient.

    Raises:
        InputError, KindError: an argument is out of its range, or not a transform.
        ShapeError, KindError: a gradient has another shape or dtype than its parameter, or the rate
            has axes that a parameter does not begin with.
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
    >>> slower = state._replace(lr=state.lr / 10)
    >>> params, state = adamw.update(params, (torch.tensor([5.0]),), slower)
    >>> params, float(state.lr)
    ((tensor([0.8889]),), 0.01)
    """
    checked_rate("optimiser", lr)
    inner = chain(*transforms)

    def init(params: Params) -> OptimiserState:
        if has_statistics(params):
            params = without_statistics(params)
        steps = count(params)
        if not callable(lr):
            rate = lr.to(steps) if isinstance(lr, Tensor) else steps.add(lr)
            return OptimiserState(rate, (), inner.init(params))
        rate = _rate(lr(steps))
        return OptimiserState(rate, steps, inner.init(params), rate.clone())

    def update(
        params: Params, grads: Params, state: OptimiserState
    ) -> tuple[Params, OptimiserState]:
        if not has_statistics(params):
            return descend(params, grads, state)
        moved, state = descend(without_statistics(params), without_statistics(grads), state)
        return with_statistics(moved, params), state

    def descend(
        params: Params, grads: Params, state: OptimiserState
    ) -> tuple[Params, OptimiserState]:
        try:
            updates, transformed = inner.update(grads, state.transforms, params)
            rate = _rate(state.lr)
            if not callable(lr):
                return _moved(params, updates, rate), OptimiserState(state.lr, (), transformed)
            rate = _rate(lr(state.steps)).where(rate.eq(state.planned), rate)
            moved = _moved(params, updates, rate)
        except FuncdlError:
            raise
        except (RuntimeError, TypeError, AttributeError, MemoryError) as error:
            if (problem := exhausted("optimiser", error)) is not None:
                raise problem from error
            expect_state("optimiser", OptimiserState, state)
            expect_like("optimiser", "a gradient {kind} for params{path}", grads, params)
            kept = "the state that init made for such params, with state.transforms{path} {kind}"
            expect_like("optimiser", kept, state.transforms, inner.init(params))
            raise
        # Of the dtypes that they had, so that a staged step goes on.
        shown = as_dtype_of(rate, state.lr) if isinstance(state.lr, Tensor) else rate
        planned = as_dtype_of(shown.clone(), state.planned)
        return moved, OptimiserState(shown, state.steps + 1, transformed, planned)

    return Optimiser(init, update)


def expect_state(where: str, kind: type, state: Any) -> None:
    """Refuse what is not a state of such an optimiser."""
    if not isinstance(state, kind):
        raise KindError(
            f"{where}: expected the state that init made for such params, of class "
            f"{kind.__name__}, got {type(state).__name__}"
        )


def _rate(rate: Any) -> Tensor:
    """Return a rate, or one for each model, as a tensor."""
    if not isinstance(rate, Tensor):
        return count().add(number("optimiser", "the rate", rate, 0))
    return rate


def _moved(params: Params, updates: Params, rate: Tensor) -> Params:
    """Compute p − rate u, in float32 or wider."""
    rates: dict[Any, Tensor] = {}

    def step(p: Tensor, u: Tensor) -> Tensor:
        if u.shape != p.shape or (dtype := u.dtype) is not p.dtype:
            # torch would broadcast the one, and promote the other.
            raise RuntimeError("an update of another shape or dtype than its parameter")
        if dtype not in rates:
            # Once for all parameters: a product of two dtypes takes twice as long.
            rates[dtype] = as_dtype_of(rate, wide(p))
        each = rates[dtype]
        if each.ndim:
            each = fitted(each, p, "optimiser", "rate")
        if dtype in FULL:
            return p.addcmul(u, each, value=-1)
        return wide(p).addcmul(wide(u), each, value=-1).to(dtype)

    return tree.map(step, params, updates)


def expect_like(where: str, what: str, given: Any, params: Params) -> None:
    """Refuse tensors that are not as those beside them are, in shape, dtype or device.

    Args:
        where: what errors begin with.
        what: the sentence's subject, with `{path}` of a tensor and `{kind}` for how it should be.
        given: the tensors that are looked at.
        params: what they are to be like.

    Raises:
        TreeError: the structures differ.
        KindError, ShapeError: the first leaf that is not as its neighbour says so.
    """
    tree.map(lambda p, g: None, params, given)
    for path, p, g in zip(tree.paths(params), tree.leaves(params), tree.leaves(given)):
        if not isinstance(p, Tensor) or not p.is_floating_point():
            kind = p.dtype if isinstance(p, Tensor) else type(p).__name__
            raise KindError(f"{where}: expected params{path} to be a tensor of floats, got {kind}")
        for kind in ("dtype", "device", "shape"):
            wanted, got = getattr(p, kind), getattr(g, kind, type(g).__name__)
            if wanted == got:
                continue
            if kind == "shape":
                wanted, got = f"shape {show(wanted)}", show(tuple(got))
            said = what.format(path=path, kind=f"{'on' if kind == 'device' else 'of'} {wanted}")
            error = ShapeError if kind == "shape" else KindError
            raise error(f"{where}: expected {said}, got {got}")
