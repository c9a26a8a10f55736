"""Several losses as one: the main objective and its auxiliaries."""

from __future__ import annotations

from typing import Any

from funcdl.arguments import each_number, show
from funcdl.combinators.parts import as_layers, needing, place
from funcdl.contract import Layer, LayerLike, Params, Shape, Value, Vjp, shape_of
from funcdl.errors import InputError, KindError, ShapeError
from funcdl.ops.leading import align
from funcdl.signature import ANYTHING, Signature, anything, each
from funcdl.tensor import Generator, Tensor, as_dtype_of
from funcdl.tree import map as map_
from funcdl.tree import zeros_like

__all__ = ["weighted_sum"]


def weighted_sum(*terms: tuple[float | Tensor, LayerLike]) -> Layer[Params, Value, Tensor]:
    """Add losses, each with a weight and on its own output and target.

        l = Σ wᵢ lossᵢ(yᵢ, tᵢ)        dyᵢ = wᵢ lossᵢᵀ(dl)

    Args:
        terms: pairs (weight, loss); the weights are numbers of at least 0, or tensors of the
            losses' shape, one for each model. A loss of weight 0 contributes nothing, be it
            infinite.

    Returns:
        A loss from ((y₁, …, yₙ), (t₁, …, tₙ)), without parameters.

    Raises:
        InputError, KindError: there is no term, or one is not a pair (weight, loss).
        ShapeError: the input has another number of outputs or targets, or one does not fit; or
            there are not as many weights as losses.

    >>> import torch
    >>> from funcdl import mse
    >>> loss = weighted_sum((1.0, mse()), (0.5, mse()))
    >>> one, zero = torch.ones(3), torch.zeros(3)
    >>> loss((), ((one, one), (zero, zero)))[0]
    tensor(1.5000)
    """
    if not terms:
        raise InputError("weighted_sum: expected at least one pair (weight, loss), got none")
    for i, term in enumerate(terms):
        if not isinstance(term, (tuple, list)) or len(term) != 2:
            got = type(term).__name__
            raise KindError(f"weighted_sum[{i}]: expected a pair (weight, loss), got {got}")
        each_number(f"weighted_sum[{i}]", "the weight", term[0], 0)
    weights = [_Weight(weight) for weight, _ in terms]
    losses = as_layers("weighted_sum", [loss for _, loss in terms])
    count = len(losses)
    places = [f"weighted_sum[{i}]" for i in range(count)]

    def alike(shapes: list[Shape]) -> None:
        if any(shape != shapes[0] for shape in shapes):
            raise ShapeError(
                f"weighted_sum: expected losses of one shape, got {' and '.join(map(show, shapes))}"
            )

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        takes.infer("weighted_sum", in_shape)
        shapes = []
        for where, loss, pair in zip(places, losses, zip(*in_shape)):
            with place(where):
                shapes.append(loss.init(rng, pair)[1])
        alike(shapes)
        return (), shapes[0]

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        each_loss = zip(losses, places, zip(*x))
        pulled = [loss.at(where, (), pair, rng) for loss, where, pair in each_loss]
        alike([shape_of(value, "weighted_sum") for value, _ in pulled])
        for where, weight, (value, _) in zip(places, weights, pulled):
            weight.expect_fits(where, value)
        # What has no weight is left out: 0 times an infinite loss is NaN.
        total = None
        for weight, (value, _) in zip(weights, pulled):
            if weight.some:
                part = weight.times(value)
                total = part if total is None else total + part
        if total is None:
            total = zeros_like(pulled[0][0])

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            if not need_dx:
                return params, None
            dys: list[Value] = []
            for weight, (_, pull), y in zip(weights, pulled, x[0]):
                _, pair = pull(weight.times(dy)) if weight.some else (None, (zeros_like(y), None))
                dys.append(None if pair is None else weight.kept(pair[0]))
            return params, (tuple(dys), (None,) * count)

        return total, vjp

    args = ", ".join(f"({w}, {loss!r})" for w, loss in zip(weights, losses))
    takes = Signature(
        (),
        (each(ANYTHING, count, "the outputs"), each(ANYTHING, count, "the targets")),
        anything("loss"),
    )
    needs = needing(zip(places, losses))
    return Layer("weighted_sum", init, apply, args, needs_rng=needs, signature=takes)


class _Weight:
    """The weight of a loss: one, or one for each model."""

    def __init__(self, value: float | Tensor) -> None:
        self.value = value
        self.each = isinstance(value, Tensor) and value.ndim > 0
        self.some = bool(value.ne(0).any()) if isinstance(value, Tensor) else bool(value)
        # Of models whose weight is 0, where others' is not.
        self.none: Any = value.eq(0) if isinstance(value, Tensor) and self.each else None
        if self.none is not None and not self.none.any():
            self.none = None

    def expect_fits(self, where: str, loss: Any) -> None:
        """Refuse weights that are not as many as there are losses."""
        if isinstance(self.value, Tensor) and self.each and self.value.shape != loss.shape:
            raise ShapeError(
                f"{where}: expected a weight for each loss, {show(loss.shape)}, "
                f"got {show(self.value.shape)}"
            )

    def times(self, loss: Any) -> Any:
        """Multiply a loss, or its cotangent."""
        if not isinstance(self.value, Tensor):
            return loss * self.value
        weighted = loss * as_dtype_of(self.value, loss)
        return weighted if self.none is None else weighted.masked_fill(self.none, 0.0)

    def kept(self, dy: Any) -> Any:
        """Take the cotangent of an output from the models whose weight is 0."""
        if self.none is None:
            return dy

        def keep(d: Tensor | None) -> Tensor | None:
            return None if d is None else d.masked_fill(align(self.none, d, 0), 0.0)

        return map_(keep, dy)

    def __str__(self) -> str:
        if isinstance(self.value, Tensor):
            return f"a tensor {show(self.value.shape)}"
        return f"{self.value:g}"
