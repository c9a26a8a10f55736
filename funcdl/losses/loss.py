"""What losses share: the pair (output, target), its checks, and the reduction."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

from funcdl.arguments import filled, show, whole
from funcdl.contract import Layer, Params, Shape, Value, Vjp, shape_of
from funcdl.errors import FuncdlError, InputError, KindError, ShapeError
from funcdl.misfit import apart
from funcdl.tensor import FLOATS, FULL, STRIDED, Generator, Tensor
from funcdl.tree import map as map_
from funcdl.tree.trouble import odd

__all__ = ["Kind", "Reduction", "Rule", "along", "each_class", "each_number", "each_row", "loss"]

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


class Kind(NamedTuple):
    """What a loss takes.

    Attributes:
        losses: from the output's shape to that of the examples' losses; raises a ShapeError.
        target: from the output's shape to that of the target.
        classes: whether the target counts classes; otherwise it comes to the rule in the dtype of
            the output.
        outputs: 1 for a tensor, more for a tuple of so many.
    """

    losses: Callable[[Any], Shape]
    target: Callable[[Any], Shape]
    classes: bool = False
    outputs: int = 1


def _whole_shape(y: Any) -> Shape:
    return tuple(y)


def _but_last(y: Any) -> Shape:
    return tuple(y[:-1])


each_number = Kind(_whole_shape, _whole_shape)
"""A loss and a target for each number of the output."""

each_row = Kind(_but_last, _whole_shape)
"""A loss for each row of the output, and a row for its target."""

each_class = Kind(_but_last, _but_last, classes=True)
"""A loss for each row of the output, and a class for its target."""


def loss(
    name: str,
    rule: Rule,
    reduction: str,
    models: int,
    kind: Kind = each_number,
    args: str = "",
    reduced: Rule | None = None,
) -> Layer:
    """Make a loss of a rule for each example.

    Outputs of half precision come to the rule as float32, their targets too, and what it gives is
    rounded: neither sums overflow then, nor do a mean's small cotangents vanish.

    Args:
        name: of the loss.
        rule: its value and its derivative.
        reduction: "mean", "sum" or "none".
        models: leading axes of y that count models.
        kind: what shapes it takes.
        args: its hyperparameters, for `repr`.
        reduced: a rule that gives the reduced loss at once, where there is a shorter way.
    """
    whole(name, "models", models, 0)
    if reduction not in ("mean", "sum", "none"):
        raise InputError(f'{name}: expected reduction "mean", "sum" or "none", got {reduction!r}')
    how = Reduction(reduction, models)
    settings = [args] * bool(args) + [f'reduction="{reduction}"'] * (reduction != "mean")

    def check(y_shape: Any, t_shape: Any) -> Shape:
        """Return the shape of the losses, if the target fits the output."""
        wanted = kind.target(y_shape)
        losses = kind.losses(y_shape)
        row = y_shape if kind.outputs == 1 else y_shape[0]
        if len(losses) < len(row):
            filled(name, row)
        if len(losses) < models:
            raise ShapeError(
                f"{name}: expected outputs with {models} axes of models, got {show(y_shape)}"
            )
        if t_shape != wanted and t_shape != wanted[models:]:
            raise ShapeError(
                f"{name}: expected a target of shape {show(wanted)} for outputs "
                f"{show(y_shape)}, got {show(t_shape)}"
            )
        return losses

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        if len(in_shape) != 2 or not all(isinstance(shape, tuple) for shape in in_shape):
            raise ShapeError(f"{name}: expected a pair (output, target), got {show(in_shape)}")
        losses = check(*in_shape)
        return (), losses if reduction == "none" else tuple(losses[:models])

    def evaluate(y: Any, t: Tensor) -> tuple[Tensor, Pull]:
        if reduced is not None:
            return reduced(y, t)
        losses, pull = rule(y, t)
        value, spread = how.reduce(losses)
        return value, lambda dl: pull(spread(dl))

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        try:
            y, t = x
            if kind is not each_number or y.shape != t.shape or y.ndim < models:
                check(shape_of(y), tuple(t.shape))
            like = y if kind.outputs == 1 else y[0]
            if kind.outputs > 1 and any(_kept(part) != _kept(like) for part in y):
                raise TypeError("dtypes, or layouts")
            if like.layout is not STRIDED or t.layout is not STRIDED:
                raise TypeError("layouts")
            dtype = like.dtype
            rounded = dtype not in FULL
            if rounded:
                if dtype not in FLOATS:
                    raise TypeError("no floats")
                y = map_(Tensor.float, y)
                like = y if kind.outputs == 1 else y[0]
            if t.dtype != like.dtype and not kind.classes:
                if t.is_complex():
                    raise TypeError("complex")
                t = t.to(like.dtype)
            value, pull = evaluate(y, t)
            if rounded:
                value = value.to(dtype)
        except FuncdlError as error:
            raise _swapped(name, x) or error from None
        except ZeroDivisionError:
            shape = show(shape_of(x[0]))
            raise InputError(f"{name}: expected at least one example, got {shape}") from None
        except (TypeError, ValueError, AttributeError, RuntimeError, IndexError) as error:
            raise _misfit(name, kind, x, error) from None

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Value]:
            if not need_dx:
                return params, None
            if not rounded:
                return params, (pull(dy), None)
            return params, (map_(lambda part: part.to(dtype), pull(dy.float())), None)

        return value, vjp

    return Layer(name, init, apply, ", ".join(settings + [f"models={models}"] * bool(models)))


def _kept(t: Tensor) -> tuple[Any, Any]:
    """Tell how a tensor keeps its numbers."""
    return t.dtype, t.layout


def _swapped(name: str, x: Any) -> FuncdlError | None:
    """Say that integers came before floats, where a target was meant to come last."""
    y, t = x
    if not isinstance(y, Tensor) or not isinstance(t, Tensor):
        return None
    if not y.is_floating_point() and t.is_floating_point():
        return KindError(
            f"{name}: expected a pair (output, target), got an output of {y.dtype} and a target "
            f"of {t.dtype}: are they swapped?"
        )
    return None


def _misfit(name: str, kind: Kind, x: Any, error: Exception) -> FuncdlError:
    """Say in one sentence why a loss could not be computed."""
    if not isinstance(x, tuple) or len(x) != 2:
        return KindError(f"{name}: expected a pair (output, target), got {type(x).__name__}")
    outputs = x[:1] if kind.outputs == 1 else x[0]
    for part in (*outputs, x[1]):
        if not isinstance(part, Tensor):
            return KindError(f"{name}: expected a tensor, got {type(part).__name__}")
        if (layout := odd(part)) is not None:
            return KindError(f"{name}: expected plain tensors, got a {layout} one")
    for y in outputs:
        if y.dtype not in FLOATS:
            return KindError(f"{name}: expected the output to be floats, got {y.dtype}")
    dtypes = sorted({str(y.dtype) for y in outputs})
    if len(dtypes) > 1:
        return KindError(f"{name}: expected outputs of one dtype, got {' and '.join(dtypes)}")
    if (problem := apart(name, x)) is not None:
        return problem
    if x[1].is_complex():
        return KindError(f"{name}: expected the target to be real, got {x[1].dtype}")
    return ShapeError(f"{name}: {error}")
