"""Modules of norms over each channel of each example."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from funcdl.arguments import number
from funcdl.contract import Value
from funcdl.errors import ShapeError
from funcdl.layers.norms import Norm, group_norm
from funcdl.module.doors import along_axis
from funcdl.module.draws import Draw
from funcdl.module.named import Named, flag, refuse, size
from funcdl.module.norms import partly, patterns, started
from funcdl.signature import Signature
from funcdl.tensor import Tensor

__all__ = ["InstanceNorm1d", "InstanceNorm2d"]


class InstanceNorm(Named):
    """A group norm with as many groups as channels, which stand before their `own` axes."""

    factory = staticmethod(group_norm)
    own: ClassVar[int]

    def __init__(self, given: dict[str, Any]) -> None:
        name = self._name
        self.num_features = size(name, "num_features", given["num_features"])
        number(name, "eps", given["eps"], 0)
        affine, bias = (flag(name, what, given[what]) for what in ("affine", "bias"))
        kept = flag(name, "track_running_stats", given["track_running_stats"])
        refuse(name, "track_running_stats", kept, False, "BatchNorm keeps moving means")
        if given["momentum"] is not None:  # of moving means, which there are not
            number(name, "momentum", given["momentum"], 0)
        own = str(self.num_features)
        declared = patterns(own, affine, bias)
        layer = group_norm(self.num_features, self.own + 1, eps=given["eps"])
        if not (affine and bias):
            layer = partly(name, layer, (self.num_features,), declared, "… features")
        cells = "height width" if self.own == 2 else "length"
        same = f"… {own} {cells}"
        takes = Signature(declared, same, same)
        super().__init__(given, along_axis(name, layer, -self.own - 1, takes))

    def _start(self, draw: Draw) -> Norm:
        given = self.arguments
        return started(draw, (self.num_features,), given["affine"], given["bias"])

    def forward(self, *input: Any) -> Value:
        """Normalise each channel of each example."""
        x = input[0] if input else None
        if isinstance(x, Tensor):
            if x.ndim not in (self.own + 1, self.own + 2):
                raise ShapeError(
                    f"{self._name}: expected x to have {self.own + 1} or {self.own + 2} axes, "
                    f"got {tuple(x.shape)}"
                )
            if math.prod(x.shape[-self.own :]) == 1:
                raise ShapeError(
                    f"{self._name}: expected two numbers or more of each channel, "
                    f"got {tuple(x.shape)}"
                )
        return super().forward(*input)


class InstanceNorm1d(InstanceNorm):
    """PyTorch's `InstanceNorm1d`: (batch, num_features, length), or (num_features, length).

    Args:
        num_features, eps, affine, device, dtype, bias: as in PyTorch.
        momentum: of moving means, without effect.
        track_running_stats: False; moving means are not offered.

    Raises:
        InputError, KindError: an argument is out of its range, or not offered.

    >>> import torch
    >>> InstanceNorm1d(3)(torch.rand(5, 3, 7)).shape
    torch.Size([5, 3, 7])
    """

    own = 1

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(locals())


class InstanceNorm2d(InstanceNorm):
    """PyTorch's `InstanceNorm2d`: (batch, num_features, h, w), or (num_features, h, w).

    Args:
        num_features, eps, affine, device, dtype, bias: as in PyTorch.
        momentum: of moving means, without effect.
        track_running_stats: False; moving means are not offered.

    Raises:
        InputError, KindError: an argument is out of its range, or not offered.

    >>> import torch
    >>> InstanceNorm2d(3, affine=True)(torch.rand(5, 3, 4, 4)).shape
    torch.Size([5, 3, 4, 4])
    """

    own = 2

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(locals())
