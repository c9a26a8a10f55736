"""The gates of the gated recurrent unit, with their adjoint."""

from __future__ import annotations

from collections.abc import Callable

from funcdl.tensor import Tensor

__all__ = ["gated"]

Pull = Callable[[Tensor, Tensor, Tensor], Tensor]


def gated(gx: Tensor, gh: Tensor, h: Tensor) -> tuple[Tensor, Pull]:
    """Mix a state with a new one.

        r, z = σ(gxᵣ + ghᵣ), σ(gx_z + gh_z)        n = tanh(gxₙ + r ghₙ)        y = n + z (h − n)

    Args:
        gx: what the input says to the gates, (…, 3 features): reset r, update z, new n.
        gh: what the state says to them, of the same shape.
        h: the state, (…, features).

    Returns:
        `y` of the shape of h, and `pull(dy, dgx, dgh) -> dh`, which writes the cotangents of gx
        and gh into the two tensors that it is given; dh is the part that does not go through gh.
    """
    size = h.shape[-1]
    both = gx.narrow(-1, 0, 2 * size).add(gh.narrow(-1, 0, 2 * size)).sigmoid_()
    r, z = both.narrow(-1, 0, size), both.narrow(-1, size, size)
    gate = gh.narrow(-1, 2 * size, size)
    n = gx.narrow(-1, 2 * size, size).addcmul(r, gate).tanh_()
    step = h.sub(n)
    y = n.addcmul(z, step)

    def pull(dy: Tensor, dgx: Tensor, dgh: Tensor) -> Tensor:
        dn = dy.addcmul(dy, z, value=-1)
        dn.addcmul_(dn.mul(n), n, value=-1)
        slope = both.addcmul(both, both, value=-1)
        slope.narrow(-1, 0, size).mul_(gate).mul_(dn)
        slope.narrow(-1, size, size).mul_(step).mul_(dy)
        for d in (dgx, dgh):
            d.narrow(-1, 0, 2 * size).copy_(slope)
        dgx.narrow(-1, 2 * size, size).copy_(dn)
        dgh.narrow(-1, 2 * size, size).copy_(dn.mul_(r))
        return dy.mul(z)

    return y, pull
