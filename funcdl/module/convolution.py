"""Modules of convolutions, with the channels where PyTorch has them."""

from __future__ import annotations

import math
from typing import Any

from funcdl.arguments import Size, integer, pair
from funcdl.contract import Layer
from funcdl.errors import InputError, KindError
from funcdl.initialisers import Initialiser
from funcdl.layers.affine import Affine
from funcdl.layers.conv import conv1d, conv2d
from funcdl.layers.conv_transpose import conv_transpose1d, conv_transpose2d
from funcdl.misuse import short
from funcdl.module.doors import channels_first
from funcdl.module.draws import Draw
from funcdl.module.named import Named, flag, refuse, size
from funcdl.ops.border import CONSTANT, MODES
from funcdl.tensor import Generator

__all__ = ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"]

Lengths = tuple[int, ...]
ZEROS = "zeros"
CUT = "the border is cut off, and of nothing"


class Convolution(Named):
    """What the three share: channels, a window, and how weight and bias begin."""

    in_channels: int
    out_channels: int
    kernel_size: Lengths

    def __init__(self, given: dict[str, Any], layer: Layer) -> None:
        name = self._name
        flag(name, "bias", given["bias"])
        self.in_channels = size(name, "in_channels", given["in_channels"])
        self.out_channels = given["out_channels"]
        groups = given["groups"]
        if self.in_channels % groups:
            raise InputError(
                f"{name}: expected groups to divide in_channels, {self.in_channels}, got {groups}"
            )
        own = len(self.kernel_size)
        super().__init__(given, channels_first(name, layer, own))

    def _start(self, draw: Draw) -> Affine:
        given, own = self.arguments, len(self.kernel_size)
        first, second = self.out_channels, self.in_channels
        if isinstance(self, (ConvTranspose1d, ConvTranspose2d)):
            first, second = second, first
        shape = first, second // given["groups"], *self.kernel_size
        axes = *range(2, own + 2), 1, 0
        inits = given["w_init"], given["b_init"]
        return draw.affine(shape, self.out_channels, axes, given["bias"], *inits)


class Conv1d(Convolution):
    """PyTorch's `Conv1d`: from (…, in_channels, length) to (…, out_channels, length').

    Args:
        in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias: as in
            PyTorch.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        device, dtype: of the parameters.
        rng: the generator to draw from; torch's own without it.
        w_init, b_init: draw the parameters instead, as those of `conv1d` do.

    Raises:
        InputError, KindError: an argument is out of its range, or not offered.

    >>> import torch
    >>> Conv1d(4, 8, 3)(torch.ones(5, 4, 20)).shape
    torch.Size([5, 8, 18])
    """

    factory = staticmethod(conv1d)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int],
        stride: int | tuple[int] = 1,
        padding: str | int | tuple[int] = 0,
        dilation: int | tuple[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        rng: Generator | None = None,
        w_init: Initialiser | None = None,
        b_init: Initialiser | None = None,
    ) -> None:
        given, name = locals(), "Conv1d"
        window, step, spread = (
            one(name, what, given[what], 1) for what in ("kernel_size", "stride", "dilation")
        )
        self.kernel_size, worded = (window,), border_of(name, padding, (step,))
        layer = conv1d(
            size(name, "out_channels", out_channels),
            window,
            stride=step,
            padding=worded if isinstance(worded, str) else one(name, "padding", worded, 0),
            padding_mode=mode_of(name, padding_mode),
            dilation=spread,
            groups=groups,
        )
        super().__init__(given, layer)


class Conv2d(Convolution):
    """PyTorch's `Conv2d`: from (…, in_channels, h, w) to (…, out_channels, h', w').

    Args:
        in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias: as in
            PyTorch.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        device, dtype: of the parameters.
        rng: the generator to draw from; torch's own without it.
        w_init, b_init: draw the parameters instead, as those of `conv2d` do.

    Raises:
        InputError, KindError: an argument is out of its range, or not offered.

    >>> import torch
    >>> Conv2d(2, 8, 3)(torch.ones(5, 2, 14, 14)).shape
    torch.Size([5, 8, 12, 12])
    """

    factory = staticmethod(conv2d)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: str | Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        rng: Generator | None = None,
        w_init: Initialiser | None = None,
        b_init: Initialiser | None = None,
    ) -> None:
        given, name = locals(), "Conv2d"
        window, step, spread = (
            pair(name, what, given[what], 1) for what in ("kernel_size", "stride", "dilation")
        )
        self.kernel_size, worded = window, border_of(name, padding, step)
        layer = conv2d(
            size(name, "out_channels", out_channels),
            window,
            stride=step,
            padding=worded if isinstance(worded, str) else pair(name, "padding", worded, 0),
            padding_mode=mode_of(name, padding_mode),
            dilation=spread,
            groups=groups,
        )
        super().__init__(given, layer)


class ConvTranspose1d(Convolution):
    """PyTorch's `ConvTranspose1d`: from (…, in_channels, length) to (…, out_channels, length').

    Args:
        in_channels, out_channels, kernel_size, stride: as in PyTorch.
        padding, output_padding, groups, bias: as in PyTorch.
        dilation: as in PyTorch.
        padding_mode: "zeros", as in PyTorch.
        device, dtype: of the parameters.
        rng: the generator to draw from; torch's own without it.
        w_init, b_init: draw the parameters instead, as those of `conv_transpose1d` do.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> import torch
    >>> ConvTranspose1d(8, 3, 2, stride=2)(torch.ones(5, 8, 7)).shape
    torch.Size([5, 3, 14])
    """

    factory = staticmethod(conv_transpose1d)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int],
        stride: int | tuple[int] = 1,
        padding: int | tuple[int] = 0,
        output_padding: int | tuple[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | tuple[int] = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        rng: Generator | None = None,
        w_init: Initialiser | None = None,
        b_init: Initialiser | None = None,
    ) -> None:
        given, name = locals(), "ConvTranspose1d"
        refuse(name, "padding_mode", padding_mode, ZEROS, CUT)
        window = one(name, "kernel_size", kernel_size, 1)
        self.kernel_size = (window,)
        layer = conv_transpose1d(
            size(name, "out_channels", out_channels),
            window,
            stride=one(name, "stride", stride, 1),
            padding=one(name, "padding", padding, 0),
            output_padding=one(name, "output_padding", output_padding, 0),
            dilation=one(name, "dilation", dilation, 1),
            groups=groups,
        )
        super().__init__(given, layer)


class ConvTranspose2d(Convolution):
    """PyTorch's `ConvTranspose2d`: from (…, in_channels, h, w) to (…, out_channels, h', w').

    Args:
        in_channels, out_channels, kernel_size, stride: as in PyTorch.
        padding, output_padding, groups, bias: as in PyTorch.
        dilation: as in PyTorch.
        padding_mode: "zeros", as in PyTorch.
        device, dtype: of the parameters.
        rng: the generator to draw from; torch's own without it.
        w_init, b_init: draw the parameters instead, as those of `conv_transpose2d` do.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> import torch
    >>> ConvTranspose2d(8, 3, 2, stride=2)(torch.ones(5, 8, 7, 7)).shape
    torch.Size([5, 3, 14, 14])
    """

    factory = staticmethod(conv_transpose2d)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        rng: Generator | None = None,
        w_init: Initialiser | None = None,
        b_init: Initialiser | None = None,
    ) -> None:
        given, name = locals(), "ConvTranspose2d"
        refuse(name, "padding_mode", padding_mode, ZEROS, CUT)
        self.kernel_size = pair(name, "kernel_size", kernel_size, 1)
        layer = conv_transpose2d(
            size(name, "out_channels", out_channels),
            self.kernel_size,
            stride=pair(name, "stride", stride, 1),
            padding=pair(name, "padding", padding, 0),
            output_padding=pair(name, "output_padding", output_padding, 0),
            dilation=pair(name, "dilation", dilation, 1),
            groups=groups,
        )
        super().__init__(given, layer)


def one(name: str, what: str, value: Any, least: int) -> int:
    """Return an integer, or the only entry of a tuple, of at least `least`."""
    if isinstance(value, tuple) and len(value) == 1:
        (value,) = value
    return integer(name, what, value, least)


def border_of(name: str, padding: Any, step: Lengths) -> Any:
    """Give the border that PyTorch means by a word: "same", or none; numbers are left as they are.

    >>> border_of("Conv2d", "same", (1, 1)), border_of("Conv2d", "valid", (1, 1))
    ('same', 0)
    """
    if not isinstance(padding, str):
        return padding
    if padding not in ("same", "valid"):
        raise KindError(
            f'{name}: expected padding to be "same", "valid" or a number, got {short(padding)}'
        )
    if padding == "same" and math.prod(step) != 1:
        raise InputError(f'{name}: expected stride=1 with padding="same", got {step}')
    return padding if padding == "same" else 0


def mode_of(name: str, mode: Any) -> str:
    """Give our name of a mode of PyTorch's."""
    if mode not in (ZEROS, *MODES[1:]):
        *most, last = (f'"{each}"' for each in (ZEROS, *MODES[1:]))
        raise InputError(
            f"{name}: expected padding_mode to be {', '.join(most)} or {last}, got {short(mode)}"
        )
    return CONSTANT if mode == ZEROS else str(mode)
