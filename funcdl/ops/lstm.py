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
    both = gates.narrow(-1, 0, 2 * hidden)
    views = (gates, both, i, f, g, o, hs[:-1], cs[:-1], hs[1:], cs[1:])
    for t, step in enumerate(zip(*(s.unbind(0) for s in views))):
        gate, if1, i1, f1, g1, o1, h, c, h1, c1 = step
        gate.baddbmm_(h, w)
        if1.sigmoid_()
        g1.tanh_()
        o1.sigmoid_()
        c1.addcmul_(f1, c).addcmul_(i1, g1)  # of zeros so far
        h1.addcmul_(o1, c1.tanh())
        if held is not None:
            h1.copy_(h.where(held[t], h1))
            c1.copy_(c.where(held[t], c1))

    def back(
        dys: Tensor, dlast: Sequence[Tensor], need_first: bool
    ) -> tuple[Tensor, Tensor, States]:
        ds, slopes = _factors(split, cs)
        (dh, dc), kept, seen, back_w = dlast, f, None, w.mT
        if held is not None:
            ds.masked_fill_(held.unsqueeze(-1), 0)
            slopes.masked_fill_(held, 0)
            kept, seen = f.masked_fill(held, 1), held.logical_not()
        flat, of_c, of_h = ds.flatten(-2), ds.narrow(-2, 0, 3), ds.select(-2, 3)
        views = (dys, flat, of_c, of_h, slopes, kept)
        steps = list(zip(*(s.unbind(0) for s in views)))
        for t in reversed(range(len(steps))):
            d, step, of_c1, of_h1, slope, keep = steps[t]
            dh.add_(d)
            by_h = dh if held is None else dh.masked_fill(held[t], 0)
            dc.addcmul_(by_h, slope)
            of_c1.mul_((dc if held is None else dc.masked_fill(held[t], 0)).unsqueeze(-2))
            of_h1.mul_(by_h)
            if t == 0 and not need_first:
                break
            dc.mul_(keep)
            if seen is None:
                dh.baddbmm_(step, back_w, beta=0)
            else:
                dh.masked_fill_(seen[t], 0).baddbmm_(step, back_w)
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
    of_i, of_f, of_g, of_o = (found.select(-2, k) for k in range(4))
    for factor, gate, by in ((of_i, i, g), (of_f, f, cs[:-1]), (of_o, o, of_c)):
        factor.copy_(gate).addcmul_(gate, gate, value=-1).mul_(by)
    of_g.copy_(g).square_().neg_().add_(1).mul_(i)
    of_c.square_().neg_().add_(1).mul_(o)
    return found, of_c
