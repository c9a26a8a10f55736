"""What a row of a loss on classes counts: the weight of its class, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from funcdl.arguments import MOST, integer, show
from funcdl.errors import KindError, ShapeError
from funcdl.losses.loss import Reduction, Rule
from funcdl.ops.choose import only
from funcdl.tensor import Tensor

__all__ = ["Worth", "class_weights", "fitting", "worth"]

Pair = tuple[Tensor, Callable[[Tensor], Any]]


class Worth(NamedTuple):
    """The weights of the classes, and the class whose rows do not count.

    Attributes:
        name: of the loss.
        weights: (classes,), or None for 1.
        ignore: any integer, a class or not; None for none.
    """

    name: str
    weights: Tensor | None
    ignore: int | None

    @property
    def args(self) -> list[str]:
        """Write what is not the default, for `repr`."""
        said = ["weights"] * (self.weights is not None)
        return said + [f"ignore={self.ignore}"] * (self.ignore is not None)

    def classes(self, t: Tensor) -> Tensor:
        """Put a class that there is in the place of those that do not count."""
        return t if self.ignore is None else t.where(t.ne(self.ignore), 0)

    def kept(self, y: Tensor, t: Tensor) -> Tensor:
        """Tell which rows count, as Booleans (*rows of y)."""
        kept = t.ne(-1 if self.ignore is None else self.ignore)
        return kept if kept.ndim == y.ndim - 1 else kept.expand(y.shape[:-1])

    def of(self, y: Tensor, t: Tensor) -> Tensor:
        """Look up what each row counts."""
        if self.weights is None:
            return self.kept(y, t).to(y.dtype)
        worth = fitting(self.name, self.weights, y).take(self.classes(t))
        worth = worth if worth.ndim == y.ndim - 1 else worth.expand(y.shape[:-1])
        return worth if self.ignore is None else only(worth, self.kept(y, t))

    def weighed(self, rule: Rule) -> Rule:
        """Multiply the losses of the rows by what they count.

            l = w[t] l(y, t)        dy = w[t] dy(y, t)

        A row that counts nothing is left out: its loss may be infinite.
        """

        def weighed(y: Tensor, t: Tensor) -> Pair:
            losses, pull = rule(y, self.classes(t))
            worth = self.of(y, t)
            counted = worth.bool()

            def back(d: Tensor) -> Tensor:
                return only(pull(worth.mul(d)), counted.unsqueeze(-1))

            return only(losses, counted).mul_(worth), back

        return weighed

    def masked(self, rule: Rule) -> Rule:
        """Leave out the rows that are ignored; the others have their weights already."""
        return self._replace(weights=None).weighed(rule) if self.ignore is not None else rule

    def mean(self, rule: Rule, models: int) -> Rule:
        """Divide the sum of the losses by what the rows count, as PyTorch does, not by n."""

        def mean(y: Tensor, t: Tensor) -> Pair:
            if not t.numel():
                raise ZeroDivisionError("the mean of nothing")
            losses, pull = rule(y, t)
            total = Reduction("sum", models)
            value, spread = total.reduce(losses)
            size, _ = total.reduce(self.of(y, t))
            return value.div(size), lambda dl: pull(spread(dl.div(size)))

        return mean

    def __bool__(self) -> bool:
        return self.weights is not None or self.ignore is not None


def worth(name: str, weights: Any, ignore: Any) -> Worth:
    """Look at the arguments `weights` and `ignore` of a loss.

    Raises:
        KindError, InputError: one is not of its kind.
    """
    if ignore is not None:
        integer(name, "ignore", ignore, -MOST)
    return Worth(name, class_weights(name, weights), ignore)


def class_weights(name: str, weights: Any) -> Tensor | None:
    """Return `weights` if it is None, or one number for each class."""
    if weights is not None and not (isinstance(weights, Tensor) and weights.ndim == 1):
        raise KindError(f"{name}: expected weights to be a tensor of shape (classes,)")
    return weights


def fitting(name: str, weights: Tensor, y: Tensor) -> Tensor:
    """Give the weights of the classes of y in its dtype."""
    if len(weights) != y.shape[-1]:
        got = show(weights.shape)
        raise ShapeError(f"{name}: expected {y.shape[-1]} weights, got {got}")
    return weights.to(y.device, y.dtype)
