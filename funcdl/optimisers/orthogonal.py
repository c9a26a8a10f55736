"""A transform that gives the directions of a matrix equal weight."""

from __future__ import annotations

import math
from typing import Any

from funcdl import tree
from funcdl.arguments import integer, show
from funcdl.contract import Params
from funcdl.errors import ShapeError
from funcdl.optimisers.transform import Transform
from funcdl.tensor import Tensor, as_dtype_of, wide

__all__ = ["orthogonalise"]

# Jordan et al.: the slope at 0 is as large as it can be where all singular values between 0 and 1
# end between 0.7 and 1.2.
STEEP = (3.4445, -4.7750, 2.0315)
SMALLEST = 1e-7


def orthogonalise(steps: int = 5, *, models: int = 0) -> Transform:
    """Bring all singular values of each matrix near 1.

        x ← g / ‖g‖, then `steps` times x ← a x + (b (x xᵀ) + c (x xᵀ)²) x
        u = √max(1, out / in) x        a, b, c = 3.4445, −4.7750, 2.0315

    A parameter (*kernel, in, out) is the matrix (kernel in, out), whose rows count as in.

    Args:
        steps: at least 1.
        models: leading axes that count models, each of which has matrices of its own.

    Raises:
        InputError, KindError: an argument is out of its range.
        ShapeError: a gradient has fewer than two axes beside the models'; see `by_path`.

    Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024); the iteration
    of Newton and Schulz: Higham, "Functions of matrices" (2008).

    >>> import torch
    >>> (u,), _ = orthogonalise(12).update((torch.tensor([[3.0, 0.0], [0.0, 0.5]]),), (), ())
    >>> bool(((u.diag() - 1).abs() < 0.35).all()), float(u[0, 1])
    (True, 0.0)
    """
    integer("orthogonalise", "steps", steps, 1)
    integer("orthogonalise", "models", models, 0)
    a, b, c = STEEP

    def each(g: Tensor) -> Tensor:
        if g.ndim < models + 2:
            behind = f" behind {models} axes of models" * (models > 0)
            raise ShapeError(
                f"orthogonalise: expected matrices (*kernel, in, out){behind}, got {show(g.shape)}"
            )
        if not g.numel():
            return g
        out = g.shape[-1]
        x = wide(g).reshape(*g.shape[:models], -1, out)
        tall = x.shape[-2] > out
        factor = math.sqrt(max(1.0, out / x.shape[-2]))
        if tall:
            x = x.mT
        # Of large numbers the squares are not to overflow.
        largest = x.abs().amax((-2, -1), keepdim=True).clamp_min(SMALLEST)
        x = x.div(largest)
        x = x.div(x.square().sum((-2, -1), keepdim=True).sqrt_().clamp_min(SMALLEST))
        for _ in range(steps):
            square = x.matmul(x.mT)
            x = square.mul(b).add_(square.matmul(square), alpha=c).matmul(x).add_(x, alpha=a)
        if tall:
            x = x.mT
        return as_dtype_of(x.mul(factor).reshape(g.shape), g)

    def update(grads: Params, state: Any, params: Params) -> tuple[Params, Any]:
        return tree.map(each, grads), state

    return Transform(lambda params: (), update)
