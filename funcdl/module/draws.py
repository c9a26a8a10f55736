"""What modules begin with: PyTorch's distributions, drawn in its order and layout.

With the same seed the numbers are PyTorch's. The layers keep a weight with the inputs first and the
outputs last, so what was drawn is turned, and copied.
"""

from __future__ import annotations

import math
from typing import Any

from funcdl.errors import InputError, KindError, exhausted
from funcdl.initialisers import Initialiser, source
from funcdl.layers.affine import Affine
from funcdl.misuse import short
from funcdl.tensor import Generator, Tensor, empty

__all__ = ["Draw"]


class Draw:
    """Where the parameters of a module are drawn, and of which numbers.

    Args:
        name: of the module.
        rng: the generator to draw from.
        device: of the parameters; the generator's without it.
        dtype: of the parameters, a float; torch's default without it.
    """

    def __init__(self, name: str, rng: Generator, device: Any = None, dtype: Any = None) -> None:
        self.name, self.rng, self.dtype = name, rng, dtype
        self.device = rng.device if device is None else device
        if device is None and dtype is None:
            return
        try:
            floats = empty(0, device=self.device, dtype=dtype).is_floating_point()
        except (RuntimeError, TypeError, AssertionError) as error:
            first = str(error).partition("\n")[0]
            raise InputError(f"{name}: expected a device and a dtype of torch's: {first}") from None
        if not floats:
            raise KindError(f"{name}: expected dtype to be a float's, got {short(dtype)}")

    def room(self, *shape: int) -> Tensor:
        """Make room for numbers."""
        try:
            return empty(shape, device=self.device, dtype=self.dtype)
        except (RuntimeError, TypeError, MemoryError) as error:
            problem = exhausted(f"{self.name}: a parameter of shape {shape}", error)
            if problem is None:
                raise
            raise problem from error

    def uniform(self, bound: float, *shape: int) -> Tensor:
        """Draw from U(±bound)."""
        return self.room(*shape).uniform_(-bound, bound, generator=source(self.rng))

    def normal(self, deviation: float, *shape: int) -> Tensor:
        """Draw from N(0, deviation²)."""
        return self.room(*shape).normal_(0.0, deviation, generator=source(self.rng))

    def full(self, value: float, *shape: int) -> Tensor:
        """Fill with one number."""
        return self.room(*shape).fill_(value)

    def by(self, init: Initialiser, *shape: int) -> Tensor:
        """Draw by an initialiser, in the library's own layout, as the layer's `init` does."""
        drawn = init(self.rng, shape)
        if not isinstance(drawn, Tensor) or tuple(drawn.shape) != shape:
            raise KindError(
                f"{self.name}: expected an initialiser to give a tensor of shape {shape}, "
                f"got {short(drawn)}"
            )
        return drawn.to(self.device, self.dtype)

    def affine(
        self,
        shape: tuple[int, ...],
        out: int,
        axes: tuple[int, ...],
        bias: bool,
        w_init: Initialiser | None = None,
        b_init: Initialiser | None = None,
    ) -> Affine:
        """Draw a weight and a bias from U(±1 / √fan_in), as PyTorch's linear maps begin.

        Args:
            shape: of the weight in PyTorch; fan_in is the product of all axes but the first.
            out: the length of the bias.
            axes: the order of the weight's axes here.
            bias: whether there is one.
            w_init: draws the weight, in its order here, instead.
            b_init: draws the bias instead.
        """
        fan_in = max(math.prod(shape[1:]), 1)
        if w_init is None:
            w = turned(self.uniform(kaiming(fan_in), *shape), axes)
        else:
            w = self.by(w_init, *(shape[axis] for axis in axes))
        if not bias:
            return Affine(w, ())
        if b_init is None:
            return Affine(w, self.uniform(1 / math.sqrt(fan_in), out))
        return Affine(w, self.by(b_init, out))


def kaiming(fan_in: int) -> float:
    """Compute 1 / √fan_in as PyTorch does, to the last bit: He's bound with a slope of √5."""
    gain = math.sqrt(2.0 / (1 + math.sqrt(5) ** 2))
    return math.sqrt(3.0) * (gain / math.sqrt(fan_in))


def turned(weight: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Copy a weight with its axes in another order.

    >>> turned(empty(4, 3), (1, 0)).shape
    torch.Size([3, 4])
    """
    return weight.permute(axes).contiguous()
