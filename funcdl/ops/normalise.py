"""Centring and scaling over some axes, with the adjoint."""

from __future__ import annotations

from collections.abc import Callable

from funcdl.tensor import Tensor

__all__ = ["normalise", "normalise_rms"]

Pair = tuple[Tensor, Callable[[Tensor], Tensor]]


def normalise(x: Tensor, axes: tuple[int, ...], eps: float) -> Pair:
    """Give numbers the mean 0 and the variance 1 over some axes.

        y = (x − μ) / √(σ² + eps)        dx = (dy − mean(dy) − y mean(dy y)) / √(σ² + eps)

    Args:
        x: of any shape.
        axes: what the mean μ and the variance σ² (of the population) are taken over.
        eps: added to the variance.

    Returns:
        `y` of the shape of x, and `pull(dy) -> dx`.
    """
    y = x.sub(x.mean(axes, keepdim=True))
    spread = y.square().mean(axes, keepdim=True).add_(eps).rsqrt_()
    y.mul_(spread)

    def pull(dy: Tensor) -> Tensor:
        along = dy.mul(y).mean(axes, keepdim=True)
        dx = dy.sub(dy.mean(axes, keepdim=True))
        return dx.addcmul_(y, along, value=-1).mul_(spread)

    return y, pull


def normalise_rms(x: Tensor, axes: tuple[int, ...], eps: float) -> Pair:
    """Give numbers the mean square 1 over some axes.

        y = x / √(mean(x²) + eps)        dx = (dy − y mean(dy y)) / √(mean(x²) + eps)

    Args:
        x: of any shape.
        axes: what the mean is taken over.
        eps: added to the mean.

    Returns:
        `y` of the shape of x, and `pull(dy) -> dx`.
    """
    spread = x.square().mean(axes, keepdim=True).add_(eps).rsqrt_()
    y = x.mul(spread)

    def pull(dy: Tensor) -> Tensor:
        along = dy.mul(y).mean(axes, keepdim=True)
        return dy.addcmul(y, along, value=-1).mul_(spread)

    return y, pull
