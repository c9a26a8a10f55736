"""Several values made one."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate

from funcdl.contract import Layer, Params, Value, Vjp, declared
from funcdl.errors import InputError
from funcdl.layers.layout import moves
from funcdl.layers.tuples import join
from funcdl.signature import each
from funcdl.tensor import Generator, Tensor

__all__ = ["fan_in"]


def fan_in(how: str = "sum", *, axis: int = -1) -> Layer[tuple[()], Value, Tensor]:
    """Add, multiply or join the tensors of a tuple.

        sum:      y = Σ xᵢ        dxᵢ = dy        (the dual of copying, see `fan_out`)
        product:  y = Π xᵢ        dxᵢ = dy Π xⱼ over j ≠ i
        concat:   y = [x₁, …, xₙ]        dxᵢ = the i-th part of dy        (see `join`)

    Args:
        how: "sum", "product" or "concat".
        axis: where to join, counted from the end; looked at for "concat" alone.

    Returns:
        A layer without parameters from ((…), …, (…)) to (…): for sums and products the shapes are
        equal, nothing is broadcast.

    Raises:
        InputError, KindError: an argument is none of these.
        ShapeError, KindError: the tensors differ in shape, or in dtype or device.

    >>> import torch
    >>> y, vjp = fan_in("product")((), (torch.tensor([2.0]), torch.tensor([3.0])))
    >>> y, vjp(torch.ones(1))[1]
    (tensor([6.]), (tensor([3.]), tensor([2.])))
    """
    if how == "concat":
        return replace(join(axis), name="fan_in", args='"concat"' + f", axis={axis}" * (axis != -1))
    if how not in ("sum", "product"):
        raise InputError(f'fan_in: expected "sum", "product" or "concat", got {how!r}')

    def apply(
        params: Params, x: tuple[Tensor, ...], rng: Generator | None = None
    ) -> tuple[Tensor, Vjp]:
        y, *partial = reversed(list(accumulate(x, _add if how == "sum" else _multiply)))

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Value]:
            if not need_dx:
                return params, None
            if how == "sum":
                return params, (dy,) * len(x)
            # Behind entry i stand the product of those before it and that of those after it.
            dxs, after = [], dy
            for entry, before in zip(reversed(x[1:]), partial):
                dxs.append(after.mul(before))
                after = after.mul(entry)
            return params, (after, *reversed(dxs))

        return y if len(x) > 1 else y.clone(), vjp

    return declared("fan_in", moves(each("…"), "…"), apply, args=f'"{how}"')


def _add(a: Tensor, b: Tensor) -> Tensor:
    return a.add(b)


def _multiply(a: Tensor, b: Tensor) -> Tensor:
    return a.mul(b)
