"""Activations that are cheap, or bounded on one side; shapes and dtypes are kept."""

from __future__ import annotations

from collections.abc import Callable

from funcdl.layers.activations import activation
from funcdl.ops.choose import ZERO, passed
from funcdl.tensor import Tensor

__all__ = ["hard_swish", "log_sigmoid", "relu6", "soft_sign"]

Pair = tuple[Tensor, Callable[[Tensor], Tensor]]


def _relu6(x: Tensor) -> Pair:
    y = x.clamp(0, 6)
    # y (6 − y) is 0 at both ends, and above 0 between them; NaN is neither.
    return y, lambda dy: passed(dy, y.neg().add_(6).mul_(y).gt_(0))


def _hard_swish(x: Tensor) -> Pair:
    # Bounded first, lest 0 times infinity come out.
    y = x.add(3).clamp_(0, 6).mul_(1 / 6).mul_(x.clamp_min(-3))

    def pull(dy: Tensor) -> Tensor:
        # x / 3 + 1/2, but 1 where x / 3 is cut to 1 and 0 where it is cut to −1.
        third = x.clamp(-3, 3).mul_(1 / 3)
        ends = third.trunc()
        slope = third.add_(0.5).sub_(ends, alpha=0.5)
        return passed(slope.mul_(dy), x.add(3).relu_())

    return y, pull


def _log_sigmoid(x: Tensor) -> Pair:
    return x.neg().logaddexp(ZERO).neg_(), lambda dy: x.neg().sigmoid_().mul_(dy)


LARGE = 1e30  # 1 more is the same number, in any dtype; and it is finite, as x may not be


def _soft_sign(x: Tensor) -> Pair:
    rest = x.abs().add_(1).reciprocal_()
    y = x.clamp(-LARGE, LARGE).mul_(x.abs().clamp_max_(LARGE).add_(1).reciprocal_())
    return y, lambda dy: rest.square().mul_(dy)


relu6 = activation("relu6", _relu6)
"""y = min(max(x, 0), 6), dx = dy where 0 < x < 6 and 0 elsewhere.

Krizhevsky, "Convolutional deep belief networks on CIFAR-10" (2010).
"""

hard_swish = activation("hard_swish", _hard_swish)
"""y = x min(max(x + 3, 0), 6) / 6, dx = dy (x / 3 + 1/2) where −3 < x < 3, dy above, 0 below.

Howard et al., "Searching for MobileNetV3" (2019).
"""

log_sigmoid = activation("log_sigmoid", _log_sigmoid)
"""y = −log(1 + e^−x), without overflow; dx = dy / (1 + e^x). See `binary_cross_entropy`."""

soft_sign = activation("soft_sign", _soft_sign)
"""y = x / (1 + |x|) in (−1, 1), dx = dy / (1 + |x|)².

Turian, Bergstra and Bengio, "Quadratic features and deep architectures for chunking" (2009).
"""
