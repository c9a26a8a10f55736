"""A layer that makes a network surer of itself."""

from __future__ import annotations

from torch import Generator, Tensor

from funcdl import Layer, Vjp

__all__ = ["sharpen"]


def sharpen(by: float) -> Layer:
    """Multiply logits by a constant, so that their softmax is surer of itself: y = by x.

    A network that learnt from smoothed labels is less sure than it is right, and where two digits'
    probabilities are summed up, that matters: what they leave to all other digits adds up too. The
    inverse of a temperature: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural
    networks" (2017).

    Args:
        by: above 0; 1 changes nothing.
    """

    def apply(params: tuple[()], x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[tuple[()], Tensor | None]:
            return (), dy * by if need_dx else None

        return x * by, vjp

    return Layer("sharpen", lambda rng, in_shape: ((), in_shape), apply, f"{by}")
