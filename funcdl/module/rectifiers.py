"""Modules of rectifiers; all but PReLU have no parameters."""

from __future__ import annotations

from typing import Any

from funcdl.arguments import LARGEST, number
from funcdl.contract import Layer, Params, Vjp
from funcdl.layers.activations import (
    relu,
    softplus,
)
from funcdl.layers.bounded import hard_swish, relu6
from funcdl.layers.prelu import Slope, prelu
from funcdl.layers.rectifiers import elu, gelu, leaky_relu, mish, selu, silu
from funcdl.module.doors import along_axis, around
from funcdl.module.draws import Draw
from funcdl.module.named import Named, size
from funcdl.signature import Signature, of
from funcdl.tensor import Generator, Tensor

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "Hardswish",
    "LeakyReLU",
    "Mish",
    "PReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Softplus",
]


class ReLU(Named):
    """PyTorch's `ReLU`. With `inplace`, too, the input stays as it is.

    >>> ReLU()
    ReLU()
    """

    factory = relu

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(locals(), relu)


class ReLU6(Named):
    """PyTorch's `ReLU6`. With `inplace`, too, the input stays as it is.

    >>> ReLU6()
    ReLU6()
    """

    factory = relu6

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(locals(), relu6)


class Hardswish(Named):
    """PyTorch's `Hardswish`. With `inplace`, too, the input stays as it is.

    >>> Hardswish()
    Hardswish()
    """

    factory = hard_swish

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(locals(), hard_swish)


class SELU(Named):
    """PyTorch's `SELU`. With `inplace`, too, the input stays as it is.

    >>> SELU()
    SELU()
    """

    factory = selu

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(locals(), selu)


class SiLU(Named):
    """PyTorch's `SiLU`. With `inplace`, too, the input stays as it is.

    >>> SiLU()
    SiLU()
    """

    factory = silu

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(locals(), silu)


class Mish(Named):
    """PyTorch's `Mish`. With `inplace`, too, the input stays as it is.

    >>> Mish()
    Mish()
    """

    factory = mish

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(locals(), mish)


class ELU(Named):
    """PyTorch's `ELU`, for an `alpha` of at least 0. With `inplace`, too, the input stays as it is.

    >>> ELU(0.5)
    ELU(alpha=0.5)
    """

    factory = staticmethod(elu)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(locals(), elu(alpha))


class GELU(Named):
    """PyTorch's `GELU`.

    >>> GELU("tanh")
    GELU(approximate='tanh')
    """

    factory = staticmethod(gelu)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__(locals(), gelu(approximate))


class LeakyReLU(Named):
    """PyTorch's `LeakyReLU`, for a slope in [0, 1). With `inplace`, too, the input stays as it is.

    >>> LeakyReLU(0.2)
    LeakyReLU(negative_slope=0.2)
    """

    factory = staticmethod(leaky_relu)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        number("LeakyReLU", "negative_slope", negative_slope, 0, 1)
        super().__init__(locals(), leaky_relu(negative_slope))


class Softplus(Named):
    """PyTorch's `Softplus`: y = x where beta x is above the threshold.

    >>> Softplus(2.0)
    Softplus(beta=2.0)
    """

    factory = staticmethod(softplus)

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        number("Softplus", "threshold", threshold, -LARGEST)
        inner = softplus(beta)

        def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
            y, pull = inner.apply(params, x, rng)
            straight = x.mul(beta).gt(threshold)

            def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
                _, dx = pull(dy, need_dx)
                return params, None if dx is None else dy.where(straight, dx)

            return x.where(straight, y), vjp

        super().__init__(locals(), around("softplus", inner, inner.signature, apply))


class PReLU(Named):
    """PyTorch's `PReLU`: a slope for all, or one for each channel of (batch, channels, …).

    Args:
        num_parameters: 1, or the number of channels.
        init: what the slopes begin with.
        device, dtype: of the parameter.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> PReLU(3)
    PReLU(num_parameters=3)
    """

    factory = staticmethod(prelu)

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        self.num_parameters = count = size("PReLU", "num_parameters", num_parameters)
        number("PReLU", "init", init, -LARGEST)
        if count == 1:
            layer = _single(prelu(init))
        else:
            takes = Signature(
                of(Slope, f"{count}"),
                f"batch>=0 {count} *rest",
                "batch channels *rest",
                channels=count,
            )
            layer = along_axis("PReLU", prelu(init, per_feature=True), 1, takes)
        super().__init__(locals(), layer)

    def _start(self, draw: Draw) -> Slope:
        return Slope(draw.full(self.arguments["init"], self.num_parameters))


def _single(inner: Layer) -> Layer:
    """Give a layer with one slope, a tensor without axes, one of shape (1,), as PyTorch has it."""

    def apply(params: Slope, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        y, pull = inner.apply(Slope(params.a.squeeze(0)), x, rng)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Slope, Tensor | None]:
            (da,), dx = pull(dy, need_dx)
            return Slope(da.unsqueeze(0)), dx

        return y, vjp

    def init(rng: Generator, in_shape: Any) -> tuple[Slope, Any]:
        (a,), out_shape = inner.init(rng, in_shape)
        return Slope(a.unsqueeze(0)), out_shape

    return around("prelu", inner, Signature(of(Slope, "1"), "…", "…"), apply, init)
