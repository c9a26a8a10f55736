"""The fully connected layer."""

from __future__ import annotations

from funcdl.arguments import last_axis, whole
from funcdl.contract import Layer, Shape, Vjp
from funcdl.initialisers import Initialiser, fan_in_uniform, zeros
from funcdl.layers.affine import Affine, bias_of, draw, misfit
from funcdl.ops.affine import affine
from funcdl.tensor import Generator, Tensor

__all__ = ["linear"]


def linear(
    out: int, *, w_init: Initialiser = fan_in_uniform, b_init: Initialiser | None = zeros
) -> Layer:
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
    whole("linear", "out", out, 1)

    def init(rng: Generator, in_shape: Shape) -> tuple[Affine, Shape]:
        features = last_axis("linear", in_shape)
        return draw("linear", rng, (features, out), w_init, b_init), (*in_shape[:-1], out)

    def apply(params: Affine, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        try:
            w, b = params
            y, pull = affine(x, w, bias_of(b))
        except (RuntimeError, TypeError, ValueError, AttributeError) as error:
            raise misfit("linear", 1, params, x, error) from None

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Affine, Tensor | None]:
            dw, db, dx = pull(dy, need_dx)
            return Affine(dw, () if db is None else db), dx

        return y, vjp

    return Layer("linear", init, apply, str(out), floats=True)
