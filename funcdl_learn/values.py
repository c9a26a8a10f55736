"""Values compared: structure, shape, dtype and numbers; a sentence for the first difference."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from funcdl_learn.given import WrongError

__all__ = ["draw", "leaves", "mapped", "number", "pair", "same", "shown", "unchanged"]

FEW = 8
"""So many numbers of a tensor are shown."""

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Draw normal numbers in float64, with two decimals, so that they can be read."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=rng, dtype=torch.float64).mul(100).round() / 100


def mapped(function: Any, value: Any) -> Any:
    """Apply a function to every tensor in nested tuples, lists and dicts."""
    if isinstance(value, dict):
        return {key: mapped(function, part) for key, part in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(mapped(function, part) for part in value))
    if isinstance(value, (tuple, list)):
        return type(value)(mapped(function, part) for part in value)
    return function(value) if isinstance(value, Tensor) else value


def leaves(value: Any) -> list[Tensor]:
    """List the tensors in nested tuples, lists and dicts.

    >>> leaves({"w": torch.tensor(1), "b": (torch.tensor(2), None)})
    [tensor(1), tensor(2)]
    """
    found: list[Tensor] = []
    mapped(found.append, value)
    return found


def number(value: float) -> str:
    """Write a number with as many digits as tell it apart.

    >>> number(2.0), number(-0.123456789)
    ('2', '-0.123457')
    """
    return f"{value:.6g}"


def shown(value: Any) -> str:
    """Write a value as short as can be: few numbers, or a shape.

    >>> shown((torch.tensor([1.0, -2.5]), torch.zeros(30, 4)))
    '([1, -2.5], zeros of shape (30, 4))'
    """
    if isinstance(value, Tensor):
        if value.numel() > FEW:
            zeros = "zeros" if not value.any() else "numbers"
            return f"{zeros} of shape {tuple(value.shape)}"
        return _nested(value.tolist())
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shown(part)}" for key, part in value.items()) + "}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(shown, value)) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, list):
        return "[" + ", ".join(map(shown, value)) + "]"
    return number(value) if isinstance(value, float) else repr(value)


def _nested(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_nested, value)) + "]"
    return number(value) if isinstance(value, (int, float)) else str(value)


def same(name: str, got: Any, expected: Any, where: str, tolerance: float | None = None) -> None:
    """Compare a value with the one expected, part by part.

    Args:
        name: of the value, `dx`.
        got: the student's.
        expected: numbers in any precision, None for no cotangent, or a tuple, list or dict of them.
        where: for which input, ` for x = [1, 2]`.
        tolerance: relative and absolute; left out, that of the dtype.

    Raises:
        WrongError: at the first difference.

    >>> same("dx", torch.tensor([2.0, 3.0]), torch.tensor([2.0, 4.0]), " for x = [1, 2]")
    Traceback (most recent call last):
    funcdl_learn.given.WrongError: expected dx[1] = 4, got 3 for x = [1, 2]
    """
    if isinstance(expected, Tensor):
        _same_tensor(name, got, expected, where, tolerance)
    elif expected is None:
        if got is not None:
            raise WrongError(f"expected {name} to be None, got {_kind(got)}{where}")
    elif isinstance(expected, dict):
        if not isinstance(got, dict) or set(got) != set(expected):
            keys = ", ".join(map(repr, expected))
            raise WrongError(f"expected {name} to be a dict of {keys}, got {_kind(got)}{where}")
        for key in expected:
            same(f"{name}[{key!r}]", got[key], expected[key], where, tolerance)
    else:
        count = len(expected)
        if not isinstance(got, (tuple, list)) or len(got) != count:
            what = "an empty tuple" if not count else f"a tuple of {count}"
            raise WrongError(f"expected {name} to be {what}, got {_kind(got)}{where}")
        for i, (part, wanted) in enumerate(zip(got, expected)):
            same(f"{name}[{i}]", part, wanted, where, tolerance)


def _same_tensor(
    name: str, got: Any, expected: Tensor, where: str, tolerance: float | None
) -> None:
    if not isinstance(got, Tensor):
        raise WrongError(f"expected {name} to be a tensor, got {_kind(got)}{where}")
    if got.shape != expected.shape:
        shapes = f"{tuple(expected.shape)}, got {tuple(got.shape)}"
        raise WrongError(f"expected {name} of shape {shapes}{where}")
    if got.dtype != expected.dtype:
        raise WrongError(f"expected {name} in {expected.dtype}, got {got.dtype}{where}")
    limit = TOLERANCE.get(expected.dtype, 0.0) if tolerance is None else tolerance
    close = torch.isclose(got.double(), expected.double(), rtol=limit, atol=limit)
    if not close.all():
        index = (~close).nonzero()[0].tolist()
        at = f"[{', '.join(map(str, index))}]" if index else ""
        wanted, came = expected[tuple(index)].item(), got[tuple(index)].item()
        raise WrongError(f"expected {name}{at} = {number(wanted)}, got {number(came)}{where}")


def pair(what: str, value: Any, names: tuple[str, str], where: str) -> Any:
    """Refuse what is no pair; of "vjp", what is no function.

    Raises:
        WrongError: it is none.

    >>> pair("square: ", torch.zeros(2), ("y", "vjp"), " for x = [0, 0]")
    Traceback (most recent call last):
    funcdl_learn.given.WrongError: square: expected a pair, y and vjp, got Tensor for x = [0, 0]
    """
    if not isinstance(value, tuple) or len(value) != 2:
        kind = f"a tuple of {len(value)}" if isinstance(value, tuple) else type(value).__name__
        raise WrongError(f"{what}expected a pair, {' and '.join(names)}, got {kind}{where}")
    if names[1] == "vjp" and not callable(value[1]):
        raise WrongError(f"{what}expected a function as vjp, got {type(value[1]).__name__}{where}")
    return value


def _kind(value: Any) -> str:
    """Say in a few words what a value is."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}" if value else "an empty tuple"
    if isinstance(value, dict):
        return f"a dict of {', '.join(map(repr, value))}"
    return "None" if value is None else f"{type(value).__name__} {value!r}"[:80]


def unchanged(name: str, now: Any, before: Any) -> None:
    """Refuse an argument that was written to.

    Raises:
        WrongError: a number of it is another one now.
    """
    for part, kept in zip(leaves(now), leaves(before)):
        if part.shape == kept.shape and torch.equal(part, kept):
            continue
        few = sum(leaf.numel() for leaf in leaves(before)) <= FEW
        how = f" and is now {shown(now)}" if few else ""
        was = f", {shown(before)}," if few else ","
        raise WrongError(f"expected {name} to stay as it was{was} but it was written to{how}")
