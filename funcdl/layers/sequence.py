"""Recurrent layers over sequences: several layers, both directions, states and lengths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from funcdl.arguments import integer, number
from funcdl.contract import Layer, Vjp, declared
from funcdl.errors import InputError, KindError
from funcdl.initialisers import Initialiser
from funcdl.layers.dropout import dropout
from funcdl.layers.half import in_float32
from funcdl.layers.recurrent import Kind, drawing, recurrent
from funcdl.layers.windows import written
from funcdl.misuse import short
from funcdl.ops.layout import cat
from funcdl.ops.padding import beyond, ended
from funcdl.ops.recurrence import run, stopped
from funcdl.signature import Signature, each
from funcdl.tensor import Generator, Tensor

__all__ = ["Options", "running"]


class Options(NamedTuple):
    """What all of these layers can be asked for; `gru` tells what it means."""

    layers: int = 1
    bidirectional: bool = False
    dropout: float = 0.0
    initial: bool = False
    final: bool = False
    lengths: bool = False

    @property
    def ways(self) -> int:
        """Return the number of directions."""
        return 2 if self.bidirectional else 1

    def expect(self, name: str) -> None:
        """Refuse what is out of range."""
        integer(name, "layers", self.layers, 1)
        number(name, "dropout", self.dropout, 0, 1)
        for what in ("bidirectional", "initial", "final", "lengths"):
            if not isinstance(value := getattr(self, what), bool):
                raise KindError(f"{name}: expected {what} to be True or False, got {short(value)}")
        if self.dropout and self.layers == 1:
            raise InputError(
                f"{name}: expected 2 layers or more for dropout to stand between, got 1"
            )


USUAL = Options()


def running(
    kind: Kind, hidden: int, options: Options, w_init: Initialiser, b_init: Initialiser | None
) -> Layer:
    """Make a layer that runs a unit over sequences."""
    integer(kind.name, "hidden", hidden, 1)
    options.expect(kind.name)
    ways, count = options.ways, options.layers * options.ways
    noise = dropout(options.dropout)

    def several(one: Any) -> tuple[Any, ...]:
        """List what a layer of one unit has alone."""
        return (one,) if count == 1 else one

    def value(each: Sequence[Any]) -> Any:
        return each[0] if count == 1 else tuple(each)

    @in_float32
    def apply(params: Any, x: Any, rng: Generator | None = None) -> tuple[Any, Vjp]:
        weights = several(params)
        y, *others = x if isinstance(x, tuple) else (x,)
        held = over = None
        if options.lengths:
            over = ended(others[-1], y.shape[-2])
            held, over = stopped(over, weights[0].x.w.ndim - 2), over.unsqueeze(-1)
            y = y.masked_fill(over, 0)  # whatever the padding is
        firsts: Sequence[Any] = [None] * count
        if options.initial:
            firsts = [kind.tensors(state) for state in several(others[0])]
        lasts: list[Any] = []
        levels: list[Any] = []
        noises: list[Any] = [None]
        for at in range(0, count, ways):
            if at:
                y, pull = noise.apply((), y, rng)
                noises.append(pull)
            y, last, level = _level(kind, y, weights[at : at + ways], firsts[at : at + ways], held)
            lasts += last
            levels.append(level)

        def vjp(dy: Any, need_dx: bool = True) -> tuple[Any, Any]:
            back, dlasts = dy if options.final else (dy, None)
            ends = [kind.tensors(d) for d in several(dlasts) or [None] * count]
            dparams: list[Any] = []
            dfirsts: list[Any] = []
            need_first = need_dx and options.initial
            for i in reversed(range(options.layers)):
                here = ends[i * ways : (i + 1) * ways]
                back, dweights, begun = levels[i](back, here, need_dx or i > 0, need_first)
                dparams[:0], dfirsts[:0] = dweights, begun
                if i:
                    _, back = noises[i](back)
            if not need_dx:
                return value(dparams), None
            if over is not None:
                back = back.masked_fill(over, 0)
            if not others:
                return value(dparams), back
            state = (value(dfirsts),) if options.initial else ()
            return value(dparams), (back, *state, *(None,) * options.lengths)

        return (y, value(lasts)) if options.final else y, vjp

    settings = {what: (getattr(options, what), getattr(USUAL, what)) for what in USUAL._fields}
    return declared(
        kind.name,
        _takes(kind, hidden, options),
        apply,
        value([drawing(w_init, b_init)] * count),
        written(hidden, *kind.args, **settings),
        needs_rng=options.dropout > 0,
    )


def _level(
    kind: Kind, x: Tensor, weights: Sequence[Any], firsts: Sequence[Any], held: Tensor | None
) -> tuple[Tensor, list[Any], Callable[..., tuple[Any, list[Any], list[Any]]]]:
    """Run one layer, in one direction or in both."""
    runs = [
        run(kind.unit, x, w, first, held, backwards=i > 0)
        for i, (w, first) in enumerate(zip(weights, firsts))
    ]

    def pull(
        dy: Tensor | None, dlasts: Sequence[Any], need_dx: bool, need_first: bool
    ) -> tuple[Any, list[Any], list[Any]]:
        dys = [None] * len(runs) if dy is None else dy.chunk(len(runs), -1)
        found = [one.pull(*ds, need_dx, need_first) for one, *ds in zip(runs, dys, dlasts)]
        dx: Any = found[0].dx
        for other in found[1:] if need_dx else ():
            dx.add_(other.dx)
        dweights = [recurrent(one.dweights) for one in found]
        return dx, dweights, [kind.value(one.dfirst) for one in found]

    y = runs[0].y if len(runs) == 1 else cat([one.y for one in runs], -1)
    return y, [kind.value(one.last) for one in runs], pull


def _takes(kind: Kind, hidden: int, options: Options) -> Signature:
    """Declare a layer with these options."""
    ways, count = options.ways, options.layers * options.ways
    features = ["in>=0"] * ways + ["wide"] * (count - ways)
    params = tuple(map(kind.params, features))
    states = kind.states() if count == 1 else each(kind.states(), count, "states")
    x: tuple[Any, ...] = ("x: *models … time>=0 in",)
    x += (states,) * options.initial + ("lengths: *models … <limit",) * options.lengths
    y = "*models … time wide"
    return Signature(
        params[0] if count == 1 else params,
        x if len(x) > 1 else "*models … time>=0 in",
        (y, states) if options.final else y,
        hidden=hidden,
        wide=hidden * ways,
        limit=("time", beyond),
    )
