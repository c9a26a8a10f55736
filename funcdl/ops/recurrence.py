"""A recurrent unit over a sequence: all that does not depend on which unit it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from funcdl.ops.affine import affine
from funcdl.tensor import Tensor

__all__ = ["Pulled", "Run", "States", "Unit", "begun", "run", "stopped"]

States = tuple[Tensor, ...]
"""The state of a unit: h, or h and c."""

Unit = Callable[..., tuple[States, Callable[..., tuple[Tensor, Tensor, States]]]]
"""`unit(a, b, w, first, held) -> (states, back)`, one model after the other:

    a: (time, models, n, parts hidden), what the input gives to the gates
    b: (models, 1, parts hidden), added to them, or None
    w: (models, hidden, parts hidden), by which h is multiplied
    first: the state before the first step, each (models, n, hidden); None for zeros
    held: (time, models, n, 1), True where a step leaves the state as it is; None for nowhere
    states: each (time + 1, models, n, hidden), the first one included; that of h stands first

and `back(dys, dlast, need_first) -> (da, db, dfirst)`: from the cotangents of h at all times and of
the last state to those of what was added up, input and state apart, and of the first state.
"""


class Pulled(NamedTuple):
    """The cotangents of the weights, ((dwx, dbx), (dwh, dbh)), of x and of the first state."""

    dweights: Any
    dx: Tensor | None
    dfirst: States


class Run(NamedTuple):
    """What came of a sequence.

    Attributes:
        y: h at all times, (…, time, hidden).
        last: the state after the last step, each (…, hidden).
        pull: `(dy, dlast, need_dx, need_first) -> Pulled`; None stands for a cotangent of 0.
    """

    y: Tensor
    last: States
    pull: Callable[..., Pulled]


def run(
    unit: Unit,
    x: Tensor,
    weights: Any,
    first: States | None = None,
    held: Tensor | None = None,
    backwards: bool = False,
) -> Run:
    """Run a unit over a sequence.

    The inputs of all times are multiplied by their weights at once, and so are the states in the
    backward pass, dwₕ = Σ hₜ₋₁ᵀ dbₜ.

    Args:
        unit: what a step is.
        x: (*models, …, time, in); 0 where it is held.
        weights: ((wx, bx), (wh, bh)), with the model axes in front.
        first: the state before the first step, each (*models, …, hidden); zeros without it.
        held: as `stopped` gives it: there the state stays, and y is 0.
        backwards: whether the last time step comes first.

    Werbos, "Backpropagation through time" (1990).
    """
    (wx, bx), (wh, bh) = weights
    models, (*lead, time, _) = wx.shape[:-2], x.shape
    hidden, width = wh.shape[-2:]
    rows = (math.prod(models), math.prod(lead[len(models) :]))

    def turned(t: Tensor) -> Tensor:
        return t.flip(0) if backwards else t

    # Time first and all models in one axis: each step is contiguous and one product.
    a, pull_x = affine(x, wx, bx)
    a = turned(a.reshape(*rows, time, width).movedim(-2, 0))
    b = None if isinstance(bh, tuple) else bh.reshape(-1, 1, width)
    at_first = None if first is None else tuple(t.reshape(*rows, hidden) for t in first)
    over = None if held is None else turned(held)
    states, back = unit(a, b, wh.reshape(-1, hidden, width), at_first, over)
    hs = states[0]
    y = hs[1:] if over is None else hs[1:].masked_fill(over, 0)

    def pull(dy: Tensor | None, dlast: Any, need_dx: bool, need_first: bool) -> Pulled:
        if dy is None:
            dys = hs.new_zeros(hs[1:].shape)
        else:
            dys = turned(dy.reshape(*rows, time, hidden).movedim(-2, 0))
            dys = dys if over is None else dys.masked_fill(over, 0)
        ends = [
            hs.new_zeros(hs.shape[1:]) if d is None else d.reshape(*rows, hidden).clone()
            for d in dlast
        ]
        da, db, dfirst = back(dys, ends, need_first)
        dwx, dbx, dx = pull_x(turned(da).movedim(0, -2).reshape(*lead, time, width), need_dx)
        dbs = _over_time(db)
        dwh = _over_time(hs[:-1]).mT.bmm(dbs).reshape(wh.shape)
        dbh = bh if isinstance(bh, tuple) else dbs.sum(-2).reshape(bh.shape)
        begin = tuple(d.reshape(*lead, hidden) for d in dfirst)
        return Pulled(((dwx, dbx), (dwh, dbh)), dx, begin)

    y = turned(y).movedim(0, -2).reshape(*lead, time, hidden)
    return Run(y, tuple(s[-1].reshape(*lead, hidden) for s in states), pull)


def begun(a: Tensor, hidden: int, first: States | None, count: int) -> States:
    """Make room for the states of all times, of zeros but for the first."""
    time, *rows, _ = a.shape
    states = tuple(a.new_zeros((time + 1, *rows, hidden)) for _ in range(count))
    for state, begin in zip(states, first or ()):
        state[0].copy_(begin)
    return states


def stopped(over: Tensor, models: int) -> Tensor:
    """Lay out where sequences have ended, (*models, …, time), as `run` takes it."""
    *lead, time = over.shape
    rows = (math.prod(lead[:models]), math.prod(lead[models:]))
    return over.reshape(-1, time).mT.reshape(time, *rows, 1)


def _over_time(t: Tensor) -> Tensor:
    """Give the rows of all times of each model: (time, models, n, …) to (models, time n, …)."""
    return t.movedim(0, 1).flatten(1, 2)
