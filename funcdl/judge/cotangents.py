"""Properties of a vjp as a linear map, and of what is not asked for."""

from __future__ import annotations

from funcdl import tree
from funcdl.check import check
from funcdl.contract import Layer
from funcdl.errors import DerivativeError, ShapeError
from funcdl.function import layer
from funcdl.judge.trial import (
    BrokenError,
    SkippedError,
    Trial,
    copied,
    cotangent,
    differing,
    spread,
)

__all__ = ["derivative", "linear", "nothing", "part_of_nothing", "unasked"]


def derivative(trial: Trial) -> None:
    """Ask that ⟨u, J v⟩ = ⟨Jᵀ u, v⟩, J from central differences: see `check`."""
    rng = trial.start()
    params, x = trial.drawn(rng)
    try:
        check(_always_the_same(trial), params, x, rng)
    except (DerivativeError, ShapeError) as error:
        raise BrokenError(str(error).removeprefix(f"{trial.layer.name}: ")) from None


def _always_the_same(trial: Trial) -> Layer:
    """Make a layer that is handed its own generator, or none."""
    return layer(lambda params, x: trial.apply(params, x), name=trial.layer.name)


def linear(trial: Trial) -> None:
    """Ask that vjp(a u + b v) = a vjp(u) + b vjp(v)."""
    rng = trial.start()
    y, vjp = trial.apply(*trial.drawn(rng))
    u, v = cotangent(y, rng), cotangent(y, rng)

    def mixed(a: object, b: object) -> object:
        return tree.map(lambda p, q: None if p is None else p * 2 - q * 3, a, b)

    both, parts = copied(vjp(mixed(u, v))), mixed(copied(vjp(u)), copied(vjp(v)))
    if what := differing(both, parts, exactly=False):
        raise BrokenError(f"its vjp is not linear in dy: {what}")


def unasked(trial: Trial) -> None:
    """Ask that with `need_dx=False` `dparams` are the same and dx is None."""
    rng = trial.start()
    y, vjp = trial.apply(*trial.drawn(rng))
    dy = cotangent(y, rng)
    full, _ = copied(vjp(dy))
    dparams, dx = vjp(dy, need_dx=False)
    if dx is not None:
        raise BrokenError("with need_dx=False its vjp gives a dx: None is expected")
    if what := differing(dparams, full):
        raise BrokenError(f"with need_dx=False its dparams are others: {what}")


def nothing(trial: Trial) -> None:
    """Ask that None, for what has no cotangent, gives zeros for params and None for the input."""
    params, x = trial.drawn(trial.start())
    _, vjp = trial.apply(params, x)
    dparams, dx = vjp(None)
    if (what := differing(dparams, tree.zeros_like(params))) or dx is not None:
        raise BrokenError(f"for dy=None it gives something: {what or 'a dx'}")


def part_of_nothing(trial: Trial) -> None:
    """Ask that None stands for zeros in a tuple of cotangents."""
    rng = trial.start()
    params, x = trial.drawn(rng)
    y, vjp = trial.apply(params, x)
    leaves, structure = tree.to_leaves(cotangent(y, rng))
    if len(leaves) < 2:
        raise SkippedError("its output is one tensor")
    for i, leaf in enumerate(leaves):
        (with_none, dx), (with_zero, expected) = (
            copied(vjp(tree.from_leaves(structure, [*leaves[:i], instead, *leaves[i + 1 :]])))
            for instead in (None, leaf.new_zeros(leaf.shape))
        )
        what = differing(with_none, with_zero)
        for d, wanted in zip(spread(dx, x), spread(expected, x)):
            if d is None and wanted is not None:
                what = what or ("dx is None here alone" if bool(wanted.any()) else "")
            else:
                what = what or differing((d,), (wanted,))
        if what:
            raise BrokenError(f"None in the place of a part of dy is not taken for zeros: {what}")
