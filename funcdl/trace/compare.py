"""The two inner products of each layer, at its own point: ⟨dy, J v⟩ and ⟨Jᵀ dy, v⟩."""

from __future__ import annotations

import warnings
from math import isfinite
from typing import Any, NamedTuple

from funcdl import tree
from funcdl.contract import Layer, Params, Value, Vjp
from funcdl.errors import FuncdlWarning
from funcdl.slope import Point, beside, leaves_beside
from funcdl.tensor import Generator, Tensor
from funcdl.trace.seen import Applied
from funcdl.watching.watcher import Watcher, unwrap

__all__ = ["Compared", "compare"]

STEP = TOLERANCE = 1e-6
TRIES = 4


class Compared(NamedTuple):
    """Two inner products that a right derivative makes equal, in float64.

    Attributes:
        of: what is moved along v: "params" or "x".
        values: ⟨dy, J v⟩, by central differences of the layer's values.
        vjp: ⟨Jᵀ dy, v⟩, by its vjp.
        difference: relative to their size.
        agree: whether it is as small as it has to be; None where that cannot be said.
        note: what else is to be known; empty where there is nothing.
    """

    of: str
    values: float
    vjp: float
    difference: float
    agree: bool | None
    note: str


class _Quiet(Watcher):
    """Leaves out what tells of each call."""

    def layer(self, layer: Layer, params: Params, x: Value, rng: Generator | None) -> Any:
        """Apply a layer, or what `debug` looks at."""
        if layer.name == "debug" and layer.layers:
            return layer.layers[0].apply(params, x, rng)
        return layer.apply(params, x, rng)


def compare(seen: Applied) -> tuple[list[Compared], str]:
    """Compare a layer's vjp with its values at the point where it was applied.

    Both sides are computed in float64, with the same random numbers if there are any, along a
    direction v that is always the same.

    Returns:
        A comparison for the parameters and one for the input, and why there is none for others.
    """
    if seen.dy is None:
        return [], "no cotangent came back: the output has no influence"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FuncdlWarning)
        try:
            flat = _Flat(seen)
        except Exception as error:
            return [], f"not compared, since it cannot be applied in float64: {error}"
        found = [flat.compared(of) for of in ("params", "x") if flat.moved[of]]
    return found, flat.note


class _Flat:
    """A layer as a function of two rows of numbers: all its parameters, and all its input.

    Integers and what has no cotangent stay as they are; of the output, what has a cotangent counts.
    """

    def __init__(self, seen: Applied) -> None:
        self.layer, self.start = seen.layer, seen.start
        self.quiet = any(part.layer.name == "debug" for part in seen.within())
        self.leaves, self.structure = tree.to_leaves(tree.map(_double, (seen.params, seen.x)))
        y, pull = self._apply(self.leaves)
        self.outs, self.out_structure = tree.to_leaves(y)
        given = leaves_beside(seen.layer.name, ((), seen.y), ((), seen.dy))
        self.dy = [None if d is None else d.to(y.dtype) for d, y in zip(given, self.outs)]
        sizes = [float(d.abs().max()) for d in self.dy if d is not None and d.numel()]
        # The derivative is linear in dy: its size must not decide what counts as small.
        self.scale = max(sizes, default=0.0) or 1.0
        back = leaves_beside(seen.layer.name, self.structure, pull(self._whole(self.dy)))
        count, frozen = len(tree.leaves(seen.params)), _frozen(seen)
        given = tree.leaves((seen.params, seen.x))
        moved = [
            i
            for i, (leaf, d) in enumerate(zip(self.leaves, back))
            if leaf.is_floating_point() and d is not None and leaf.numel()
            if id(given[i]) not in frozen
        ]
        self.moved = {
            "params": [i for i in moved if i < count],
            "x": [i for i in moved if i >= count],
        }
        self.note = self._noted(count, back, bool(frozen))

    def _noted(self, count: int, back: list[Any], frozen: bool) -> str:
        """Say what is not moved."""
        if frozen:
            return "frozen parameters are not moved"
        if any(not leaf.is_floating_point() for leaf in self.leaves[count:]):
            return "integers are not moved"
        return "what is data has no cotangent" * any(d is None for d in back[count:])

    def _apply(self, leaves: list[Any]) -> tuple[Value, Vjp]:
        params, x = tree.from_leaves(self.structure, leaves)
        rng = self.start and self.start.clone_state()
        if not self.quiet:
            return self.layer(params, x, rng)
        y, pull = self.layer(params, _Quiet().wrap(x), rng)
        return unwrap(y), lambda dy, need_dx=True: unwrap(pull(dy, need_dx))

    def _whole(self, dy: list[Any]) -> Any:
        return tree.from_leaves(self.out_structure, dy)

    def _row(self, leaves: list[Any], of: str) -> Any:
        """Put leaves behind each other; `()` for none."""
        chosen = self.moved[of]
        return tree.ravel([leaves[i] for i in chosen])[0] if chosen else ()

    def _at(self, args: Any) -> list[Any]:
        """Give the leaves that two rows stand for."""
        leaves = [*self.leaves]
        for of, row in zip(("params", "x"), args):
            at = 0
            for i in self.moved[of]:
                like = leaves[i]
                leaves[i] = row[at : at + like.numel()].reshape(like.shape)
                at += like.numel()
        return leaves

    def apply(self, params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        """Apply the layer to two rows."""
        y, pull = self._apply(self._at((params, x)))
        kept = [i for i, d in enumerate(self.dy) if d is not None]
        outs = tree.leaves(y)

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            whole: list[Any] = [None] * len(outs)
            for i, d in zip(kept, dy):
                whole[i] = d
            back = leaves_beside(self.layer.name, self.structure, pull(self._whole(whole)))
            return self._row(back, "params"), self._row(back, "x")

        return tuple(outs[i] for i in kept), vjp

    def compared(self, of: str) -> Compared:
        """Compare along a direction of the parameters, or of the input."""
        part = Layer(self.layer.name, lambda rng, shape: ((), shape), self.apply)
        u = tuple(d.div(self.scale) for d in self.dy if d is not None)
        args = (self._row(self.leaves, "params"), self._row(self.leaves, "x"))
        place = 1 if of == "x" and self.moved["params"] else 0
        point, note = Point(part, args, None, None, u), ""
        for _ in range(TRIES):
            slope = point.slope(place, STEP, TOLERANCE, None)
            if not slope.kink:
                break
            note = "a kink at this point, and no derivative: compared a thousandth beside it"
            point = Point(part, beside(point, None), None, None, u)
        values, exact = slope.numeric * self.scale, slope.exact * self.scale
        if not (isfinite(values) and isfinite(exact)):
            return Compared(of, values, exact, slope.difference, None, "not finite")
        if slope.kink:
            note = "a kink or a jump here and beside: no derivative to compare"
            return Compared(of, values, exact, slope.difference, None, note)
        size = max(abs(slope.numeric), abs(slope.exact))
        if not note and size < point.unsure / STEP:
            note = "both are below the rounding of the values"
        return Compared(of, values, exact, slope.difference, slope.difference <= TOLERANCE, note)


def _frozen(seen: Applied) -> set[int]:
    """Find the parameters whose cotangent is 0 since they are to stay, not by their values."""
    found = set()
    for part in seen.within():
        if part.layer.name == "freeze" and part.parts and part.dy is not None:
            kept, true = tree.leaves(part.dparams), tree.leaves(part.parts[0].dparams)
            for leaf, d, other in zip(tree.leaves(part.params), kept, true):
                if not d.equal(other):
                    found.add(id(leaf))
    return found


def _double(leaf: Any) -> Any:
    return leaf.double() if isinstance(leaf, Tensor) and leaf.is_floating_point() else leaf
