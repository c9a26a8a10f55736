"""The largest of several affine maps."""

from __future__ import annotations

from funcdl.arguments import integer
from funcdl.contract import Layer, Vjp, declared
from funcdl.initialisers import Initialiser, fan_in_uniform, zeros
from funcdl.layers.affine import Affine
from funcdl.ops.affine import affine
from funcdl.shown import named_defaults
from funcdl.signature import Signature, of
from funcdl.tensor import Generator, Tensor

__all__ = ["maxout"]


@named_defaults
def maxout(
    out: int,
    pieces: int,
    *,
    w_init: Initialiser = fan_in_uniform,
    b_init: Initialiser | None = zeros,
) -> Layer[Affine, Tensor, Tensor]:
    """Map the last axis by several affine functions and keep the largest for each feature.

        zₖ = x wₖ + bₖ        y = maxₖ zₖ        dzₖ = dy where zₖ is the largest, 0 elsewhere

    Args:
        out: the number of output features, at least 1.
        pieces: the number of affine functions of each, at least 1.
        w_init: draws `w` of shape (in, out pieces); a feature's pieces are neighbours.
        b_init: draws `b` of shape (out pieces,); None for no bias.

    Returns:
        A layer from (…, in) to (…, out) with parameters `Affine(w, b)`.

    Raises:
        InputError, KindError: an argument is not an integer of at least 1.
        ShapeError: `x` does not fit `w`.

    Goodfellow, Warde-Farley, Mirza, Courville and Bengio, "Maxout networks" (2013).

    >>> import torch
    >>> params, shape = maxout(3, 2).init(torch.Generator().manual_seed(0), (5,))
    >>> params.w.shape, shape
    (torch.Size([5, 6]), (3,))
    """
    integer("maxout", "out", out, 1)
    integer("maxout", "pieces", pieces, 1)

    def apply(params: Affine, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        w, b = params
        z, pull = affine(x, w, b)
        y, index = z.reshape(*z.shape[:-1], out, pieces).max(-1, keepdim=True)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Affine, Tensor | None]:
            dz = dy.new_zeros((*dy.shape, pieces)).scatter_(-1, index, dy.unsqueeze(-1))
            dw, db, dx = pull(dz.flatten(-2), need_dx)
            return Affine(dw, db), dx

        return y.squeeze(-1), vjp

    params = of(Affine, "*models in>=0 out*pieces", "*models out*pieces | ()")
    takes = Signature(params, "*models … in>=0", "*models … out", out=out, pieces=pieces)
    return declared("maxout", takes, apply, of(Affine, w_init, b_init), f"{out}, {pieces}")
