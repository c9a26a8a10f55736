"""Noise that keeps units from relying on each other."""

from __future__ import annotations

from funcdl.arguments import integer, number
from funcdl.contract import Layer, Params, Vjp, declared
from funcdl.errors import InputError
from funcdl.initialisers import source
from funcdl.signature import Signature
from funcdl.tensor import Generator, Tensor

__all__ = ["dropout"]


def dropout(rate: float, ndim: int = 0) -> Layer[tuple[()], Tensor, Tensor]:
    """Set numbers to 0 by chance while training, and scale the others up.

        y = x m / (1 − rate), m = 0 with probability `rate` and else 1        dx = dy m / (1 − rate)

    In inference, that is without a generator, y = x. With the rate 1 all is dropped, and nothing
    drawn.

    Args:
        rate: the probability of being dropped, in [0, 1].
        ndim: the number of axes before the last that drop as one: 2 drops whole channels of
            images (…, height, width, channels).

    Raises:
        InputError, KindError: an argument is out of its range.

    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a simple way to prevent
    neural networks from overfitting" (2014); whole channels: Tompson et al. (2015).

    >>> import torch
    >>> y, _ = dropout(0.5)((), torch.ones(1000), torch.Generator().manual_seed(0))
    >>> y.unique(), 0.9 < float(y.mean()) < 1.1
    (tensor([0., 2.]), True)
    """
    if number("dropout", "rate", rate, 0) > 1:
        raise InputError(f"dropout: expected rate to be at most 1, got {rate}")
    integer("dropout", "ndim", ndim, 0)

    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        if rng is None or rate == 0:
            return x, lambda dy, need_dx=True: (params, dy if need_dx else None)
        if rate == 1:
            return x.new_zeros(x.shape), _nothing
        shape, factor = list(x.shape), 1 / (1 - rate)
        for axis in range(2, min(ndim, x.ndim - 1) + 2):
            shape[-axis] = 1
        # Uniform float32 numbers compared: 2.5 times faster than bernoulli_, in any dtype.
        kept = x.new_empty(shape).float().uniform_(generator=source(rng)).ge_(rate).bool()

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
            return params, dy.where(kept, 0).mul_(factor) if need_dx else None

        return x.where(kept, 0).mul_(factor), vjp

    def _nothing(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
        return (), dy.new_zeros(dy.shape) if need_dx else None

    args = f"{rate:g}" + f", {ndim}" * (ndim != 0)
    return declared("dropout", Signature((), "…", "…"), apply, args=args, needs_rng=rate > 0)
