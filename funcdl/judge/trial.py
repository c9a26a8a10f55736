"""A trial: a layer with what draws its parameters and inputs, and the words for what differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from funcdl import tree
from funcdl.contract import Layer, Params, Shape, Value, Vjp
from funcdl.tensor import Generator, Tensor, empty

__all__ = ["BrokenError", "SkippedError", "Trial", "copied", "cotangent", "differing", "spread"]


class BrokenError(Exception):
    """A property that does not hold; its text says what was expected and what came."""


class SkippedError(Exception):
    """A property that cannot be asked of this layer."""


@dataclass(frozen=True)
class Trial:
    """What is tried. Each property draws its own numbers, from the same state of the generator.

    Attributes:
        layer: the layer.
        shape: of its input, with leading axes, as `init` takes it.
        rng: where numbers are drawn from, by copies of it.
        draw: `rng -> x` where normal numbers will not do; without it the input is normal.
        params: `rng -> params`; without it those of `init`, off their first values.
        stacked: the layer for parameters with an axis of models; None for one that has no such.
        training: whether it is applied with a generator.
        target: whether the last entry of the input is data, which has no cotangent.
    """

    layer: Layer
    shape: Shape
    rng: Generator
    draw: Callable[[Generator], Value] | None = None
    params: Callable[[Generator], Params] | None = None
    stacked: Layer | None = None
    training: bool = False
    target: bool = False

    def start(self) -> Generator:
        """Give a generator that begins as all of them do."""
        return self.rng.clone_state()

    def drawn(self, rng: Generator) -> tuple[Params, Value]:
        """Draw parameters and an input."""
        if self.params is not None:
            params = self.params(rng)
        else:
            # Off their first values, many of which are 0 or 1.
            first, _ = self.layer.init(rng, self.shape)
            params = tree.map(lambda p: _off(p, rng), first)
        return params, normals(self.shape, rng) if self.draw is None else self.draw(rng)

    def apply(self, params: Params, x: Value) -> tuple[Value, Vjp]:
        """Apply the layer; in training with a generator that always begins the same."""
        return self.layer(params, x, self.start() if self.training else None)


def _off(p: Any, rng: Generator) -> Any:
    if not isinstance(p, Tensor) or not p.is_floating_point():
        return p
    noise = p.new_empty(p.shape).double().normal_(generator=rng)
    return noise.mul_(0.1).add_(p.double())


def normals(shape: Shape, rng: Generator) -> Value:
    """Draw normal numbers in float64, of a shape or of each of a tuple of shapes."""
    if any(isinstance(entry, tuple) for entry in shape):
        return tuple(normals(entry, rng) for entry in shape)
    return empty(shape, device=rng.device).double().normal_(generator=rng)


def cotangent(y: Value, rng: Generator) -> Value:
    """Draw a cotangent of an output; of integers there is none."""

    def draw(leaf: Tensor) -> Tensor | None:
        return (
            leaf.new_empty(leaf.shape).normal_(generator=rng) if leaf.is_floating_point() else None
        )

    return tree.map(draw, y)


def copied(value: Any) -> Any:
    """Copy the tensors of a value."""
    return tree.map(lambda leaf: leaf.clone() if isinstance(leaf, Tensor) else leaf, value)


def spread(dx: Value, x: Value) -> list[Any]:
    """List the cotangents leaf by leaf; None for a whole tuple stands for each of its leaves."""
    if dx is None:
        return [None] * len(tree.leaves(x))
    if isinstance(dx, (tuple, list)):
        return [d for part, entry in zip(dx, x) for d in spread(part, entry)]
    return [dx]


def differing(got: Any, expected: Any, exactly: bool = True, room: float = 1e-10) -> str:
    """Name the first leaf that differs; empty where none does."""
    gots, wanted = tree.leaves(got), tree.leaves(expected)
    if len(gots) != len(wanted):
        return f"{len(gots)} tensors instead of {len(wanted)}"
    for path, a, b in zip(tree.paths(got), gots, wanted):
        if a is None or b is None:
            if a is not b:
                return f"{path or 'it'} is {'None' if a is None else 'a tensor'} here alone"
        elif a.shape != b.shape or a.dtype != b.dtype:
            return f"{path or 'it'} of {_kind(a)} instead of {_kind(b)}"
        elif not (_equal(a, b) if exactly else _close(a, b, room)):
            return f"{path or 'it'} differs in its numbers"
    return ""


def _kind(t: Tensor) -> str:
    return f"{t.dtype} {tuple(t.shape)}"


def _equal(a: Tensor, b: Tensor) -> bool:
    return bool(a.eq(b).logical_or(a.ne(a).logical_and(b.ne(b))).all())


def _close(a: Tensor, b: Tensor, room: float) -> bool:
    far = a.double().sub(b.double()).abs().le(b.double().abs().mul(room).add(room / 100))
    return bool(far.logical_or(a.eq(b)).logical_or(a.ne(a).logical_and(b.ne(b))).all())
