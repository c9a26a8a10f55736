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
    "source",
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
