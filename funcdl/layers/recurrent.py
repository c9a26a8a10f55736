"""What recurrent layers are made of: a unit, its parameters, its state, and one step of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from funcdl.arguments import integer
from funcdl.contract import Layer, Vjp, declared
from funcdl.initialisers import Initialiser
from funcdl.layers.affine import Affine
from funcdl.layers.half import in_float32
from funcdl.layers.windows import written
from funcdl.ops.recurrence import Unit, run
from funcdl.signature import Signature, of
from funcdl.tensor import Generator

__all__ = ["Kind", "Recurrent", "drawing", "recurrent", "stepping"]


class Recurrent(NamedTuple):
    """Parameters of a recurrent layer: the affine maps of its input and of its state."""

    x: Affine
    h: Affine


class Kind(NamedTuple):
    """A recurrent unit.

    Attributes:
        name: of the layer.
        unit: its formulas, see `funcdl.ops.recurrence`.
        parts: how many parts, each as long as the state, its affine maps have.
        state: the names of the tensors that its state is of: h, or h and c.
        args: what else tells it from others, as written in a call.
    """

    name: str
    unit: Unit
    parts: int
    state: tuple[str, ...] = ("h",)
    args: tuple[Any, ...] = ()

    def params(self, features: str) -> Any:
        """Declare the parameters of one layer in one direction."""
        width = f"{self.parts}*hidden" if self.parts > 1 else "hidden"
        bias = f"*models {width} | ()"
        return of(
            Recurrent,
            of(Affine, f"*models {features} {width}", bias),
            of(Affine, f"*models hidden {width}", bias),
        )

    def states(self) -> Any:
        """Declare the state."""
        return self.value([f"{name}: *models … hidden" for name in self.state])

    def value(self, state: Sequence[Any]) -> Any:
        """Give the state as a value: one tensor stands for itself."""
        return tuple(state) if len(self.state) > 1 else state[0]

    def tensors(self, value: Any) -> tuple[Any, ...]:
        """List the tensors of a state, or their cotangents; None stands for none of them."""
        if value is None:
            return (None,) * len(self.state)
        return tuple(value) if len(self.state) > 1 else (value,)


def stepping(kind: Kind, hidden: int, w_init: Initialiser, b_init: Initialiser | None) -> Layer:
    """Make a layer that takes one step, from a pair (state, x) to the next state."""
    integer(kind.name, "hidden", hidden, 1)

    @in_float32
    def apply(params: Recurrent, x: Any, rng: Generator | None = None) -> tuple[Any, Vjp]:
        state, seen = x
        one = run(kind.unit, seen.unsqueeze(-2), params, kind.tensors(state))

        def vjp(dy: Any, need_dx: bool = True) -> tuple[Recurrent, Any]:
            found = one.pull(None, kind.tensors(dy), need_dx, need_dx)
            if found.dx is None:
                return recurrent(found.dweights), None
            return recurrent(found.dweights), (kind.value(found.dfirst), found.dx.squeeze(-2))

        return kind.value(one.last), vjp

    states = kind.states()
    takes = Signature(kind.params("in>=0"), (states, "x: *models … in>=0"), states, hidden=hidden)
    return declared(kind.name, takes, apply, drawing(w_init, b_init), written(hidden, *kind.args))


def recurrent(dweights: Any) -> Recurrent:
    """Give cotangents the structure of the parameters."""
    dx, dh = dweights
    return Recurrent(Affine(*dx), Affine(*dh))


def drawing(w_init: Initialiser, b_init: Initialiser | None) -> Any:
    """Say how the parameters of one layer in one direction are drawn."""
    return of(Recurrent, of(Affine, w_init, b_init), of(Affine, w_init, b_init))
