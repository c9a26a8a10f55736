"""What losses share: the pair (output, target), and the reduction."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

from funcdl.arguments import integer, show
from funcdl.contract import Layer, Params, Value, Vjp, declared
from funcdl.errors import InputError
from funcdl.signature import Signature
from funcdl.tensor import FULL, Generator, Tensor, as_dtype_of
from funcdl.tree import map as map_

__all__ = ["CLASSES", "NUMBERS", "PAIRS", "ROWS", "Reduction", "Rule", "along", "loss"]

Pull = Callable[[Tensor], Any]
Rule = Callable[[Any, Tensor], "tuple[Tensor, Pull]"]
"""`rule(y, t) -> (losses, pull)`, a loss for each example; `pull(d) -> dy`, where `d` broadcasts
against the losses."""


class Reduction(NamedTuple):
    """How the losses of the examples become one number, or one a model.

    Attributes:
        how: "mean", "sum" or "none".
        models: leading axes that are kept.
    """

    how: str
    models: int

    def reduce(self, losses: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """Reduce the losses to (*models,), or leave them.

        Returns the value, and a function that pulls its cotangent back to one that broadcasts
        against the losses. The mean of nothing is a ZeroDivisionError.
        """
        axes = tuple(range(self.models, losses.ndim))
        if self.how == "none" or not axes:
            return losses, lambda d: d
        value = losses.sum(axes)
        if self.how == "sum":
            return value, lambda d: along(d, losses)
        factor = 1.0 / prod(losses.shape[self.models :])
        return value.mul_(factor), lambda d: along(d.mul(factor), losses)


def along(d: Tensor, losses: Tensor) -> Tensor:
    """View what each model has one of so that it broadcasts against the losses."""
    return d.reshape(d.shape + (1,) * (losses.ndim - d.ndim)) if d.ndim else d


CLASSES = "output: *models … classes", "target: *models? … <classes"
"""A class for each row of the output."""

NUMBERS = "output: *models …", "target: *models? … ~"
"""A number for each number of the output."""

ROWS = "output: *models … features", "target: *models? … features ~"
"""A row for each row of the output."""

PAIRS = ("a: *models … features", "b: *models … features"), "target: *models? … ~"
"""A number for each two rows of the same place."""


def loss(
    name: str,
    rule: Rule,
    reduction: str,
    models: int,
    takes: tuple[Any, str] = NUMBERS,
    args: str = "",
    reduced: Rule | None = None,
    **lengths: Any,
) -> Layer[tuple[()], Value, Tensor]:
    """Make a loss of a rule for each example.

    Outputs of half precision come to the rule as float32, their targets too, and what it gives is
    rounded: neither sums overflow then, nor do a mean's small cotangents vanish. A target that is
    no class comes in the dtype of the output.

    Args:
        name: of the loss.
        rule: its value and its derivative.
        reduction: "mean", "sum" or "none".
        models: leading axes of the output that count models.
        takes: the patterns of the output and of the target.
        args: its hyperparameters, for `repr`.
        reduced: a rule that gives the reduced loss at once, where there is a shorter way.
        lengths: of axes that hyperparameters give.
    """
    integer(name, "models", models, 0)
    if reduction not in ("mean", "sum", "none"):
        raise InputError(f'{name}: expected reduction "mean", "sum" or "none", got {reduction!r}')
    how = Reduction(reduction, models)
    alone, converted = isinstance(takes[0], str), takes[1].endswith("~")

    def evaluate(y: Any, t: Tensor) -> tuple[Tensor, Pull]:
        if reduced is not None:
            return reduced(y, t)
        losses, pull = rule(y, t)
        value, spread = how.reduce(losses)
        return value, lambda dl: pull(spread(dl))

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        y, t = x
        dtype = (y if alone else y[0]).dtype
        rounded = dtype not in FULL
        if rounded:
            y = map_(Tensor.float, y)
        if converted:
            t = as_dtype_of(t, y if alone else y[0])
        try:
            value, pull = evaluate(y, t)
        except ZeroDivisionError:
            got = show((y if alone else y[0]).shape)
            raise InputError(f"{name}: expected at least one example, got {got}") from None
        if rounded:
            value = value.to(dtype)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Value]:
            if not need_dx:
                return params, None
            if not rounded:
                return params, (pull(dy), None)
            return params, (map_(lambda part: part.to(dtype), pull(dy.float())), None)

        return value, vjp

    y = "*models …" if reduction == "none" else "*models"
    signature = Signature((), takes, y, axes={"models": models}, **lengths)
    settings = [args] * bool(args) + [f'reduction="{reduction}"'] * (reduction != "mean")
    settings += [f"models={models}"] * bool(models)
    return declared(name, signature, apply, args=", ".join(settings))
