"""The moving average of the parameters, beside the parameters."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcdl import tree
from funcdl.arguments import number
from funcdl.contract import Params
from funcdl.errors import KindError, exhausted
from funcdl.misuse import kind_of
from funcdl.optimisers.optimiser import Optimiser, expect_state
from funcdl.optimisers.statistics import has_statistics, with_statistics, without_statistics
from funcdl.signature.kinds import first_line
from funcdl.tensor import wide

__all__ = ["Averaged", "averaged"]


class Averaged(NamedTuple):
    """State of an averaged optimiser: the inner one's, and the average of the parameters."""

    optimiser: Any
    average: Params


def averaged(inner: Optimiser, rate: float) -> Optimiser:
    """Keep an exponential moving average of the parameters while an optimiser moves them.

        a ← rate a + (1 − rate) p, after each step; it begins with the first parameters

    Args:
        inner: the optimiser.
        rate: in [0, 1).

    Returns:
        An optimiser that takes the same steps, whose state is `Averaged(optimiser, average)`: use
        `state.average` for parameters. A batch norm's statistics are in it as the parameters have
        them: `calibrate` measures those of the average. That of half-precision parameters is kept
        in float32, where small steps are not rounded away: round it where the network computes in
        half precision, `tree.map(lambda a: a.half(), state.average)`.

    Raises:
        InputError, KindError: `rate` is out of its range, or `inner` is not an optimiser.

    Polyak and Juditsky, "Acceleration of stochastic approximation by averaging" (1992).

    >>> import torch
    >>> from funcdl import sgd
    >>> descend = averaged(sgd(1.0), 0.5)
    >>> params = (torch.tensor([4.0]),)
    >>> params, state = descend.update(params, (torch.tensor([2.0]),), descend.init(params))
    >>> params, state.average
    ((tensor([2.]),), (tensor([3.]),))
    """
    if not isinstance(inner, Optimiser):
        raise KindError(f"averaged: expected an optimiser, got {kind_of(inner)}")
    number("averaged", "rate", rate, 0, 1)

    def init(params: Params) -> Averaged:
        return Averaged(inner.init(params), tree.map(lambda p: wide(p).clone(), params))

    def update(params: Params, grads: Params, state: Averaged) -> tuple[Params, Averaged]:
        expect_state("averaged", Averaged, state)
        params, kept = inner.update(params, grads, state.optimiser)
        if not has_statistics(params):
            return params, Averaged(kept, _averages(state.average, params))
        learnt = without_statistics(state.average), without_statistics(params)
        return params, Averaged(kept, with_statistics(_averages(*learnt), tree.map(wide, params)))

    def _averages(average: Params, params: Params) -> Params:
        try:
            return tree.map(lambda a, p: wide(a).lerp(wide(p), 1 - rate), average, params)
        except RuntimeError as error:
            other = KindError(
                "averaged: expected the state that init made for such params, got the average of "
                f"others: {first_line(error)}"
            )
            raise (exhausted("averaged", error) or other) from error

    return Optimiser(init, update)
