"""Properties of leading axes: a batch's, and those of models."""

from __future__ import annotations

from typing import Any

from funcdl import tree
from funcdl.judge.trial import BrokenError, SkippedError, Trial, copied, cotangent, differing

__all__ = ["batches", "models"]


def models(trial: Trial) -> None:
    """Ask that a leading axis of models equals a loop."""
    if trial.stacked is None:
        raise SkippedError("it has no axis of models")
    rng = trial.start()
    each = [trial.drawn(rng) for _ in range(3)]
    y, vjp = trial.stacked(*tree.stack(each))
    alone = [trial.layer(*copied(one)) for one in each]
    if what := differing(y, tree.stack([y for y, _ in alone]), exactly=False):
        raise BrokenError(f"three models in one pass give another y than each alone: {what}")
    dys = [cotangent(y, rng) for y, _ in alone]
    dparams, dx = vjp(_stacked(dys))
    back = [pull(dy) for (_, pull), dy in zip(alone, dys)]
    if what := differing(dparams, tree.stack([dp for dp, _ in back]), exactly=False):
        raise BrokenError(f"three models in one pass give other dparams than each alone: {what}")
    if what := differing(_given(dx), _given(_stacked([dx for _, dx in back])), exactly=False):
        raise BrokenError(f"three models in one pass give another dx than each alone: {what}")


def batches(trial: Trial) -> None:
    """Ask that one more leading axis is a larger batch, and dparams the sum over its inputs."""
    rng = trial.start()
    (params, x), (_, other) = trial.drawn(rng), trial.drawn(rng)
    if trial.target or (trial.training and trial.layer.needs_rng):
        raise SkippedError("it looks across the batch")
    both = [trial.apply(*copied((params, one))) for one in (x, other)]
    y, vjp = trial.apply(params, tree.stack([x, other]))
    if what := differing(y, tree.stack([y for y, _ in both]), exactly=False):
        raise BrokenError(f"two inputs along a new first axis give another y than each: {what}")
    dys = [cotangent(y, rng) for y, _ in both]
    dparams, dx = vjp(_stacked(dys))
    (dp, d), (dq, e) = (pull(dy) for (_, pull), dy in zip(both, dys))
    if what := differing(dparams, tree.add(dp, dq), exactly=False):
        raise BrokenError(f"dparams of two inputs are not the sum of those of each: {what}")
    if what := differing(_given(dx), _given(_stacked([d, e])), exactly=False):
        raise BrokenError(f"two inputs along a new first axis give another dx than each: {what}")


def _stacked(values: list[Any]) -> Any:
    """Stack values, None where there is none."""

    def stack(*leaves: Any) -> Any:
        return None if leaves[0] is None else tree.stack([(leaf,) for leaf in leaves])[0]

    return tree.map(stack, *values)


def _given(value: Any) -> list[Any]:
    return [leaf for leaf in tree.leaves(value) if leaf is not None]
