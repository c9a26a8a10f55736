"""The gates of a gated recurrent unit, for one step or for many, and their derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from funcdl.ops.recurrence import States, begun
from funcdl.tensor import Tensor

__all__ = ["advance", "factors", "gated", "input_part", "state_part"]

Back = Callable[[Tensor, Sequence[Tensor], bool], tuple[Tensor, Tensor, States]]


def gated(a: Tensor, b: Any, w: Tensor, first: States | None, held: Any) -> tuple[States, Back]:
    """Compute the states of a gated recurrent unit: see `funcdl.ops.recurrence.Unit`."""
    hidden = w.shape[-2]
    gates = a.new_empty(a.shape).copy_(a)
    ns = a.new_empty((*a.shape[:-1], hidden)).copy_(a.narrow(-1, 2 * hidden, hidden))
    gates.narrow(-1, 2 * hidden, hidden).zero_()
    if b is not None:
        gates.add_(b)
    (hs,) = begun(a, hidden, first, 1)
    each = zip(*(s.unbind(0) for s in (gates, ns, hs[:-1], hs[1:])))
    for t, (gate, n, h, y) in enumerate(each):
        z = advance(gate.baddbmm_(h, w), n)
        if first is None:
            y.copy_(n).lerp_(h, z)
        else:  # lerp gives NaN for an infinite h where z is above a half
            y.copy_(h).sub_(n).mul_(z).add_(n)
        if held is not None:
            y.copy_(h.where(held[t], y))

    def back(
        dys: Tensor, dlast: Sequence[Tensor], need_first: bool
    ) -> tuple[Tensor, Tensor, States]:
        ds, zs = factors(gates, ns, hs[:-1]), gates.narrow(-1, hidden, hidden)
        if held is not None:
            ds.masked_fill_(held.unsqueeze(-1), 0)
            zs = zs.masked_fill(held, 1)
        (dh,) = dlast
        steps = list(zip(*(s.unbind(0) for s in (dys, ds, zs))))
        for t in reversed(range(len(steps))):
            d, step, z = steps[t]
            dh.add_(d)
            step.mul_((dh if held is None else dh.masked_fill(held[t], 0)).unsqueeze(-2))
            if t or need_first:
                dh.mul_(z).baddbmm_(state_part(step), w.mT)
        # The input's part is copied with the batch first, as it is multiplied next.
        return input_part(ds.movedim(0, -3)).movedim(-2, 0), state_part(ds), (dh,)

    return (hs,), back


def advance(gates: Tensor, n: Tensor) -> Tensor:
    """Compute the gates of one step, for the next state (1 − z) n + z h, writing into both.

    Args:
        gates: (…, 3 hidden). Before: what r and z are σ of, and bₙ. After: r, z and bₙ.
        n: (…, hidden). Before: aₙ. After: tanh(aₙ + r bₙ).

    Returns:
        z of shape (…, hidden), a view of the gates.
    """
    hidden = n.shape[-1]
    gates.narrow(-1, 0, 2 * hidden).sigmoid_()
    r, z, bn = gates.view(*n.shape[:-1], 3, hidden).unbind(-2)
    n.addcmul_(r, bn).tanh_()
    return z


def factors(gates: Tensor, n: Tensor, h: Tensor) -> Tensor:
    """Compute the factors from the cotangent dy of the next state to those of the gates.

        dbᵣ = daᵣ = dy r (1 − r) bₙ (1 − z)(1 − n²)        db_z = da_z = dy z (1 − z)(h − n)
        daₙ = dy (1 − z)(1 − n²)                           dbₙ = daₙ r

    None of them depends on dy, so that those of a whole sequence are computed at once.

    Args:
        gates: (…, 3 hidden): r, z and bₙ, as `advance` leaves them.
        n: (…, hidden), as `advance` leaves it.
        h: (…, hidden), the state before the step.

    Returns:
        The factors of daᵣ, da_z, dbₙ and daₙ, of shape (…, 4, hidden).
    """
    hidden = h.shape[-1]
    r, z, bn = gates.view(*h.shape[:-1], 3, hidden).unbind(-2)
    found = gates.new_empty((*h.shape[:-1], 4, hidden))
    # Views one by one: of several at once none may be written in where autograd watches.
    of_r, of_z, of_bn, of_n = (found.select(-2, k) for k in range(4))
    of_n.copy_(n).square_().neg_().add_(1)
    of_n.addcmul_(of_n, z, value=-1)
    of_bn.copy_(of_n).mul_(r)
    of_r.copy_(r).addcmul_(r, r, value=-1).mul_(bn).mul_(of_n)
    of_z.copy_(z).addcmul_(z, z, value=-1).mul_(h.sub(n))
    return found


def state_part(cotangents: Tensor) -> Tensor:
    """View db, (…, 3 hidden), in the cotangents of r, z, bₙ and aₙ, (…, 4, hidden)."""
    return cotangents.narrow(-2, 0, 3).flatten(-2)


def input_part(cotangents: Tensor) -> Tensor:
    """Copy da, (…, 3 hidden), from the cotangents of r, z, bₙ and aₙ, (…, 4, hidden)."""
    *lead, _, hidden = cotangents.shape
    da = cotangents.new_empty((*lead, 3, hidden))
    da.narrow(-2, 0, 2).copy_(cotangents.narrow(-2, 0, 2))
    da.select(-2, 2).copy_(cotangents.select(-2, 3))
    return da.flatten(-2)
