"""The plain recurrent unit over all times: a product, a sum, and a function of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from funcdl.ops.recurrence import States, begun
from funcdl.tensor import Tensor

__all__ = ["relus", "tanhs"]

Back = Callable[[Tensor, Sequence[Tensor], bool], tuple[Tensor, Tensor, States]]


def tanhs(a: Tensor, b: Any, w: Tensor, first: States | None, held: Any) -> tuple[States, Back]:
    """Compute hₜ = tanh(aₜ + hₜ₋₁ w + b): see `funcdl.ops.recurrence.Unit`."""
    hs = _states(a, b, w, first, held, Tensor.tanh_)

    def slopes() -> tuple[Tensor, Callable[[int, Tensor, Tensor], Tensor]]:
        ds = hs[1:].square().neg_().add_(1)
        if held is not None:
            ds.masked_fill_(held, 0)
        return ds, lambda t, step, dh: step.mul_(dh)

    return (hs,), _back(hs, w, held, slopes)


def relus(a: Tensor, b: Any, w: Tensor, first: States | None, held: Any) -> tuple[States, Back]:
    """Compute hₜ = max(aₜ + hₜ₋₁ w + b, 0): see `funcdl.ops.recurrence.Unit`."""
    hs = _states(a, b, w, first, held, Tensor.relu_)

    def slopes() -> tuple[Tensor, Callable[[int, Tensor, Tensor], Tensor]]:
        dead = hs[1:].le(0)
        each = (dead if held is None else dead.logical_or_(held)).unbind(0)
        ds = hs.new_empty(hs[1:].shape)
        return ds, lambda t, step, dh: step.copy_(dh).masked_fill_(each[t], 0)

    return (hs,), _back(hs, w, held, slopes)


def _states(
    a: Tensor, b: Any, w: Tensor, first: States | None, held: Any, function: Callable[..., Tensor]
) -> Tensor:
    (hs,) = begun(a, w.shape[-2], first, 1)
    ys = hs[1:].copy_(a)
    if b is not None:
        ys.add_(b)
    for t, (h, y) in enumerate(zip(hs[:-1].unbind(0), ys.unbind(0))):
        function(y.baddbmm_(h, w))
        if held is not None:
            y.copy_(h.where(held[t], y))
    return hs


def _back(hs: Tensor, w: Tensor, held: Any, slopes: Callable[[], Any]) -> Back:
    def back(
        dys: Tensor, dlast: Sequence[Tensor], need_first: bool
    ) -> tuple[Tensor, Tensor, States]:
        ds, through = slopes()
        (dh,), seen = dlast, None if held is None else held.logical_not()
        steps = list(zip(dys.unbind(0), ds.unbind(0)))
        for t in reversed(range(len(steps))):
            d, step = steps[t]
            dh.add_(d)
            through(t, step, dh if held is None else dh.masked_fill(held[t], 0))
            if t == 0 and not need_first:
                break
            if seen is None:
                dh.baddbmm_(step, w.mT, beta=0)
            else:
                dh.masked_fill_(seen[t], 0).baddbmm_(step, w.mT)
        return ds, ds, (dh,)

    return back
