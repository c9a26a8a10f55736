"""Activations after relu: linear to the right, bent to the left; shapes and dtypes are kept."""

from __future__ import annotations

import math
from collections.abc import Callable

from funcdl.arguments import number
from funcdl.contract import Layer
from funcdl.errors import InputError
from funcdl.layers.activations import activation
from funcdl.tensor import Tensor

__all__ = ["elu", "gelu", "leaky_relu", "mish", "selu", "silu"]

Pair = tuple[Tensor, Callable[[Tensor], Tensor]]

# Klambauer et al. (2017), equation 14: the fixed point of mean 0 and variance 1.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def leaky_relu(slope: float = 0.01) -> Layer:
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
        # 0 times infinity is no number; relu has no such product.
        y = x.mul(slope).clamp_min_(x) if slope else x.relu()
        return y, lambda dy: y.sign().clamp_min_(slope).mul_(dy)

    return activation("leaky_relu", rule, f"{slope:g}")


def elu(alpha: float = 1.0) -> Layer:
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
    left = x.clamp_max(0).expm1_()
    y = left.mul_(alpha * scale).add_(x.relu(), alpha=scale)

    def pull(dy: Tensor) -> Tensor:
        # On the left y is alpha scale (e^x − 1), so that adding alpha scale gives the slope.
        slope = y.clamp_max(0).add_(alpha * scale)
        if alpha != 1:
            slope.add_(y.sign().clamp_min_(0), alpha=scale * (1 - alpha))
        return slope.mul_(dy)

    return y, pull


def gelu(approximate: str = "none") -> Layer:
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


def _gelu(x: Tensor) -> Pair:
    # Φ(x) = (1 + bent) / 2
    bent = x.mul(math.sqrt(0.5)).erf_()

    def pull(dy: Tensor) -> Tensor:
        bell = x.square().mul_(-0.5).exp_()
        return _half(dy, bent.addcmul(x, bell, value=math.sqrt(2 / math.pi)))

    return _half(x, bent), pull


def _half(a: Tensor, b: Tensor) -> Tensor:
    """Compute a (1 + b) / 2 without a larger number on the way."""
    half = a.mul(0.5)
    return half.addcmul_(half, b)


def _gelu_tanh(x: Tensor) -> Pair:
    root, cubic = math.sqrt(2 / math.pi), 0.044715
    square = x.square()
    bent = x.addcmul(x, square, value=cubic).mul_(root).tanh_()

    def pull(dy: Tensor) -> Tensor:
        # x (1 − bent²) first: far out it is 0, where x³ would be infinite.
        rise = bent.square().neg_().add_(1).mul_(x)
        slope = bent.add(rise, alpha=root).addcmul_(rise, square, value=3 * root * cubic)
        return _half(dy, slope)

    return _half(x, bent), pull


def _silu(x: Tensor) -> Pair:
    gate = x.sigmoid()
    y = x.mul(gate)
    return y, lambda dy: y.addcmul(y, gate, value=-1).add_(gate).mul_(dy)


def _mish(x: Tensor) -> Pair:
    bent = x.logaddexp(x.new_zeros(())).tanh_()

    def pull(dy: Tensor) -> Tensor:
        slope = bent.square().neg_().add_(1).mul_(x.sigmoid())
        return slope.mul_(x).add_(bent).mul_(dy)

    return x.mul(bent), pull


selu = activation("selu", lambda x: _elu(x, SELU_ALPHA, SELU_SCALE))
"""y = λ elu(x) with α = 1.6733 and λ = 1.0507, which keep mean 0 and variance 1.

Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks" (2017).
"""

silu = activation("silu", _silu)
"""y = x σ(x), σ(x) = 1 / (1 + e^−x); dx = dy (σ(x) + y (1 − σ(x))).

Elfwing, Uchibe and Doya, "Sigmoid-weighted linear units for neural network function approximation
in reinforcement learning" (2018); as "swish": Ramachandran, Zoph and Le (2017).
"""

mish = activation("mish", _mish)
"""y = x w, w = tanh(log(1 + e^x)); dx = dy (w + x (1 − w²) / (1 + e^−x)).

Misra, "Mish: a self regularized non-monotonic activation function" (2020).
"""
