"""The fully connected layer."""

from __future__ import annotations

from funcdl.arguments import integer
from funcdl.contract import Layer, Vjp, declared
from funcdl.initialisers import Initialiser, fan_in_uniform, zeros
from funcdl.layers.affine import Affine
from funcdl.ops.affine import affine
from funcdl.shown import named_defaults
from funcdl.signature import Signature, of
from funcdl.tensor import Generator, Tensor

__all__ = ["linear"]


@named_defaults
def linear(
    out: int, *, w_init: Initialiser = fan_in_uniform, b_init: Initialiser | None = zeros
) -> Layer[Affine, Tensor, Tensor]:
    """Map the last axis by an affine function.

        y = x w + b        dw = xᵀ dy        db = Σ dy        dx = dy wᵀ

    Args:
        out: the number of output features, at least 1.
        w_init: draws `w` of shape (in, out).
        b_init: draws `b` of shape (out,); None for no bias.

    Returns:
        A layer from (…, in) to (…, out) with parameters `Affine(w, b)`. Parameters with leading
        model axes, `w` of (*models, in, out), take inputs that begin with the same axes.

    Raises:
        InputError, KindError: `out` is not an integer of at least 1.
        ShapeError: `x` does not fit `w`.

    Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors" (1986).

    >>> import torch
    >>> params, shape = linear(3).init(torch.Generator().manual_seed(0), (2,))
    >>> params.w.shape, params.b.shape, shape
    (torch.Size([2, 3]), torch.Size([3]), (3,))
    >>> y, vjp = linear(3)(params, torch.ones(5, 2))
    >>> dparams, dx = vjp(torch.ones(5, 3))
    >>> y.shape, dparams.b, dx.shape
    (torch.Size([5, 3]), tensor([5., 5., 5.]), torch.Size([5, 2]))
    """
    integer("linear", "out", out, 1)

    def apply(params: Affine, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        w, b = params
        y, pull = affine(x, w, b)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Affine, Tensor | None]:
            dw, db, dx = pull(dy, need_dx)
            return Affine(dw, db), dx

        return y, vjp

    params = of(Affine, "*models in>=0 out", "*models out | ()")
    takes = Signature(params, "*models … in>=0", "*models … out", out=out)
    return declared("linear", takes, apply, of(Affine, w_init, b_init), str(out))
