"""The unit with a long short-term memory over all times, and its derivative."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from funcdl.ops.recurrence import States, begun
from funcdl.tensor import Tensor

__all__ = ["memories"]

Back = Callable[[Tensor, Sequence[Tensor], bool], tuple[Tensor, Tensor, States]]


def memories(a: Tensor, b: Any, w: Tensor, first: States | None, held: Any) -> tuple[States, Back]:
    """Compute the states of a long short-term memory: see `funcdl.ops.recurrence.Unit`.

        cₜ = f cₜ₋₁ + i g        hₜ = o tanh(cₜ)

    with i, f and o = σ of their parts of a + hₜ₋₁ w + b, and g = tanh of its own.
    """
    hidden = w.shape[-2]
    gates = a.new_empty(a.shape).copy_(a)
    if b is not None:
        gates.add_(b)
    hs, cs = begun(a, hidden, first, 2)
    split = gates.view(*a.shape[:-1], 4, hidden)
    i, f, g, o = split.unbind(-2)
    both, each = gates.narrow(-1, 0, 2 * hidden).unbind(0), (i, f, g, o, gates)
    for t, (i1, f1, g1, o1, gate) in enumerate(zip(*(s.unbind(0) for s in each))):
        gate.baddbmm_(hs[t], w)
        both[t].sigmoid_()
        g1.tanh_()
        o1.sigmoid_()
        h, c = hs[t + 1], cs[t + 1]  # of zeros so far
        c.addcmul_(f1, cs[t]).addcmul_(i1, g1)
        h.addcmul_(o1, c.tanh())
        if held is not None:
            h.copy_(hs[t].where(held[t], h))
            c.copy_(cs[t].where(held[t], c))

    def back(
        dys: Tensor, dlast: Sequence[Tensor], need_first: bool
    ) -> tuple[Tensor, Tensor, States]:
        ds, slopes = _factors(split, cs)
        (dh, dc), kept, seen = dlast, f, None
        if held is not None:
            ds.masked_fill_(held.unsqueeze(-1), 0)
            slopes.masked_fill_(held, 0)
            kept, seen = f.masked_fill(held, 1), held.logical_not()
        flat = ds.flatten(-2)
        steps = list(zip(*(s.unbind(0) for s in (dys, ds, flat, slopes, kept))))
        for t in reversed(range(len(steps))):
            d, step, rows, through, keep = steps[t]
            of_h = dh.add_(d) if held is None else dh.add_(d).masked_fill(held[t], 0)
            dc.addcmul_(of_h, through)
            of_c = dc if held is None else dc.masked_fill(held[t], 0)
            step.narrow(-2, 0, 3).mul_(of_c.unsqueeze(-2))
            step.select(-2, 3).mul_(of_h)
            if t == 0 and not need_first:
                break
            dc.mul_(keep)
            if seen is None:
                dh.baddbmm_(rows, w.mT, beta=0)
            else:
                dh.masked_fill_(seen[t], 0).baddbmm_(rows, w.mT)
        return flat, flat, (dh, dc)

    return (hs, cs), back


def _factors(gates: Tensor, cs: Tensor) -> tuple[Tensor, Tensor]:
    """Compute, for all times, the factors from the cotangents of c and h to those of the gates.

        dc' = dc + dh o (1 − tanh² c)        of i: dc' g i (1 − i)        of g: dc' i (1 − g²)
        of o: dh tanh(c) o (1 − o)           of f: dc' cₜ₋₁ f (1 − f)

    The second tensor is the factor of dh in dc'.
    """
    i, f, g, o = gates.unbind(-2)
    of_c = cs[1:].tanh()
    found = gates.new_empty(gates.shape)
    of_i, of_f, of_g, of_o = found.unbind(-2)
    for factor, gate, by in ((of_i, i, g), (of_f, f, cs[:-1]), (of_o, o, of_c)):
        factor.copy_(gate).addcmul_(gate, gate, value=-1).mul_(by)
    of_g.copy_(g).square_().neg_().add_(1).mul_(i)
    of_c.square_().neg_().add_(1).mul_(o)
    return found, of_c
