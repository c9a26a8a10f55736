"""The rectifier that learns its slope."""

from __future__ import annotations

from typing import NamedTuple

from funcdl.arguments import number
from funcdl.contract import Layer, Vjp, declared
from funcdl.initialisers import full
from funcdl.ops.choose import only
from funcdl.ops.leading import align, total
from funcdl.signature import Signature, of
from funcdl.tensor import Generator, Tensor, as_dtype_of, wide

__all__ = ["Slope", "prelu"]


class Slope(NamedTuple):
    """Parameters of `prelu`: `a` (*models,), or (*models, features)."""

    a: Tensor


def prelu(slope: float = 0.25, *, per_feature: bool = False) -> Layer[Slope, Tensor, Tensor]:
    """Rectify with a slope on the left that is learnt.

        y = max(x, 0) + a min(x, 0)        da = Σ dy min(x, 0)
        dx = dy where x > 0, a dy elsewhere

    Args:
        slope: what `a` begins with.
        per_feature: one slope for each entry of the last axis; otherwise one for all.

    Returns:
        A layer from (…, features) to the same, with parameters `Slope(a)`.

    Raises:
        KindError: `slope` is not a number, or `a` has another dtype than x.
        ShapeError: `a` does not fit x.

    He, Zhang, Ren and Sun, "Delving Deep into Rectifiers" (2015).

    >>> import torch
    >>> params, _ = prelu().init(torch.Generator().manual_seed(0), (2,))
    >>> y, vjp = prelu()(params, torch.tensor([-4.0, 2.0]))
    >>> y, vjp(torch.ones(2))[0]
    (tensor([-1.,  2.]), Slope(a=tensor(-4.)))
    """
    fill = full(number("prelu", "slope", slope, -float("inf")))
    own = 1 if per_feature else 0

    def apply(params: Slope, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        (a,) = params
        fitted, right = align(a, x, own), x.gt(0)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Slope, Tensor | None]:
            # A product of two halves may be too large for one, where the sum is not.
            left = only(wide(dy).mul(wide(x)), right.logical_not())
            da = Slope(as_dtype_of(total(left, a, own), a))
            return da, dy.where(right, dy.mul(fitted)) if need_dx else None

        return x.where(right, x.mul(fitted)), vjp

    args = [f"{slope:g}"] * (slope != 0.25) + ["per_feature=True"] * bool(per_feature)
    features = "features>=0" * own
    same = f"*models … {features}"
    takes = Signature(of(Slope, f"*models {features}"), same, same)
    return declared("prelu", takes, apply, of(Slope, fill), ", ".join(args))
