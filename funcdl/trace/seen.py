"""To see a pass: each application of a layer, with what came in and went out, both ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from funcdl import tree
from funcdl.answer import answered, expect_pair
from funcdl.contract import Layer, Params, Value
from funcdl.signature.kinds import is_none
from funcdl.tensor import Generator
from funcdl.watching.nested import rebuild
from funcdl.watching.watcher import Watcher, unwrap

__all__ = ["Applied", "Witness"]


@dataclass(eq=False)
class Applied:
    """One application of a layer.

    Attributes:
        layer: what was applied.
        path: the way to it through the combinators' parts, `[1][0]`; empty for the network.
        params, x, y: its parameters, input and output.
        dy, dparams, dx: the cotangents of its backward pass; None where none came back.
        parts: the applications that it is made of, in their order.
        left_out: how many more parts there were: of many alike the first and the last are kept.
        turn, turns: which of the applications of this part it is, and how many there were.
        rank: how many of its neighbours its input came through.
        start: the generator as it was before, None in inference.
    """

    layer: Layer
    path: str
    params: Params
    x: Value
    start: Generator | None
    y: Value = None
    dy: Value = None
    dparams: Params = None
    dx: Value = None
    parts: list[Applied] = field(default_factory=list)
    left_out: int = 0
    turn: int = 1
    turns: int = 1
    rank: int = 0

    _last: int = -1
    _again: list[Applied] | None = None

    @property
    def label(self) -> str:
        """Name the layer in its place: `[1] relu`."""
        step = self.path[self.path.rfind("[") :] if self.path.endswith("]") else ""
        return f"{step} {self.text}".strip()

    @property
    def place(self) -> str:
        """Name the layer with the complete way to it: `[1][0] relu`."""
        numbered = self.path.endswith("]")
        way = self.path if numbered else self.path[: self.path.rfind("›") + 1]
        return f"{way} {self.text}".strip()

    @property
    def text(self) -> str:
        """Write the layer without its parts."""
        return self.layer.name + (f"({self.layer.args})" if self.layer.args else "")

    @property
    def which(self) -> str:
        """Say which application of its part it is, `2 of 9`; empty for the only one."""
        return f"{self.turn} of {self.turns}" if self.turns > 1 else ""

    def within(self) -> Iterator[Applied]:
        """Go through all applications in it, each before its parts."""
        yield self
        for part in self.parts:
            yield from part.within()

    def part(self, layer: Layer, params: Params, x: Value, start: Generator | None) -> Applied:
        """Add the application of a part, behind that of the last one; or one has come round again.

        What a combinator applies beside its parts has no number.
        """
        layers, path = self.layer.layers, f"{self.path} › {layer.name}".strip()
        order = (*range(self._last + 1, len(layers)), *range(self._last + 1))
        index = next((i for i in order if layers[i] is layer), None)
        if index is not None:
            self._last = index
            path = f"{self.path}[{len(self.parts) if self.layer.name == 'repeat' else index}]"
        made = Applied(layer, path, params, x, start)
        self.parts.append(made)
        return made


class Witness(Watcher):
    """Keeps each application of a layer, and the order in which their passes ended.

    Attributes:
        root: the first application, of the network.
        forward, backward: all of them, by the end of the forward and of the backward pass.
    """

    def __init__(self) -> None:
        self.root: Applied | None = None
        self.forward: list[Applied] = []
        self.backward: list[Applied] = []
        self.inside: list[Applied] = []

    def layer(self, layer: Layer, params: Params, x: Value, rng: Generator | None) -> Any:
        """Apply a layer and keep what is seen; in a backward pass it may be for a second time."""
        above = self.inside[-1] if self.inside else None
        start = None if rng is None else rng.clone_state()
        plain_params, plain_x = unwrap((params, x))
        known = above is not None and above._again is not None
        if above is None:
            seen = self.root = Applied(layer, "", plain_params, plain_x, start)
        elif above._again is None:
            seen = above.part(layer, plain_params, plain_x, start)
        elif above._again and above._again[0].layer is layer:
            seen = above._again.pop(0)
        else:  # what a vjp alone applies
            return layer.apply(params, x, rng)
        seen._again = [*seen.parts] if known else None
        self.inside.append(seen)
        try:
            y, pull = self._applied(seen, params, x, rng)
        finally:
            self.inside.pop()
            seen._again = None
        # Each output is a tensor of its own, so that it is known wherever it goes in again.
        y = rebuild(unwrap(y), lambda t: t.detach())
        if not known:
            seen.y = y
            self.forward.append(seen)
        return self.wrap(y), self._pulled(seen, pull)

    def _applied(self, seen: Applied, params: Params, x: Value, rng: Generator | None) -> Any:
        """Apply a layer; a user's own that fails on what is watched, to plain tensors."""
        layer = seen.layer
        if not layer.watched:
            return layer.apply(params, x, rng)
        mark = len(self.forward)
        try:
            given = unwrap(layer.apply(params, x, rng))
            y, pull = expect_pair(layer.name, "(y, vjp)", given)
        except Exception:
            del self.forward[mark:]
            seen.parts.clear()
            if rng is not None and seen.start is not None:
                rng.set_state(seen.start.get_state())
            y, pull = self._plainly(seen, rng)
        return y, answered(layer.name, unwrap(params), unwrap(x), pull)

    def _plainly(self, seen: Applied, rng: Generator | None) -> Any:
        """Apply a user's own layer as if nobody watched."""
        return expect_pair(seen.layer.name, "(y, vjp)", seen.layer.apply(seen.params, seen.x, rng))

    def _pulled(self, seen: Applied, pull: Callable[..., Any]) -> Callable[..., Any]:
        """Keep the cotangents of a layer."""

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            if is_none(dy):
                return tree.zeros_like(seen.params), None
            seen._again = [*seen.parts]
            self.inside.append(seen)
            try:
                dparams, dx = self._back(seen, pull, dy, need_dx)
            finally:
                self.inside.pop()
                seen._again = None
            if seen.dy is None:
                self.backward.append(seen)
            seen.dy, seen.dparams, seen.dx = unwrap((dy, dparams, dx))
            return dparams, dx

        return vjp

    def _back(self, seen: Applied, pull: Callable[..., Any], dy: Value, need_dx: bool) -> Any:
        if not seen.layer.watched:
            return pull(dy, need_dx)
        try:
            return pull(dy, need_dx)
        except Exception:
            _, plain = self._plainly(seen, seen.start and seen.start.clone_state())
            checked = answered(seen.layer.name, seen.params, seen.x, plain)
            return checked(unwrap(dy), need_dx)
