"""Where the inputs of a case come from: `(rng, shape) -> x`, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcdl.contract import Layer, Shape, Value
from funcdl.tensor import Generator, Tensor, empty

__all__ = ["classes", "declared", "indices", "normals", "targets"]


def normals(rng: Generator, shape: Shape) -> Value:
    """Draw normal numbers, of a shape or of each of a tuple of shapes."""
    if _is_nested(shape):
        return tuple(normals(rng, part) for part in shape)
    return empty(shape, device=rng.device).double().normal_(generator=rng)


def declared(layer: Layer) -> Callable[[Generator, Shape], Value]:
    """Draw what a layer's signature says: integers below an axis, or normal numbers."""

    def draw(rng: Generator, shape: Shape) -> Value:
        if layer.signature is None or layer.layers:
            return normals(rng, shape)
        bounds = iter(layer.signature.bounds(layer.name, shape))

        def each(part: Shape) -> Value:
            if _is_nested(part):
                return tuple(map(each, part))
            below = next(bounds, None)
            return normals(rng, part) if below is None else indices(below)(rng, part)

        return each(shape)

    return draw


def indices(below: int) -> Callable[[Generator, Shape], Value]:
    """Draw whole numbers from 0 on, of a shape or of each of a tuple of shapes."""

    def draw(rng: Generator, shape: Shape) -> Value:
        if _is_nested(shape):
            return tuple(draw(rng, part) for part in shape)
        return empty(shape, device=rng.device).long().random_(0, below, generator=rng)

    return draw


def classes(count: int) -> Callable[[Generator, Shape], Value]:
    """Draw the outputs of a network, and the class of each example: a loss's input."""

    def draw(rng: Generator, shape: Shape) -> Value:
        y, t = shape
        return normals(rng, y), indices(count)(rng, t)

    return draw


def targets(of: Callable[[Tensor], Tensor]) -> Callable[[Generator, Shape], Value]:
    """Draw the outputs of a network, and targets that are made of normal numbers."""

    def draw(rng: Generator, shape: Shape) -> Value:
        y, t = shape
        return normals(rng, y), of(normals(rng, t))

    return draw


def _is_nested(shape: Any) -> bool:
    return any(isinstance(part, tuple) for part in shape)
