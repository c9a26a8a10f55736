"""Modules of norms over the batch, with moving means as PyTorch keeps them."""

from __future__ import annotations

from typing import Any

from funcdl.arguments import number
from funcdl.contract import Value
from funcdl.errors import ShapeError
from funcdl.initialisers import TORCH_GENERATOR
from funcdl.layers.batch_norm import BatchNorm, batch_norm
from funcdl.layers.measured import accept
from funcdl.module.doors import along_axis, around, without
from funcdl.module.draws import Draw
from funcdl.module.named import Named, flag, size
from funcdl.signature import Signature, of
from funcdl.tensor import Tensor, empty

__all__ = ["BatchNorm1d", "BatchNorm2d"]


class MovingMeans(Named):
    """Batch normalisation that also keeps moving means of mean and variance.

        mean ← (1 − momentum) mean + momentum μ        var ← (1 − momentum) var + momentum σ²

    σ² is unbiased; without a momentum, they are means of all batches. Both are state, not
    parameters: `param()` does not list them. As in PyTorch, a module that evaluates before it was
    trained says nothing.
    """

    factory = staticmethod(batch_norm)
    axes: tuple[int, ...]

    def __init__(self, given: dict[str, Any]) -> None:
        name = self._name
        self.num_features = size(name, "num_features", given["num_features"])
        if given["momentum"] is not None:
            number(name, "momentum", given["momentum"], 0)
        affine, bias, kept = (
            flag(name, what, given[what]) for what in ("affine", "bias", "track_running_stats")
        )
        self.num_batches_tracked: Tensor = empty(()).long().zero_()
        layer = batch_norm(eps=given["eps"])
        if not (affine and bias and kept):
            layer = without(name, layer, None, self._filled)
        if not kept:
            inner = layer
            layer = around(
                name,
                layer,
                None,
                lambda params, x, rng=None: inner.at("", params, x, rng or TORCH_GENERATOR),
            )
        own = str(self.num_features)
        held = [own if there else () for there in (affine, affine and bias, kept, kept)]
        same = f"batch>=0 {own} *rest"
        takes = Signature(of(BatchNorm, *held), same, same)
        super().__init__(given, along_axis(name, layer, 1, takes))
        if kept:
            accept(self.params.var)

    def _filled(self, given: BatchNorm, x: Tensor) -> BatchNorm:
        shape = (self.num_features,)
        constants = x.new_ones(shape), x.new_zeros(shape), x.new_zeros(shape), x.new_ones(shape)
        return BatchNorm(*(c if isinstance(p, tuple) else p for p, c in zip(given, constants)))

    def _start(self, draw: Draw) -> BatchNorm:
        given, count = self.arguments, self.num_features
        affine, kept = given["affine"], given["track_running_stats"]
        parts: tuple[Any, ...] = (
            draw.full(1.0, count) if affine else (),
            draw.full(0.0, count) if affine and given["bias"] else (),
            draw.full(0.0, count) if kept else (),
            draw.full(1.0, count) if kept else (),
        )
        return BatchNorm(*parts)

    def forward(self, *input: Any) -> Value:
        """Normalise; while training, over the batch."""
        x = input[0] if input else None
        if isinstance(x, Tensor) and x.ndim not in self.axes:
            allowed = " or ".join(map(str, self.axes))
            raise ShapeError(
                f"{self._name}: expected x to have {allowed} axes, got {tuple(x.shape)}"
            )
        y = super().forward(*input)
        if self.training and self.arguments["track_running_stats"]:
            self._track(input[0])
        return y

    def _track(self, x: Tensor) -> None:
        self.num_batches_tracked.add_(1)
        rate = self.arguments["momentum"]
        if rate is None:
            rate = 1 / int(self.num_batches_tracked)
        axes = (0, *range(2, x.ndim))
        self.params.mean.lerp_(x.mean(axes), rate)
        self.params.var.lerp_(x.var(axes), rate)


class BatchNorm1d(MovingMeans):
    """PyTorch's `BatchNorm1d`: (batch, num_features), or (batch, num_features, length).

    Args:
        num_features, eps, momentum, affine, track_running_stats, device, dtype, bias: as in
            PyTorch.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> import torch
    >>> BatchNorm1d(3)(torch.rand(5, 3, 7)).shape
    torch.Size([5, 3, 7])
    """

    axes = (2, 3)

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(locals())


class BatchNorm2d(MovingMeans):
    """PyTorch's `BatchNorm2d`: (batch, num_features, h, w).

    Args:
        num_features, eps, momentum, affine, track_running_stats, device, dtype, bias: as in
            PyTorch.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> import torch
    >>> BatchNorm2d(3)(torch.rand(5, 3, 4, 4)).shape
    torch.Size([5, 3, 4, 4])
    """

    axes = (4,)

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(locals())
