"""The property of a staged step: it gives the pure step's numbers."""

from __future__ import annotations

from typing import Any

from funcdl import tree
from funcdl.contract import Layer, Params, Value
from funcdl.function import layer
from funcdl.judge.trial import BrokenError, Trial, differing
from funcdl.optimisers import sgd
from funcdl.staging.stage import stage
from funcdl.training import training_step

__all__ = ["staged"]

STEPS = 3


def staged(trial: Trial) -> None:
    """Ask that a staged training step gives the pure one's numbers, but for rounding."""
    params, x = trial.drawn(trial.start())
    step, optimiser = training_step(_half_of_squares(trial.layer), sgd(0.01)), sgd(0.01)
    found = []
    for how in (step, stage(step)):
        rng = (trial.start(),) if trial.training else ()
        carried: Any = params, optimiser.init(params)
        losses = []
        for _ in range(STEPS):
            *carried, loss = how(*carried, x, *rng)
            losses.append(loss)
        found.append((carried[0], losses))
    if what := differing(found[1], found[0], exactly=False, room=1e-8):
        raise BrokenError(f"a staged step gives other numbers than the pure one: {what}")


def _half_of_squares(part: Layer) -> Layer:
    """Make an objective of any layer: half the sum of the squares of its outputs."""

    def apply(params: Params, x: Value, rng: Any = None) -> Any:
        y, pull = part(params, x, rng)
        floats = [leaf for leaf in tree.leaves(y) if leaf.is_floating_point()]
        total = floats[0].square().sum()
        for leaf in floats[1:]:
            total = total + leaf.square().sum()

        def vjp(dl: Any, need_dx: bool = True) -> Any:
            dy = tree.map(lambda leaf: leaf * dl if leaf.is_floating_point() else None, y)
            return pull(dy, need_dx)

        return total * 0.5, vjp

    return layer(apply, part.init, "half of squares", needs_rng=False)
