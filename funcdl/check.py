"""The proof of a derivative: the dot-product test against central differences."""

from __future__ import annotations

from math import isfinite
from warnings import warn

from funcdl import tree
from funcdl.arguments import generator, show
from funcdl.contract import Layer, LayerLike, Params, Value, shape_of
from funcdl.errors import DerivativeError, FuncdlWarning, ShapeError
from funcdl.function import as_layer
from funcdl.slope import Point, beside, path_of
from funcdl.tensor import Generator, empty

__all__ = ["Differences", "check"]

TRIES = 5


class Differences(dict[str, float]):
    """The relative difference at each path.

    Attributes:
        kinks: the paths along which the values have a kink at the point that was given: they were
            compared beside it.
    """

    kinks: tuple[str, ...] = ()


def check(
    layer: LayerLike,
    params: Params,
    x: Value,
    rng: Generator,
    *,
    step: float = 1e-6,
    tolerance: float = 1e-6,
) -> Differences:
    """Compare a layer's vjp with its own values, leaf by leaf, in random directions.

    For each tensor of floats θ in the parameters and the input, with random u and v:

        ⟨u, (f(θ + h v) − f(θ − h v)) / 2h⟩ = ⟨fᵀ(u), v⟩

    The left side asks only for values, the right one only for the vjp. A wrong derivative passes
    with probability 0, but for what the third derivative hides below `tolerance` and rounding below
    ε (Σ |u · f| + Σ |fᵀ(u) · θ|) / h, where the last sum is over all θ.

    Where the slopes to the left and to the right differ, as of relu at 0 or of a pool among equal
    numbers, there is a kink and no derivative: the comparison is made beside it, a thousandth away.

    Args:
        layer: a layer, or a plain function `(params, x) -> (y, vjp)`.
        params: its parameters in float64.
        x: its input in float64, a tensor or a tuple; integers are not moved. The last entry
            of a tuple may have no cotangent, as a target has none; any other float has one.
        rng: seeds the directions, so that they are not the data that were drawn from its state. The
            layer gets a copy of it at each call: a random layer draws the same numbers each time.
        step: the h above for a normal v, times max(1, mean |θ|); where this does not fit, h alone.
        tolerance: the largest allowed difference, relative to the sides' size, or to that at which
            the rounding above is the tolerance where this is more.

    Returns:
        The relative difference at each path, `params[0].w`, `x`, `x[1]`, …; and the `kinks`. In
        another dtype than float64 differences say nothing: there is a `FuncdlWarning` that asks for
        it, structure and shapes alone are compared, and no difference is returned.

    Raises:
        DerivativeError: a difference is above the tolerance, the cotangents have another structure
            or shape, a parameter or input has none, or the values are not finite.
        ShapeError: `init` says another shape than the output has.

    Claerbout, "Earth soundings analysis" (1992), chapter 5, on the dot-product test.

    >>> import torch
    >>> rng = torch.Generator().manual_seed(0)
    >>> def cube(params, x):
    ...     return x**3, lambda dy: ((), dy * 2 * x**2)
    >>> check(cube, (), torch.ones(4).double(), rng)
    Traceback (most recent call last):
    funcdl.errors.DerivativeError: cube: expected the derivative at x to fit the values, ...
    >>> from funcdl import relu
    >>> found = check(relu, (), torch.tensor([-1.0, 0.0, 1.0]).double(), rng)
    >>> max(found.values()) < 1e-6, found.kinks
    (True, ('x',))
    """
    part = as_layer(layer)
    start = generator("check", rng).clone_state()
    # A seed of its own: whoever drew the data from the same state would get them for directions.
    seed = int(empty(1, device=rng.device).double().random_(generator=rng))
    rng = start.clone_state().manual_seed(seed)
    point = Point(part, (params, x), start, rng)
    paths = [path_of(path) for path in tree.paths((params, x))]
    wanted = [i for i, path in enumerate(paths) if _has_cotangent(part.name, path, i, point, x)]
    _as_init_says(part, x, point.y, start)
    rough = {str(t.dtype) for t in tree.leaves((params, x, point.y)) if t.is_floating_point()}
    if rough - {"torch.float64"}:
        warn(
            f"check: expected {part.name} in float64, got {' and '.join(sorted(rough))}, where "
            "differences say nothing: write tree.map(torch.Tensor.double, params), and x.double()",
            FuncdlWarning,
            stacklevel=2,
        )
        return Differences()
    found = Differences()
    for turn in range(1 + TRIES):
        bent = []
        for i in wanted:
            slope = point.slope(i, step, tolerance, rng)
            if not isfinite(slope.numeric):
                raise DerivativeError(
                    f"{part.name}: expected finite values, whose derivative at {paths[i]} can be "
                    "compared, got values that are not finite"
                )
            if slope.kink:
                bent.append(i)
                continue
            found[paths[i]] = slope.difference
            if not slope.difference <= tolerance:
                raise DerivativeError(
                    f"{part.name}: expected the derivative at {paths[i]} to fit the values, "
                    f"got {slope.exact:.6g} where the values give {slope.numeric:.6g}"
                )
        if turn == 0:
            found.kinks = tuple(paths[i] for i in bent)
        if not bent:
            return found
        wanted, point = bent, Point(part, beside(point, rng), start, rng)
    raise DerivativeError(
        f"{part.name}: expected a derivative at {paths[wanted[0]]}, got values that have a kink or "
        "a jump there, and at each point beside it"
    )


def _has_cotangent(name: str, path: str, i: int, point: Point, x: Value) -> bool:
    """Tell whether there is a derivative to compare; refuse a cotangent that is missing."""
    leaf, d = point.leaves[i], point.cotangents[i]
    if not leaf.is_floating_point():
        return False
    if d is None:
        if isinstance(x, tuple) and len(x) > 1 and path.startswith(f"x[{len(x) - 1}]"):
            return False
        raise DerivativeError(f"{name}: expected a cotangent of {path}, got None")
    if d.shape != leaf.shape:
        raise DerivativeError(
            f"{name}: expected the cotangent of {path} to have shape {show(leaf.shape)}, "
            f"got {show(d.shape)}"
        )
    return True


def _as_init_says(part: Layer, x: Value, y: Value, start: Generator) -> None:
    """Refuse an init that says another shape than the output has; not one that says none."""
    try:
        _, said = part.init(start.clone_state(), shape_of(x))
    except Exception:
        return
    if said != shape_of(y):
        raise ShapeError(
            f"{part.name}: expected init to say the shape of the output, {show(shape_of(y))}, "
            f"got {show(said)}"
        )
