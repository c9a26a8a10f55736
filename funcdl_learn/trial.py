"""A layer tried: its values and its vjp, against autograd on a formula in float64.

What is tried with each input: float64, float32, and tensors that are not contiguous; two
cotangents, the first of them twice; another call between the forward pass and the vjp; and that no
argument is written to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from funcdl_learn.given import WrongError
from funcdl_learn.values import draw, leaves, mapped, pair, same, shown, unchanged

__all__ = ["cotangents", "elementwise", "guises", "made", "trial"]


def trial(
    apply: Callable[..., Any],
    formula: Callable[[Any, Any], Any],
    cases: Iterable[tuple[Any, Any]],
    *,
    name: str = "",
    target: bool = False,
    tolerance: float | None = None,
) -> None:
    """Try a student's layer on parameters and inputs.

    Args:
        apply: `(params, x) -> (y, vjp)`.
        formula: `(params, x) -> y` in torch's operations, which autograd differentiates.
        cases: (params, x) in float64. Integers have no cotangent.
        name: of the layer, where it has none of its own.
        target: whether the input is a pair whose second part has no cotangent.
        tolerance: relative and absolute; left out, that of the dtype.

    Raises:
        WrongError: for the first thing that is wrong.
    """
    name = name or getattr(apply, "__name__", "the layer")
    tried = [guise for params, x in cases for guise in guises(params, x)]
    for i, (how, params, x) in enumerate(tried):
        _, *other = tried[i - 1]
        _try(apply, formula, params, x, other, name, how, target, tolerance)


def guises(params: Any, x: Any) -> Iterator[tuple[str, Any, Any]]:
    """Give parameters and input in float64, in float32, and not contiguous."""
    yield "", params, x
    yield " in float32", *mapped(_single, (params, x))
    if any(leaf.ndim and leaf.shape[-1] > 1 for leaf in leaves((params, x))):
        yield " not contiguous", *mapped(_apart, (params, x))


def _single(leaf: Tensor) -> Tensor:
    return leaf.float() if leaf.is_floating_point() else leaf


def _apart(leaf: Tensor) -> Tensor:
    """Give equal numbers that do not stand side by side in memory."""
    if not leaf.ndim or not leaf.is_floating_point():
        return leaf
    return torch.stack([leaf, torch.full_like(leaf, 7.0)], -1)[..., 0]


def _try(
    apply: Callable[..., Any],
    formula: Callable[[Any, Any], Any],
    params: Any,
    x: Any,
    other: list[Any],
    name: str,
    how: str,
    target: bool,
    tolerance: float | None,
) -> None:
    about = f", params = {shown(params)}" if leaves(params) else ""
    where = f" for x = {shown(x)}{about}{how}"
    kept = mapped(torch.clone, (params, x))
    y, vjp = pair(f"{name}: ", apply(params, x), ("y", "vjp"), where)
    unchanged("params", params, kept[0])
    unchanged("x", x, kept[1])
    value, pull = _oracle(formula, *kept)
    same(f"{name}: y", y, value, where, tolerance)
    result = mapped(torch.clone, y)
    apply(*other)  # what belongs to one call must not end up in another's vjp
    ones = mapped(torch.ones_like, value)
    for dy, turn in [(ones, ""), (cotangents(value), ""), (ones, " called a second time")]:
        given = mapped(_apart, dy) if "not" in how else mapped(torch.clone, dy)
        there = f"{where} and dy = {shown(dy)}{turn}"
        dparams, dx = pair(f"{name}: vjp(dy): ", vjp(given), ("dparams", "dx"), there)
        wanted = pull(dy)
        if target:
            wanted = wanted[0], (wanted[1][0], None)
        unchanged("dy", given, dy)
        unchanged("params, in the vjp,", params, kept[0])
        unchanged("x, in the vjp,", x, kept[1])
        unchanged("y, in the vjp,", y, result)
        same(f"{name}: dparams", dparams, wanted[0], there, tolerance)
        same(f"{name}: dx", dx, wanted[1], there, tolerance)


def cotangents(value: Any, seed: int = 5) -> Any:
    """Draw a cotangent for each tensor of floats, in its dtype."""
    rng = torch.Generator().manual_seed(seed)

    def drawn(leaf: Tensor) -> Tensor:
        dy = torch.randn(leaf.shape, generator=rng, dtype=torch.float64)
        return (dy.mul(10).round() / 10).to(leaf.dtype)

    return mapped(drawn, value)


def _oracle(
    formula: Callable[[Any, Any], Any], params: Any, x: Any
) -> tuple[Any, Callable[[Any], Any]]:
    """Give the values of a formula, and its cotangents by autograd, computed in float64."""

    def watched(leaf: Tensor) -> Tensor:
        return leaf.double().detach().clone().requires_grad_() if leaf.is_floating_point() else leaf

    def like(leaf: Tensor, given: Tensor) -> Tensor:
        return leaf.detach().to(given.dtype) if given.is_floating_point() else leaf

    (dtype,) = {leaf.dtype for leaf in leaves((params, x)) if leaf.is_floating_point()}
    inside = mapped(watched, (params, x))
    with torch.enable_grad():
        y = formula(*inside)
    wanted = [leaf for leaf in leaves(inside) if leaf.requires_grad]

    def pull(dy: Any) -> Any:
        pairs = [(part, d.double()) for part, d in zip(leaves(y), leaves(dy)) if part.requires_grad]
        # Of one number: autograd loads half of PyTorch where it is given cotangents.
        with torch.enable_grad():
            product: Any = sum((part * d).sum() for part, d in pairs)
        found = torch.autograd.grad(product, wanted, allow_unused=True, retain_graph=True)
        by_id = {
            id(leaf): torch.zeros_like(leaf) if d is None else d for leaf, d in zip(wanted, found)
        }
        return mapped(lambda leaf: by_id[id(leaf)].to(dtype) if id(leaf) in by_id else None, inside)

    return mapped(lambda leaf: leaf.detach().to(dtype), y), pull


def made(formula: Callable[[Any, Any], Any], name: str = "f") -> Callable[..., Any]:
    """Make a layer of a formula, for a student's combinator to work with."""

    def apply(params: Any, x: Any) -> tuple[Any, Callable[[Any], Any]]:
        y, pull = _oracle(formula, params, x)

        def vjp(dy: Any) -> Any:
            for part, d in zip(leaves(y), leaves(dy)):
                if part.shape != d.shape:
                    shapes = f"{tuple(part.shape)} as its y is, got {tuple(d.shape)}"
                    raise WrongError(
                        f"expected the vjp of {name} to be called with dy of shape {shapes}"
                    )
            return pull(dy)

        return y, vjp

    apply.__name__ = name
    return apply


def elementwise() -> list[tuple[tuple[()], Tensor]]:
    """Give inputs for a layer that treats each number alone: of several shapes, 0, and large."""
    small = torch.tensor([3.0, -1.0, 0.0], dtype=torch.float64)
    large = torch.tensor([-1e3, 1e3, -30.0, 30.0, 0.5], dtype=torch.float64)
    drawn = [draw(*shape) for shape in [(3, 4), (), (2, 1, 3), (1,), (0, 2)]]
    return [((), x) for x in [small, large, *drawn]]
