"""The largest of several affine maps."""

from __future__ import annotations

from funcdl.arguments import last_axis, whole
from funcdl.contract import Layer, Shape, Vjp
from funcdl.initialisers import Initialiser, fan_in_uniform, zeros
from funcdl.layers.affine import Affine, bias_of, draw, misfit
from funcdl.ops.affine import affine
from funcdl.tensor import Generator, Tensor

__all__ = ["maxout"]


def maxout(
    out: int,
    pieces: int,
    *,
    w_init: Initialiser = fan_in_uniform,
    b_init: Initialiser | None = zeros,
) -> Layer:
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
    whole("maxout", "out", out, 1)
    whole("maxout", "pieces", pieces, 1)

    def init(rng: Generator, in_shape: Shape) -> tuple[Affine, Shape]:
        features = last_axis("maxout", in_shape)
        params = draw("maxout", rng, (features, out * pieces), w_init, b_init)
        return params, (*in_shape[:-1], out)

    def apply(params: Affine, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        try:
            w, b = params
            z, pull = affine(x, w, bias_of(b))
            rows = z.reshape((*z.shape[:-1], out, pieces))
        except (RuntimeError, TypeError, ValueError, AttributeError) as error:
            raise misfit("maxout", 1, params, x, error) from None
        y, index = rows.max(-1, keepdim=True)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Affine, Tensor | None]:
            dz = dy.new_zeros((*dy.shape, pieces)).scatter_(-1, index, dy.unsqueeze(-1))
            dw, db, dx = pull(dz.flatten(-2), need_dx)
            return Affine(dw, () if db is None else db), dx

        return y.squeeze(-1), vjp

    return Layer("maxout", init, apply, f"{out}, {pieces}", floats=True)
