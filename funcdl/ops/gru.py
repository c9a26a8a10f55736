"""The gates of a gated recurrent unit, for one step or for many, and their derivatives."""

from __future__ import annotations

from funcdl.tensor import Tensor

__all__ = ["advance", "factors", "input_part", "state_part"]


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
    of_r, of_z, of_bn, of_n = found.unbind(-2)
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
