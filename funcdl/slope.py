"""The slope of a layer's values along a direction, beside what its vjp says, and whether it bends.

A point is a layer's parameters and input with its output, a random cotangent u of that output and
what the vjp makes of it. Along v the values have the slopes ⟨u, f(θ ± h v) − f(θ)⟩ / h to the right
and to the left, whose mean is the central difference. Where f is smooth they differ by h times its
curvature, which shrinks with h; where they go on differing there is a kink.

Values are rounded, and a difference over a small h shows it: by some

    ε (Σ |u · f| + Σ |d · θ|) / h

with ε the unit of float64, d = fᵀ(u), and the second sum over all parameters and inputs: an output
is right to its own last place, or for numbers that are those given to theirs. What is below says
nothing. So h grows with the numbers, to h max(1, mean |θ|); where the offset is larger than the
spread that may be too far, and h itself is taken. What is wrong fits at neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import inf
from typing import Any, NamedTuple

from funcdl import tree
from funcdl.answer import expect_pair
from funcdl.contract import Layer
from funcdl.errors import DerivativeError
from funcdl.tensor import Generator, Tensor
from funcdl.tree import nodes

__all__ = ["Point", "Slope", "beside", "leaves_beside", "path_of"]

SHRUNK = 1 / 8
"""The step that a bend is looked at with again."""

UNITS = 4 * 2.0**-52
"""ε above: a few units of float64, since a value takes more than one operation."""


class Slope(NamedTuple):
    """The slope that the values give, that of the vjp, their difference, and if there is a kink."""

    numeric: float
    exact: float
    difference: float
    kink: bool


class Point:
    """A layer at its parameters and its input.

    Args:
        part: the layer.
        args: its parameters and its input.
        start: what each call gets a copy of, if there is one.
        rng: to draw the cotangent u and the directions from; without one they are always the same.
        u: the cotangent, where it is given.

    Raises:
        KindError, DerivativeError: its vjp gives no cotangents of the structure of these.
    """

    def __init__(
        self, part: Layer, args: Any, start: Generator | None, rng: Generator | None, u: Any = None
    ) -> None:
        self.part, self.start = part, start
        self.leaves, self.structure = tree.to_leaves(args)
        self.y, vjp = self._apply(self.leaves)
        self.u = tree.map(lambda leaf: _normal(leaf, rng), self.y) if u is None else u
        back = expect_pair(part.name, "(dparams, dx) from its vjp", vjp(self.u))
        self.cotangents = leaves_beside(part.name, self.structure, back)

    def _apply(self, leaves: list[Any]) -> Any:
        params, x = tree.from_leaves(self.structure, leaves)
        return self.part.apply(params, x, self.start and self.start.clone_state())

    def _moved(self, i: int, v: Tensor, step: float) -> tuple[Tensor, float]:
        """Give the i-th leaf a step along v, and ⟨u, f⟩ there."""
        moved = self.leaves[i].add(v, alpha=step)
        y, _ = self._apply([*self.leaves[:i], moved, *self.leaves[i + 1 :]])
        return moved, _dot(self.u, y)

    @cached_property
    def here(self) -> float:
        """Compute ⟨u, f⟩ at the point."""
        return _dot(self.u, self.y)

    @cached_property
    def unsure(self) -> float:
        """Compute ε (Σ |u · f| + Σ |d · θ|), the size of what rounding changes in ⟨u, f⟩."""
        terms = list(zip(tree.leaves(self.u), tree.leaves(self.y)))
        terms += [(d, t) for d, t in zip(self.cotangents, self.leaves) if d is not None]
        return UNITS * sum(float(a.mul(b).abs().sum()) for a, b in terms if b.is_floating_point())

    def slope(self, i: int, step: float, tolerance: float, rng: Generator | None) -> Slope:
        """Compare both sides along a random direction of the i-th leaf."""
        v = _normal(self.leaves[i], rng)
        size = float(self.leaves[i].abs().sum()) / max(1, v.numel())
        if 1 < size < inf:
            found = self._slope(i, v, step * size, tolerance)
            if found.difference <= tolerance and not found.kink:
                return found
        return self._slope(i, v, step, tolerance)

    def _slope(self, i: int, v: Tensor, step: float, tolerance: float) -> Slope:
        d, here, unsure = self.cotangents[i], self.here, self.unsure / step
        (low, left), (high, right) = self._moved(i, v, -step), self._moved(i, v, step)
        # Large numbers take a step as far as their last place allows: both sides go by that one.
        numeric, exact = (right - left) / (2 * step), _dot(d, high.sub(low)) / (2 * step)
        # The sides' own size may be 0 by chance, that of their terms is not.
        size = max(abs(numeric), abs(exact), _norm(d), 1e-3)
        gap = abs(numeric - exact)
        difference = gap / max(size, unsure / tolerance) if tolerance > 0 else gap / size
        bend = (left + right - 2 * here) / step
        kink = False
        wrong = not difference <= tolerance
        if abs(bend) > max(size * (tolerance if wrong else 1e-3), unsure / SHRUNK):
            small = step * SHRUNK
            again = self._moved(i, v, -small)[1] + self._moved(i, v, small)[1] - 2 * here
            # Of a smooth function an eighth is left; of a kink all, or nothing where it is beside.
            kink = not abs(again / small / bend - SHRUNK) < SHRUNK / 2
        return Slope(numeric, exact, difference, kink)


def beside(point: Point, rng: Generator | None) -> Any:
    """Move what has a cotangent by one to two thousandths, up or down: no number stays in place."""

    def move(leaf: Any, d: Any) -> Any:
        if d is None or not leaf.is_floating_point():
            return leaf
        far = leaf.new_empty(leaf.shape)
        if rng is None:
            far = _scattered(far, 7).mul_(5e-4).add_(1e-3)
        else:
            far = far.uniform_(1e-3, 2e-3, generator=rng)
        return leaf.add(far.mul(_normal(leaf, rng).sign()).mul(leaf.abs().add(1)))

    return tree.from_leaves(point.structure, list(map(move, point.leaves, point.cotangents)))


def path_of(path: str) -> str:
    """Name a leaf of (params, x).

    >>> path_of("[0][2].w"), path_of("[1]")
    ('params[2].w', 'x')
    """
    return ("params" if path.startswith("[0]") else "x") + path[3:]


def leaves_beside(name: str, structure: Any, cotangents: Sequence[Any]) -> list[Any]:
    """List the cotangent of each leaf; None, which stands for a whole entry, for each in it."""
    found: list[Any] = []

    def visit(path: str, node: Any, cotangent: Any) -> None:
        where = path_of(path)
        if cotangent is None:
            found.extend([None] * len(tree.leaves(node)))
        elif tree.is_node(node):
            parts, there = nodes.entries(node), tree.is_node(cotangent)
            given = nodes.entries(cotangent) if there else ()
            if not there or len(given) != len(parts):
                got = f"{len(given)} entries" if there else type(cotangent).__name__
                raise DerivativeError(
                    f"{name}: expected a cotangent of {where} of {len(parts)} entries, got {got}"
                )
            kinds = type(node).__name__, type(cotangent).__name__
            names = nodes.labels(node), nodes.labels(cotangent)
            if names[0] != names[1] or (path.startswith("[0]") and kinds[0] != kinds[1]):
                raise DerivativeError(
                    f"{name}: expected a cotangent of {where} as {where} is, {kinds[0]} of "
                    f"{', '.join(names[0])}, got {kinds[1]} of {', '.join(names[1])}"
                )
            for label, part, d in zip(names[0], parts, given):
                visit(path + label, part, d)
        elif not isinstance(cotangent, Tensor):
            raise DerivativeError(
                f"{name}: expected a cotangent of {where}, got {type(cotangent).__name__}"
            )
        else:
            found.append(cotangent)

    for place, parts in enumerate(zip(structure, cotangents)):
        visit(f"[{place}]", *parts)
    return found


def _normal(leaf: Tensor, rng: Generator | None) -> Tensor:
    if rng is None:
        return _scattered(leaf, 0).sub_(0.5).mul_(12**0.5)
    return leaf.new_empty(leaf.shape).normal_(generator=rng)


def _scattered(leaf: Tensor, seed: int) -> Tensor:
    """Give numbers from 0 to 1 that look drawn and are always the same: there is no generator."""
    count = leaf.new_empty(leaf.shape).double().fill_(1).flatten().cumsum(0).add_(seed)
    turned = count.mul_(12.9898).sin_().mul_(43758.5453)
    return turned.sub_(turned.floor()).reshape(leaf.shape).to(leaf.dtype)


def _dot(a: Any, b: Any) -> float:
    return sum(float(p.flatten().dot(q.flatten())) for p, q in zip(tree.leaves(a), tree.leaves(b)))


def _norm(leaf: Tensor) -> float:
    return float(leaf.square().sum().sqrt())
