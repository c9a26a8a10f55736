"""Modules of activations that saturate or normalise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcdl.arguments import LARGEST, number
from funcdl.contract import Params, Vjp
from funcdl.errors import InputError
from funcdl.layers.activations import (
    activation,
    exp,
    hard_sigmoid,
    hard_tanh,
    log_softmax,
    sigmoid,
    softmax,
    tanh,
)
from funcdl.layers.along import glu
from funcdl.layers.bounded import log_sigmoid, soft_sign
from funcdl.module.doors import along_axis, around
from funcdl.module.named import Named, refuse
from funcdl.ops.choose import only
from funcdl.signature import Signature
from funcdl.tensor import Generator, Tensor

__all__ = [
    "GLU",
    "Exp",
    "Hardsigmoid",
    "Hardtanh",
    "LogSigmoid",
    "LogSoftmax",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softsign",
    "Tanh",
]


class Exp(Named):
    """`exp` as a module.

    >>> Exp()
    Exp()
    """

    factory = exp

    def __init__(self) -> None:
        super().__init__(locals(), exp)


class Tanh(Named):
    """PyTorch's `Tanh`.

    >>> Tanh()
    Tanh()
    """

    factory = tanh

    def __init__(self) -> None:
        super().__init__(locals(), tanh)


class Sigmoid(Named):
    """PyTorch's `Sigmoid`.

    >>> Sigmoid()
    Sigmoid()
    """

    factory = sigmoid

    def __init__(self) -> None:
        super().__init__(locals(), sigmoid)


class LogSigmoid(Named):
    """PyTorch's `LogSigmoid`.

    >>> LogSigmoid()
    LogSigmoid()
    """

    factory = log_sigmoid

    def __init__(self) -> None:
        super().__init__(locals(), log_sigmoid)


class Softsign(Named):
    """PyTorch's `Softsign`.

    >>> Softsign()
    Softsign()
    """

    factory = soft_sign

    def __init__(self) -> None:
        super().__init__(locals(), soft_sign)


class GLU(Named):
    """PyTorch's `GLU`: the axis `dim` is halved.

    >>> GLU()
    GLU()
    """

    factory = staticmethod(glu)

    def __init__(self, dim: int = -1) -> None:
        super().__init__(locals(), along_axis("GLU", glu(), axis_of("GLU", dim)))


class Hardsigmoid(Named):
    """PyTorch's `Hardsigmoid`. With `inplace`, too, the input stays as it is.

    >>> Hardsigmoid()
    Hardsigmoid()
    """

    factory = hard_sigmoid

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(locals(), hard_sigmoid)


class Hardtanh(Named):
    """PyTorch's `Hardtanh`: y = min(max(x, min_val), max_val).

    With `inplace`, too, the input stays as it is.

    >>> Hardtanh(0.0, 6.0)
    Hardtanh(min_val=0.0, max_val=6.0)
    """

    factory = hard_tanh

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        refuse("Hardtanh", "min_value", min_value, None, "write min_val")
        refuse("Hardtanh", "max_value", max_value, None, "write max_val")
        number("Hardtanh", "min_val", min_val, -LARGEST)
        if number("Hardtanh", "max_val", max_val, -LARGEST) <= min_val:
            raise InputError(f"Hardtanh: expected max_val above {min_val}, got {max_val}")

        def rule(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
            inside = x.gt(min_val).logical_and_(x.lt(max_val))
            return x.clamp(min_val, max_val), lambda dy: only(dy, inside)

        usual = (min_val, max_val) == (-1, 1)
        args = f"{min_val:g}, {max_val:g}"
        super().__init__(locals(), hard_tanh if usual else activation("hard_tanh", rule, args))


class Softmax(Named):
    """PyTorch's `Softmax` over the axis `dim`, which has to be given.

    >>> Softmax(-1)
    Softmax(dim=-1)
    """

    factory = softmax

    def __init__(self, dim: int | None = None) -> None:
        super().__init__(locals(), along_axis("Softmax", softmax, axis_of("Softmax", dim)))


class Softmin(Named):
    """PyTorch's `Softmin` over the axis `dim`, which has to be given: the softmax of −x.

    >>> Softmin(-1)
    Softmin(dim=-1)
    """

    factory = softmax

    def __init__(self, dim: int | None = None) -> None:
        super().__init__(locals(), along_axis("Softmin", _softmin, axis_of("Softmin", dim)))


class Softmax2d(Named):
    """PyTorch's `Softmax2d`: over the channels of (batch, channels, h, w), or (channels, h, w).

    >>> Softmax2d()
    Softmax2d()
    """

    factory = softmax

    def __init__(self) -> None:
        takes = Signature((), "… channels height width", "… channels height width")
        super().__init__(locals(), along_axis("Softmax2d", softmax, -3, takes))


class LogSoftmax(Named):
    """PyTorch's `LogSoftmax` over the axis `dim`, which has to be given.

    >>> LogSoftmax(-1)
    LogSoftmax(dim=-1)
    """

    factory = log_softmax

    def __init__(self, dim: int | None = None) -> None:
        super().__init__(
            locals(), along_axis("LogSoftmax", log_softmax, axis_of("LogSoftmax", dim))
        )


def _negative(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
    y, pull = softmax.at("", params, x.neg(), rng)

    def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
        _, dx = pull(dy, need_dx)
        return params, None if dx is None else dx.neg()

    return y, vjp


_softmin = around("softmin", softmax, softmax.signature, _negative)


def axis_of(name: str, dim: Any) -> int:
    """Return the axis that was asked for; PyTorch guesses, and says so, where none was."""
    if isinstance(dim, bool) or not isinstance(dim, int):
        refuse(name, "dim", dim, -1, f"say which axis, as {name}(-1) does")
    return dim  # type: ignore[no-any-return]
