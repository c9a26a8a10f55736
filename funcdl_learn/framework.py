"""What the graders of the framework have in common: what it may import, and what a module is."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from torch import Tensor

from funcdl_learn.given import Given, WrongError
from funcdl_learn.values import shown

__all__ = ["is_module", "linear", "only_torch", "turned"]

ALLOWED = {"torch", "math", "random", "typing", "__future__", "collections", "abc", "itertools"}
FORBIDDEN = {"nn", "autograd", "optim", "func"}


def only_torch(given: Given) -> None:
    """Refuse a file that imports another library, or uses PyTorch's modules or its autograd.

    Raises:
        WrongError: at the first line that does.
    """
    for node in ast.walk(ast.parse(given.text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "torch":
            names = [f"torch.{node.attr}"]
        for name in names:
            first, *rest = name.split(".")
            if first not in ALLOWED or (first == "torch" and FORBIDDEN & set(rest)):
                raise WrongError(
                    f"expected torch's tensor operations and math alone, got {name} in line "
                    f"{node.lineno}"  # type: ignore[attr-defined]
                )


def is_module(given: Given, module: Any, name: str) -> None:
    """Refuse what is no instance of the student's Module."""
    if not isinstance(module, given.Module):
        raise WrongError(f"expected {name} to be a Module, got {type(module).__name__}")


def linear(
    given: Given, n_in: int, n_out: int
) -> tuple[Any, Callable[[], Tensor], Callable[[], Tensor]]:
    """Make a student's Linear; with it, what gives its weight as (n_in, n_out), and its bias.

    A square weight could be either way round; that is seen with a layer that is not square.

    Raises:
        WrongError: its parameters are not as they should be.
    """
    other_way = turned(given)
    module = given.Linear(n_in, n_out)
    _pairs(given, module, n_in, n_out)

    def weight() -> Tensor:
        found: Tensor = module.param()[0][0]
        return found.t() if other_way else found

    def bias() -> Tensor:
        found: Tensor = module.param()[1][0]
        return found

    return module, weight, bias


def _pairs(given: Given, module: Any, n_in: int, n_out: int) -> bool:
    """Look at the parameters; tell whether the weight is (n_out, n_in)."""
    name = f"Linear({n_in}, {n_out})"
    is_module(given, module, name)
    pairs = module.param()
    if not isinstance(pairs, list) or [len(pair) for pair in pairs] != [2, 2]:
        raise WrongError(
            f"expected {name}.param() to be a list of two pairs, weight and bias each with its "
            f"gradient, got {shown(pairs)}"
        )
    shapes = [[tuple(part.shape) for part in pair] for pair in pairs]
    if shapes[0][0] not in ((n_in, n_out), (n_out, n_in)) or shapes[1][0] != (n_out,):
        raise WrongError(
            f"expected a weight of shape ({n_in}, {n_out}) or ({n_out}, {n_in}) and a bias of "
            f"shape ({n_out},) in {name}.param(), got {shapes[0][0]} and {shapes[1][0]}"
        )
    for (parameter, gradient), (again, _), what in zip(pairs, module.param(), ("weight", "bias")):
        if parameter.shape != gradient.shape:
            raise WrongError(
                f"expected the gradient of the {what} of {name} to have shape "
                f"{tuple(parameter.shape)}, got {tuple(gradient.shape)}"
            )
        if parameter.requires_grad or gradient.requires_grad:
            raise WrongError(
                f"expected the {what} of {name} to be a plain tensor, without autograd"
            )
        if again.data_ptr() != parameter.data_ptr():
            raise WrongError(f"expected param() to list the {what} itself, got a copy")
    return bool(shapes[0][0] == (n_out, n_in))


def turned(given: Given) -> bool:
    """Tell whether a student's Linear keeps its weight as (n_out, n_in)."""
    return _pairs(given, given.Linear(7, 3), 7, 3)
