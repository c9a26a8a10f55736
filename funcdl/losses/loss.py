"""What losses share: the pair (output, target), its checks, and the reduction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from funcdl.arguments import show, tensor, whole
from funcdl.contract import Layer, Params, Shape, Value, Vjp, shape_of
from funcdl.errors import FuncdlError, InputError, KindError, ShapeError
from funcdl.tensor import Generator, Tensor

__all__ = ["Kind", "Reduction", "Rule", "loss", "same_shape", "without_last"]

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

    def reduce(self, losses: Tensor) -> Tensor:
        """Reduce the losses to (*models,), or leave them."""
        if self.how == "none":
            return losses
        flat = self._flat(losses)
        return flat.mean(-1) if self.how == "mean" else flat.sum(-1)

    def spread(self, dl: Tensor, losses: Tensor) -> Tensor:
        """Pull a cotangent back to one that broadcasts against the losses."""
        if self.how == "none":
            return dl
        if self.how == "mean":
            dl = dl.mul(1.0 / self._flat(losses).shape[-1])
        return dl.reshape(dl.shape + (1,) * (losses.ndim - dl.ndim))

    def _flat(self, losses: Tensor) -> Tensor:
        if losses.ndim == self.models:
            return losses.unsqueeze(-1)
        return losses.flatten(self.models)


class Kind(NamedTuple):
    """What a loss takes.

    Attributes:
        losses: from the output's shape to that of the examples' losses; raises a ShapeError.
        target: from the output's shape to that of the target.
    """

    losses: Callable[[Any], Shape]
    target: Callable[[Any], Shape]


def _whole_shape(y: Any) -> Shape:
    return tuple(y)


def _but_last(y: Any) -> Shape:
    return tuple(y[:-1])


same_shape = Kind(_whole_shape, _whole_shape)
"""A loss and a target for each number of the output."""

without_last = Kind(_but_last, _but_last)
"""A loss and a target for each row of the output."""


def loss(
    name: str,
    rule: Rule,
    reduction: str,
    models: int,
    kind: Kind = same_shape,
    args: str = "",
    reduced: Rule | None = None,
) -> Layer:
    """Make a loss of a rule for each example.

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
        if len(losses) < models or (t_shape != wanted and t_shape != wanted[models:]):
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
        return how.reduce(losses), lambda dl: pull(how.spread(dl, losses))

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        try:
            y, t = x
            if kind is not same_shape or y.shape != t.shape:
                check(shape_of(y), tuple(t.shape))
            value, pull = evaluate(y, t)
        except FuncdlError:
            raise
        except (TypeError, ValueError, AttributeError, RuntimeError, IndexError) as error:
            if not isinstance(x, tuple) or len(x) != 2:
                got = type(x).__name__
                raise KindError(f"{name}: expected a pair (output, target), got {got}") from None
            for part in (*(x[0] if isinstance(x[0], tuple) else x[:1]), x[1]):
                tensor(name, part)
            raise ShapeError(f"{name}: {error}") from error

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Value]:
            return params, (pull(dy), None)

        return value, vjp

    return Layer(name, init, apply, ", ".join(settings + [f"models={models}"] * bool(models)))
