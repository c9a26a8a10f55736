"""Properties of shapes, structures and dtypes."""

from __future__ import annotations

from typing import Any

from funcdl import tree
from funcdl.answer import beside
from funcdl.arguments import show
from funcdl.contract import shape_of
from funcdl.errors import FuncdlError
from funcdl.judge.trial import (
    BrokenError,
    SkippedError,
    Trial,
    copied,
    cotangent,
    differing,
    spread,
)

__all__ = ["cotangents", "dtypes", "initialisation", "shapes"]


def shapes(trial: Trial) -> None:
    """Ask that `init` says the shape that the output has."""
    rng = trial.start()
    y, _ = trial.apply(*trial.drawn(rng))
    _, said = trial.layer.init(rng, trial.shape)
    if said != shape_of(y):
        raise BrokenError(f"init says {show(said)}, and the output is {show(shape_of(y))}")


def initialisation(trial: Trial) -> None:
    """Ask that the same generator draws the same parameters."""
    one, other = (trial.layer.init(trial.start(), trial.shape)[0] for _ in range(2))
    if what := differing(one, other):
        raise BrokenError(f"init draws other parameters from the same generator: {what}")


def cotangents(trial: Trial) -> None:
    """Ask that dparams are as params, dx as x, in structure, shapes and dtypes, none missing."""
    rng = trial.start()
    params, x = trial.drawn(rng)
    y, vjp = trial.apply(copied(params), copied(x))
    dparams, dx = vjp(cotangent(y, rng))
    beside(trial.layer.name, "params", params, dparams)
    beside(trial.layer.name, "x", x, dx)
    last = len(tree.leaves(x[-1])) if trial.target and isinstance(x, tuple) else 0
    leaves, paths = tree.leaves(x), tree.paths(x)
    for path, leaf, d in list(zip(paths, leaves, spread(dx, x)))[: len(leaves) - last]:
        if d is None and leaf.is_floating_point():
            hint = ": is it data? target=True says so" if isinstance(x, tuple) else ""
            raise BrokenError(f"the vjp gives None for x{path}, which is made of floats{hint}")


def dtypes(trial: Trial) -> None:
    """Ask that float32 comes out as float32, both ways, and is what float64 gives."""
    rng = trial.start()
    exact = trial.drawn(rng)
    rough = tree.map(_rounded, exact)
    try:
        y, vjp = trial.apply(*rough)
    except (FuncdlError, RuntimeError) as error:
        raise SkippedError(f"it takes no float32 ({error})") from None
    dy = tree.map(lambda leaf: leaf.new_ones(leaf.shape), y)
    found = (y, *vjp(dy))
    for what, value in zip(("y", "dparams", "dx"), found):
        for path, leaf in zip(tree.paths(value), tree.leaves(value)):
            if leaf is not None and leaf.is_floating_point() and "float32" not in str(leaf.dtype):
                raise BrokenError(f"float32 goes in, and {what}{path} comes out as {leaf.dtype}")
    if trial.training:  # float32 draws other numbers
        return
    y, vjp = trial.apply(*tree.map(_doubled, rough))
    sharp = (y, *vjp(tree.map(lambda leaf: leaf.new_ones(leaf.shape), y)))
    for a, b in zip(tree.leaves(found), tree.leaves(sharp)):
        if b is not None and not float(a.double().sub(b).norm()) <= 1e-3 * (float(b.norm()) + 1):
            raise BrokenError("float32 gives other numbers than float64, by more than rounding")


def _rounded(t: Any) -> Any:
    return t.float() if t.is_floating_point() else t


def _doubled(t: Any) -> Any:
    return t.double() if t.is_floating_point() else t
