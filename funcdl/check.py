"""The proof of a derivative: the dot-product test against central differences."""

from __future__ import annotations

from typing import Any

from funcdl import tree
from funcdl.answer import expect_pair
from funcdl.arguments import generator, show
from funcdl.contract import LayerLike, Params, Value, as_layer
from funcdl.errors import DerivativeError
from funcdl.tensor import Generator, Tensor
from funcdl.tree import nodes

__all__ = ["check"]


def check(
    layer: LayerLike,
    params: Params,
    x: Value,
    rng: Generator,
    *,
    step: float = 1e-6,
    tolerance: float = 1e-6,
) -> dict[str, float]:
    """Compare a layer's vjp with its own values, leaf by leaf, in random directions.

    For each tensor of floats θ in the parameters and the input, with random u and v:

        ⟨u, (f(θ + h v) − f(θ − h v)) / 2h⟩ = ⟨fᵀ(u), v⟩

    The left side asks only for values, the right one only for the vjp. A wrong derivative passes
    with probability 0, but for what rounding and the third derivative hide below `tolerance`.

    Args:
        layer: a layer, or a plain function `(params, x) -> (y, vjp)`.
        params: its parameters, float64 for a sharp test.
        x: its input, a tensor or a tuple; what is not float64 or float32 is left alone.
        rng: draws the directions. The layer gets a copy of it at each call, so that a random
            layer draws the same numbers each time.
        step: the h above, relative to the length of v, which is normal.
        tolerance: the largest allowed difference, relative to the sides' size.

    Returns:
        The relative difference at each path: `params[0].w`, `x`, `x[1]`, …

    Raises:
        DerivativeError: a difference is above the tolerance, the cotangents have another structure
            or shape, or a parameter has none. (An input may have none: a target.)

    Claerbout, "Earth soundings analysis" (1992), chapter 5, on the dot-product test.

    >>> import torch
    >>> def cube(params, x):
    ...     return x**3, lambda dy: ((), dy * 2 * x**2)
    >>> check(cube, (), torch.ones(4).double(), torch.Generator().manual_seed(0))
    Traceback (most recent call last):
    funcdl.errors.DerivativeError: cube: expected the derivative at x to fit the values, ...
    """
    part = as_layer(layer)
    start = generator("check", rng).clone_state()

    def value(args: Any) -> Any:
        return part.apply(args[0], args[1], start.clone_state())

    args = (params, x)
    leaves, structure = tree.flatten(args)
    y, vjp = value(args)
    u = tree.map(lambda leaf: _normal(leaf, rng), y)
    back = expect_pair(part.name, "(dparams, dx) from its vjp", vjp(u))
    cotangents = _leaves_beside(part.name, structure, back)
    differences = {}
    for i, (path, leaf) in enumerate(zip(map(_name, tree.paths(args)), leaves)):
        if not leaf.is_floating_point():
            continue
        if cotangents[i] is None:
            if path.startswith("x"):
                continue
            raise DerivativeError(f"{part.name}: expected a cotangent of {path}, got None")
        if cotangents[i].shape != leaf.shape:
            raise DerivativeError(
                f"{part.name}: expected the cotangent of {path} to have shape "
                f"{show(leaf.shape)}, got {show(cotangents[i].shape)}"
            )
        v = _normal(leaf, rng)
        sides = [
            _dot(u, value(_with(structure, leaves, i, leaf.add(v, alpha=sign * step)))[0])
            for sign in (1, -1)
        ]
        numeric, exact = (sides[0] - sides[1]) / (2 * step), _dot(cotangents[i], v)
        # The sides' own size may be 0 by chance, that of their terms is not.
        size = max(abs(numeric), abs(exact), _norm(cotangents[i]), 1e-3)
        differences[path] = abs(numeric - exact) / size
        if not differences[path] <= tolerance:
            raise DerivativeError(
                f"{part.name}: expected the derivative at {path} to fit the values, "
                f"got {exact:.6g} where the values give {numeric:.6g}"
            )
    return differences


def _name(path: str) -> str:
    return ("params" if path.startswith("[0]") else "x") + path[3:]


def _leaves_beside(name: str, structure: Any, cotangents: Any) -> list[Any]:
    """List the cotangent of each leaf; None, which stands for a whole entry, for each in it."""
    found: list[Any] = []

    def visit(path: str, node: Any, cotangent: Any) -> None:
        if cotangent is None:
            found.extend([None] * len(tree.leaves(node)))
        elif tree.is_node(node):
            parts, there = nodes.entries(node), tree.is_node(cotangent)
            given = nodes.entries(cotangent) if there else ()
            if not there or len(given) != len(parts):
                got = f"{len(given)} entries" if there else type(cotangent).__name__
                raise DerivativeError(
                    f"{name}: expected a cotangent of {_name(path)} of {len(parts)} entries, "
                    f"got {got}"
                )
            for label, part, d in zip(nodes.labels(node), parts, given):
                visit(path + label, part, d)
        elif not isinstance(cotangent, Tensor):
            raise DerivativeError(
                f"{name}: expected a cotangent of {_name(path)}, got {type(cotangent).__name__}"
            )
        else:
            found.append(cotangent)

    for place, parts in enumerate(zip(structure, cotangents)):
        visit(f"[{place}]", *parts)
    return found


def _with(structure: Any, leaves: list[Any], i: int, leaf: Tensor) -> Any:
    return tree.unflatten(structure, [*leaves[:i], leaf, *leaves[i + 1 :]])


def _normal(leaf: Tensor, rng: Generator) -> Tensor:
    return leaf.new_empty(leaf.shape).normal_(generator=rng)


def _dot(a: Any, b: Any) -> float:
    return sum(float(p.flatten().dot(q.flatten())) for p, q in zip(tree.leaves(a), tree.leaves(b)))


def _norm(leaf: Tensor) -> float:
    return float(leaf.square().sum().sqrt())
