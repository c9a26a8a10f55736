"""Properties of a pure function, and of a vjp that is one."""

from __future__ import annotations

from funcdl import tree
from funcdl.judge.trial import BrokenError, Trial, copied, cotangent, differing

__all__ = ["again", "graph", "purity", "repeatable"]


def purity(trial: Trial) -> None:
    """Ask that nothing is written to: params, x, dy, or what was given out before."""
    rng = trial.start()
    params, x = trial.drawn(rng)
    before = copied((params, x))
    y, vjp = trial.apply(params, x)
    for what, now, then in (("params", params, before[0]), ("x", x, before[1])):
        if differing(now, then):
            raise BrokenError(f"applying it writes to {what}")
    dy = cotangent(y, rng)
    kept = copied((dy, y))
    for need_dx in (True, False):
        back = vjp(dy, need_dx)
        given = copied(back)
        vjp(tree.map(lambda d: None if d is None else d.neg(), dy), need_dx)
        pairs = (
            ("params", params, before[0]),
            ("x", x, before[1]),
            ("dy", dy, kept[0]),
            ("y", y, kept[1]),
            ("what it gave before", back, given),
        )
        for what, now, then in pairs:
            if differing(now, then):
                raise BrokenError(f"its vjp writes to {what}")


def repeatable(trial: Trial) -> None:
    """Ask that the same arguments, with the generator in the same state, give the same."""
    rng = trial.start()
    params, x = trial.drawn(rng)
    (y, vjp), (z, pull) = (trial.apply(*copied((params, x))) for _ in range(2))
    if what := differing(z, y):
        raise BrokenError(f"applied once more to the same arguments it gives another y: {what}")
    dy = cotangent(y, rng)
    one = copied(vjp(copied(dy)))
    if what := differing(pull(copied(dy)), one):
        raise BrokenError(f"applied once more it has another vjp: {what}")


def again(trial: Trial) -> None:
    """Ask that a vjp can be called again, after another cotangent, and gives the same."""
    rng = trial.start()
    y, vjp = trial.apply(*trial.drawn(rng))
    dy, other = cotangent(y, rng), cotangent(y, rng)
    first = copied(vjp(copied(dy)))
    vjp(other)
    if what := differing(vjp(copied(dy)), first):
        raise BrokenError(f"its vjp, called once more, gives something else: {what}")


def graph(trial: Trial) -> None:
    """Ask that nothing carries a graph of autograd's."""
    rng = trial.start()
    params, x = trial.drawn(rng)
    y, vjp = trial.apply(params, x)
    drawn, _ = trial.layer.init(rng, trial.shape)
    for leaf in tree.leaves((y, vjp(cotangent(y, rng)), drawn)):
        if leaf is not None and (leaf.grad_fn is not None or leaf.requires_grad):
            raise BrokenError("it gives tensors that carry a graph of autograd's: detach them")
