"""Activations along an axis of one's choice: shares, their logarithms, and gates."""

from __future__ import annotations

from collections.abc import Callable

from funcdl.arguments import trailing
from funcdl.contract import Layer
from funcdl.layers.activations import activation, log_softmax, softmax
from funcdl.ops.layout import cat
from funcdl.signature import Signature, numbered
from funcdl.tensor import Tensor

__all__ = ["glu", "log_softmax_along", "softmax_along"]

Pair = tuple[Tensor, Callable[[Tensor], Tensor]]


def softmax_along(axis: int) -> Layer[tuple[()], Tensor, Tensor]:
    """Apply `softmax` along an axis, counted from the end.

        y = e^x / Σ e^x        dx = y (dy − Σ dy y)

    Raises:
        InputError, KindError: `axis` is not a negative integer.
        ShapeError: `x` has no such axis.

    >>> import torch
    >>> softmax_along(-2)((), torch.zeros(4, 2))[0]
    tensor([[0.2500, 0.2500],
            [0.2500, 0.2500],
            [0.2500, 0.2500],
            [0.2500, 0.2500]])
    """
    return _along("softmax_along", softmax, axis)


def log_softmax_along(axis: int) -> Layer[tuple[()], Tensor, Tensor]:
    """Apply `log_softmax` along an axis, counted from the end.

        y = x − log Σ e^x        dx = dy − e^y Σ dy

    Raises:
        InputError, KindError: `axis` is not a negative integer.
        ShapeError: `x` has no such axis.

    >>> import torch
    >>> log_softmax_along(-2)((), torch.zeros(2, 1))[0]
    tensor([[-0.6931],
            [-0.6931]])
    """
    return _along("log_softmax_along", log_softmax, axis)


def _along(name: str, layer: Layer, axis: int) -> Layer[tuple[()], Tensor, Tensor]:
    trailing(name, axis)

    def rule(x: Tensor) -> Pair:
        y, pull = layer.apply((), x.movedim(axis, -1))
        return y.movedim(-1, axis), lambda dy: pull(dy.movedim(axis, -1))[1].movedim(-1, axis)

    own = " ".join(numbered(-axis))
    return activation(name, rule, str(axis), Signature((), f"… {own}", f"… {own}"))


def glu(axis: int = -1) -> Layer[tuple[()], Tensor, Tensor]:
    """Let one half of the numbers along an axis through, as far as the other half says.

        y = a σ(b), x = (a, b)        da = dy σ(b)        db = dy a σ(b) σ(−b)

    Args:
        axis: counted from the end; its length is even.

    Returns:
        A layer from (…, 2 features) to (…, features).

    Raises:
        InputError, KindError: `axis` is not a negative integer.
        ShapeError: `x` has no such axis, or its length is odd.

    Dauphin, Fan, Auli and Grangier, "Language modeling with gated convolutional networks" (2017).

    >>> import torch
    >>> glu()((), torch.tensor([[4.0, 8.0, 0.0, 0.0]]))[0]
    tensor([[2., 4.]])
    """
    trailing("glu", axis)

    def rule(x: Tensor) -> Pair:
        half = x.shape[axis] // 2
        a, b = x.narrow(axis, 0, half), x.narrow(axis, half, half)
        gate = b.sigmoid()

        def pull(dy: Tensor) -> Tensor:
            da = dy.mul(gate)
            return cat([da, b.neg().sigmoid_().mul_(a).mul_(da)], axis)

        return a.mul(gate), pull

    own = " ".join(numbered(-axis - 1))
    takes = Signature((), f"… 2*half {own}", f"… half {own}")
    return activation("glu", rule, str(axis) if axis != -1 else "", takes)
