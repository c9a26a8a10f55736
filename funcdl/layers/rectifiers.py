"""Activations after relu: linear to the right, bent to the left; shapes and dtypes are kept."""

from __future__ import annotations

import math
from collections.abc import Callable

from funcdl.arguments import number
from funcdl.contract import Layer
from funcdl.errors import InputError
from funcdl.layers.activations import activation, rectified
from funcdl.ops.choose import ZERO
from funcdl.tensor import Tensor

__all__ = ["elu", "gelu", "leaky_relu", "mish", "selu", "silu"]

Pair = tuple[Tensor, Callable[[Tensor], Tensor]]

# Klambauer et al. (2017), equation 14: the fixed point of mean 0 and variance 1.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def leaky_relu(slope: float = 0.01) -> Layer[tuple[()], Tensor, Tensor]:
    """Keep a little of what is negative.

        y = max(x, 0) + slope min(x, 0)        dx = dy where x > 0, slope dy elsewhere

    Args:
        slope: in [0, 1).

    Raises:
        InputError, KindError: `slope` is out of its range.

    Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models" (2013).

    >>> import torch
    >>> leaky_relu(0.5)((), torch.tensor([-2.0, 2.0]))[0]
    tensor([-1.,  2.])
    """
    number("leaky_relu", "slope", slope, 0, 1)

    def rule(x: Tensor) -> Pair:
        y = x.mul(slope).clamp_min_(x)
        return y, lambda dy: y.sign().clamp_min_(slope).mul_(dy)

    # Without a slope there would be a product of 0 and infinity.
    return activation("leaky_relu", rule if slope else rectified, f"{slope:g}")


def elu(alpha: float = 1.0) -> Layer[tuple[()], Tensor, Tensor]:
    """Go smoothly to −alpha on the left.

        y = max(x, 0) + alpha (e^min(x, 0) − 1)        dx = dy where x > 0, alpha e^x dy elsewhere

    Args:
        alpha: at least 0.

    Raises:
        InputError, KindError: `alpha` is out of its range.

    Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential
    linear units (ELUs)" (2016).

    >>> import torch
    >>> elu()((), torch.tensor([-1.0, 2.0]))[0]
    tensor([-0.6321,  2.0000])
    """
    number("elu", "alpha", alpha, 0)
    return activation("elu", lambda x: _elu(x, alpha, 1.0), f"{alpha:g}" if alpha != 1 else "")


def _elu(x: Tensor, alpha: float, scale: float) -> Pair:
    if alpha == 0:
        return rectified(x)
    left = x.clamp_max(0)
    y = left.expm1().mul_(alpha * scale).add_(x.relu(), alpha=scale)

    def pull(dy: Tensor) -> Tensor:
        # Not y + alpha scale, which would cancel.
        slope = left.exp()
        if (alpha, scale) != (1, 1):
            slope = slope.mul_(alpha * scale).where(x.le(0), scale)
        return slope.mul_(dy)

    return y, pull


def gelu(approximate: str = "none") -> Layer[tuple[()], Tensor, Tensor]:
    """Weigh the input with the normal distribution's share of what is smaller.

        y = x Φ(x)        dx = dy (Φ(x) + x φ(x))

    With `approximate="tanh"`, Φ(x) = (1 + tanh u) / 2, u = √(2/π) (x + 0.044715 x³).

    Args:
        approximate: "none" or "tanh".

    Raises:
        InputError: `approximate` is neither.

    Hendrycks and Gimpel, "Gaussian error linear units (GELUs)" (2016).

    >>> import torch
    >>> gelu()((), torch.tensor([-1.0, 2.0]))[0]
    tensor([-0.1587,  1.9545])
    """
    if approximate not in ("none", "tanh"):
        raise InputError(f'gelu: expected approximate to be "none" or "tanh", got {approximate!r}')
    if approximate == "none":
        return activation("gelu", _gelu)
    return activation("gelu", _gelu_tanh, 'approximate="tanh"')


# Beyond it e^−|x| and e^−x² are 0 in any dtype. What is multiplied by them is bounded first, lest 0
# times infinity come out.
FAR = 1000.0


def _gelu(x: Tensor) -> Pair:
    # Φ(x) = erfc(−x / √2) / 2 is precise where it is small, as 1 + erf is not.
    share = x.mul(-math.sqrt(0.5)).erfc_().mul_(0.5)

    def pull(dy: Tensor) -> Tensor:
        near = x.clamp(-FAR, FAR)
        bell = near.square().mul_(-0.5).exp_()
        return share.addcmul(near, bell, value=1 / math.sqrt(2 * math.pi)).mul_(dy)

    return x.clamp_min(-FAR).mul_(share), pull


def _gelu_tanh(x: Tensor) -> Pair:
    root, cubic = math.sqrt(2 / math.pi), 0.044715
    # (1 + tanh u) / 2 = σ(2 u), which is precise where it is small.
    near = x.clamp(-FAR, FAR)
    square = near.square()
    z = near.addcmul(near, square, value=cubic).mul_(2 * root)
    gate = z.sigmoid()

    def pull(dy: Tensor) -> Tensor:
        rise = square.mul(3 * cubic).add_(1).mul_(near).mul_(z.neg().sigmoid_())
        return rise.mul_(2 * root).add_(1).mul_(gate).mul_(dy)

    return x.clamp_min(-FAR).mul_(gate), pull


def _silu(x: Tensor) -> Pair:
    gate = x.sigmoid()

    def pull(dy: Tensor) -> Tensor:
        near = x.clamp(-FAR, FAR)
        return near.neg().sigmoid_().mul_(near).add_(1).mul_(gate).mul_(dy)

    return x.clamp_min(-FAR).mul_(gate), pull


def _mish(x: Tensor) -> Pair:
    bent = x.logaddexp(ZERO).tanh_()

    def pull(dy: Tensor) -> Tensor:
        slope = bent.square().neg_().add_(1).mul_(x.sigmoid())
        return slope.mul_(x.clamp(-FAR, FAR)).add_(bent).mul_(dy)

    return x.clamp_min(-FAR).mul_(bent), pull


selu = activation("selu", lambda x: _elu(x, SELU_ALPHA, SELU_SCALE))
"""y = λ elu(x) with α = 1.6733 and λ = 1.0507, which keep mean 0 and variance 1.

Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks" (2017).
"""

silu = activation("silu", _silu)
"""y = x σ(x), σ(x) = 1 / (1 + e^−x); dx = dy σ(x) (1 + x σ(−x)).

Elfwing, Uchibe and Doya, "Sigmoid-weighted linear units for neural network function approximation
in reinforcement learning" (2018); as "swish": Ramachandran, Zoph and Le (2017).
"""

mish = activation("mish", _mish)
"""y = x w, w = tanh(log(1 + e^x)); dx = dy (w + x (1 − w²) / (1 + e^−x)).

Misra, "Mish: a self regularized non-monotonic activation function" (2020).
"""
