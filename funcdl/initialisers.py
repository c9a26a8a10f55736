"""Initial parameters: `initialiser(rng, shape) -> tensor`, drawn from the generator handed in.

A shape is read as (*receptive field, in, out): fan_in is the product of all but the last, fan_out
that of all but the last but one. Tensors come on the generator's device, in torch's default dtype.

>>> import torch
>>> w = he_normal(torch.Generator().manual_seed(0), (100, 200))
>>> w.shape, bool((w.std() - 0.02**0.5).abs() < 0.002)
(torch.Size([100, 200]), True)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from funcdl.errors import InputError, KindError, brief, exhausted
from funcdl.tensor import Generator, Tensor, empty

__all__ = [
    "TORCH_GENERATOR",
    "Initialiser",
    "fan_in_uniform",
    "full",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "source",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]

Initialiser = Callable[[Generator, "tuple[int, ...]"], Tensor]


class _TorchGenerator:
    """Stands for torch's own generator, which cannot be named without importing it."""

    device = None
    initial_seed = None

    def clone_state(self) -> _TorchGenerator:
        """Return itself, as there is one: what is drawn from a copy is drawn from it."""
        return self

    def __repr__(self) -> str:
        return "torch's own generator"

    def __reduce__(self) -> str:
        return "TORCH_GENERATOR"  # there is one, for copies and pickles too


TORCH_GENERATOR: Any = _TorchGenerator()
"""What the adapter draws from where it is handed no generator, as a PyTorch user expects.

`torch.manual_seed` governs it. The functional library never uses it by itself.
"""


def zeros(rng: Generator, shape: tuple[int, ...]) -> Tensor:
    """Fill with 0."""
    return _room(rng, shape).zero_()


def ones(rng: Generator, shape: tuple[int, ...]) -> Tensor:
    """Fill with 1."""
    return _room(rng, shape).fill_(1.0)


def full(value: float) -> Initialiser:
    """Make an initialiser that fills with one number.

    >>> import torch
    >>> full(0.25)(torch.Generator(), (2,))
    tensor([0.2500, 0.2500])
    """

    def fill(rng: Generator, shape: tuple[int, ...]) -> Tensor:
        filled = _room(rng, shape)
        try:
            return filled.fill_(value)
        except TypeError:
            raise KindError(f"full: expected a number, got {type(value).__name__}") from None
        except RuntimeError:
            raise InputError(f"full: expected a number in {filled.dtype}, got {value}") from None

    return fill


def normal(variance: float = 1.0) -> Initialiser:
    """Make an initialiser that draws from N(0, variance).

    >>> import torch
    >>> normal(4.0)(torch.Generator().manual_seed(0), (1000,)).std() > 1.8
    tensor(True)
    """

    def draw(rng: Generator, shape: tuple[int, ...]) -> Tensor:
        return _normal(rng, shape, variance)

    return draw


def fan_in_uniform(rng: Generator, shape: tuple[int, ...]) -> Tensor:
    """Draw from U(±1 / √fan_in), the default here as in PyTorch.

    The "commonly used heuristic" of Glorot and Bengio (2010), equation 1. Its variance, a third of
    1 / fan_in, starts a small network smaller than the others do; on little data that generalises
    better.
    """
    return _uniform(rng, shape, 1.0 / (3.0 * _fans(shape)[0]))


def he_normal(rng: Generator, shape: tuple[int, ...]) -> Tensor:
    """Draw from N(0, 2 / fan_in): keeps the variance through ReLU.

    He, Zhang, Ren and Sun, "Delving Deep into Rectifiers" (2015).
    """
    return _normal(rng, shape, 2.0 / _fans(shape)[0])


def he_uniform(rng: Generator, shape: tuple[int, ...]) -> Tensor:
    """Draw uniformly with variance 2 / fan_in: U(±√(6 / fan_in)). He et al. (2015)."""
    return _uniform(rng, shape, 2.0 / _fans(shape)[0])


def glorot_normal(rng: Generator, shape: tuple[int, ...]) -> Tensor:
    """Draw from N(0, 2 / (fan_in + fan_out)): for tanh and sigmoid.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks" (2010).
    """
    return _normal(rng, shape, 2.0 / sum(_fans(shape)))


def glorot_uniform(rng: Generator, shape: tuple[int, ...]) -> Tensor:
    """Draw uniformly with variance 2 / (fan_in + fan_out). Glorot and Bengio (2010)."""
    return _uniform(rng, shape, 2.0 / sum(_fans(shape)))


def lecun_normal(rng: Generator, shape: tuple[int, ...]) -> Tensor:
    """Draw from N(0, 1 / fan_in). LeCun, Bottou, Orr and Müller, "Efficient BackProp" (1998)."""
    return _normal(rng, shape, 1.0 / _fans(shape)[0])


def lecun_uniform(rng: Generator, shape: tuple[int, ...]) -> Tensor:
    """Draw uniformly with variance 1 / fan_in. LeCun et al. (1998)."""
    return _uniform(rng, shape, 1.0 / _fans(shape)[0])


def truncated_normal(variance: float = 1.0, bound: float = 2.0) -> Initialiser:
    """Make an initialiser that draws from N(0, variance), but nothing far out.

    Args:
        variance: of the whole normal distribution, at least 0.
        bound: what is further from 0 than so many standard deviations is not drawn, above 0.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> import torch
    >>> w = truncated_normal(4.0)(torch.Generator().manual_seed(0), (1000,))
    >>> bool((w.abs() <= 4).all()), bool(w.std() > 1.6)
    (True, True)
    """
    _positive("truncated_normal", "variance", variance, 0)
    if not _positive("truncated_normal", "bound", bound, 0):
        raise InputError("truncated_normal: expected bound to be above 0, got 0")

    def draw(rng: Generator, shape: tuple[int, ...]) -> Tensor:
        return _truncated(rng, shape, variance, bound)

    return draw


def orthogonal(gain: float = 1.0) -> Initialiser:
    """Make an initialiser of matrices whose rows, or columns, are orthogonal and of one length.

    A shape (*receptive field, in, out) is the matrix (receptive field in, out); its singular values
    are all `gain`. A shape of one axis is one column.

    Raises:
        InputError, KindError: `gain` is not a number of at least 0.

    Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep
    linear neural networks" (2014).

    >>> import torch
    >>> w = orthogonal(2.0)(torch.Generator().manual_seed(0), (3, 3))
    >>> torch.allclose(w @ w.mT, 4 * torch.eye(3), atol=1e-5)
    True
    """
    _positive("orthogonal", "gain", gain, 0)

    def draw(rng: Generator, shape: tuple[int, ...]) -> Tensor:
        drawn = _normal(rng, shape, 1.0)
        if not drawn.numel():
            return drawn
        matrix = drawn.reshape(-1, shape[-1] if len(shape) > 1 else 1)
        wide = matrix.shape[0] < matrix.shape[1]
        found, scales = (matrix.mT if wide else matrix).geqrf()
        # Signs by those of the triangle, so that all orthogonal matrices are equally likely.
        q = found.orgqr(scales).mul_(found.diagonal().sign())
        return drawn.copy_((q.mT if wide else q).reshape(shape)).mul_(gain)

    return draw


def variance_scaling(
    gain: float = 1.0, mode: str = "fan_in", distribution: str = "normal"
) -> Initialiser:
    """Make an initialiser with the variance gain² / fan.

    With √2 and "fan_in" it is `he_normal`, with 1 and "fan_avg" `glorot_normal`. The gain √2 goes
    with relu, 5/3 with tanh, √(2 / (1 + slope²)) with leaky_relu, 1 where nothing bends.

    Args:
        gain: at least 0.
        mode: what the fan is: "fan_in", "fan_out" or "fan_avg", their mean.
        distribution: "normal", "uniform", or "truncated", whose variance is that after the numbers
            further out than two standard deviations are left out.

    Raises:
        InputError, KindError: an argument is none of these.

    He, Zhang, Ren and Sun, "Delving Deep into Rectifiers" (2015).

    >>> import torch
    >>> w = variance_scaling(3.0, "fan_out")(torch.Generator().manual_seed(0), (100, 200))
    >>> bool((w.std() - 3 / 200**0.5).abs() < 0.01)
    True
    """
    _positive("variance_scaling", "gain", gain, 0)
    if mode not in ("fan_in", "fan_out", "fan_avg"):
        raise InputError(
            f'variance_scaling: expected mode "fan_in", "fan_out" or "fan_avg", got {mode!r}'
        )
    if distribution not in ("normal", "uniform", "truncated"):
        raise InputError(
            'variance_scaling: expected distribution "normal", "uniform" or "truncated", got '
            f"{distribution!r}"
        )

    def draw(rng: Generator, shape: tuple[int, ...]) -> Tensor:
        into, out = _fans(shape)
        fan = {"fan_in": into, "fan_out": out, "fan_avg": (into + out) / 2}[mode]
        variance = gain * gain / fan
        if distribution == "truncated":
            return _truncated(rng, shape, variance / LEFT, 2.0)
        return (_normal if distribution == "normal" else _uniform)(rng, shape, variance)

    return draw


LEFT = 1 - 4 * math.exp(-2) / (math.sqrt(2 * math.pi) * math.erf(math.sqrt(2)))
"""The variance of a standard normal number that is no further from 0 than 2."""


def _truncated(rng: Generator, shape: tuple[int, ...], variance: float, bound: float) -> Tensor:
    """Draw by the inverse of the distribution, and keep rounding within the bound."""
    deviation, share = math.sqrt(variance), math.erf(bound / math.sqrt(2))
    drawn = _room(rng, shape).uniform_(-share, share, generator=source(rng))
    far = bound * deviation
    return drawn.erfinv_().mul_(deviation * math.sqrt(2)).clamp_(-far, far)


def _positive(where: str, what: str, value: Any, least: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise KindError(f"{where}: expected {what} to be a number, got {brief(value)}")
    if not least <= value < math.inf:
        raise InputError(f"{where}: expected {what} to be at least {least:g}, got {value}")
    return value


def _room(rng: Generator, shape: tuple[int, ...]) -> Tensor:
    try:
        return empty(shape, device=rng.device)
    except (RuntimeError, TypeError, MemoryError) as error:
        problem = exhausted(f"a parameter of shape {brief(tuple(shape))}", error)
        if problem is None:
            raise
        raise problem from error


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    # Of nothing no numbers are drawn, and nothing is to be divided by 0.
    sizes = math.prod(shape[:-1]), math.prod(shape[:-2]) * shape[-1]
    # More than memory has would not be a float either.
    return min(max(sizes[0], 1), 2**63), min(max(sizes[1], 1), 2**63)


def _normal(rng: Generator, shape: tuple[int, ...], variance: float) -> Tensor:
    return _room(rng, shape).normal_(0.0, math.sqrt(variance), generator=source(rng))


def _uniform(rng: Generator, shape: tuple[int, ...], variance: float) -> Tensor:
    bound = math.sqrt(3.0 * variance)
    return _room(rng, shape).uniform_(-bound, bound, generator=source(rng))


def source(rng: Generator) -> Generator | None:
    """Return what tensors draw from: None for torch's own generator."""
    return None if rng is TORCH_GENERATOR else rng
