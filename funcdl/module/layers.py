"""The layers with parameters as modules.

Images are channels last, as everywhere here: (…, height, width, channels).
"""

from __future__ import annotations

from typing import Any

from funcdl.arguments import Size, integer, number, pair
from funcdl.contract import Shape, Value
from funcdl.initialisers import Initialiser, zeros
from funcdl.layers.attention import attention
from funcdl.layers.batch_norm import batch_norm
from funcdl.layers.conv import conv1d, conv2d
from funcdl.layers.conv_transpose import conv_transpose2d
from funcdl.layers.elementwise import bias, scale
from funcdl.layers.embedding import embedding
from funcdl.layers.gru import gru, gru_cell
from funcdl.layers.linear import linear
from funcdl.layers.maxout import maxout
from funcdl.layers.measured import accept
from funcdl.layers.norms import group_norm, layer_norm, rms_norm
from funcdl.layers.prelu import prelu
from funcdl.module.named import Made, Named

__all__ = [
    "GRU",
    "BatchNorm1d",
    "BatchNorm2d",
    "BiasFeatures",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "Embedding",
    "GRUCell",
    "GroupNorm",
    "LayerNorm",
    "Linear",
    "Maxout",
    "MultiheadAttention",
    "PReLU",
    "RMSNorm",
    "ScaleFeatures",
]


class MovingMeans(Named):
    """Batch normalisation that also keeps moving means of mean and variance, as in PyTorch.

        mean ← (1 − momentum) mean + momentum μ        var ← (1 − momentum) var + momentum σ²

    σ² is unbiased. Both are state, not parameters: `param()` does not list them. As in PyTorch, a
    module that evaluates before it was trained says nothing.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        accept(self.params.var)

    def forward(self, *input: Any) -> Value:
        """Normalise; while training, over the batch."""
        y = super().forward(*input)
        if self.training:
            (x,) = input
            axes, rate = tuple(range(x.ndim - 1)), self.arguments["momentum"]
            self.params.mean.lerp_(x.mean(axes), rate)
            self.params.var.lerp_(x.var(axes), rate)
        return y


class Linear(Named, of=linear):
    @staticmethod
    def make(in_features: int, out_features: int, bias: bool = True) -> Made:
        layer = linear(out_features, b_init=_drawn(bias))
        return layer, (_size("Linear", "in_features", in_features),)


class Maxout(Named, of=maxout):
    @staticmethod
    def make(in_features: int, out_features: int, pieces: int, bias: bool = True) -> Made:
        layer = maxout(out_features, pieces, b_init=_drawn(bias))
        return layer, (_size("Maxout", "in_features", in_features),)


class Conv1d(Named, of=conv1d):
    @staticmethod
    def make(
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> Made:
        layer = conv1d(
            out_channels,
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            b_init=_drawn(bias),
        )
        return layer, _window("Conv1d", in_channels, kernel_size, dilation)[1:]


class Conv2d(Named, of=conv2d):
    @staticmethod
    def make(
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> Made:
        layer = conv2d(
            out_channels,
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            b_init=_drawn(bias),
        )
        return layer, _window("Conv2d", in_channels, kernel_size, dilation)


class ConvTranspose2d(Named, of=conv_transpose2d):
    @staticmethod
    def make(
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        bias: bool = True,
    ) -> Made:
        layer = conv_transpose2d(
            out_channels,
            kernel_size,
            stride=stride,
            padding=padding,
            output_padding=output_padding,
            b_init=_drawn(bias),
        )
        # Large enough that the border which is cut off leaves something.
        height, width = pair("ConvTranspose2d", "padding", padding, 0)
        channels = _size("ConvTranspose2d", "in_channels", in_channels)
        return layer, (2 * height + 1, 2 * width + 1, channels)


class LayerNorm(Named, of=layer_norm):
    @staticmethod
    def make(normalized_shape: Size, eps: float = 1e-5) -> Made:
        own = _own("LayerNorm", normalized_shape)
        return layer_norm(len(own), eps=eps), own


class RMSNorm(Named, of=rms_norm):
    @staticmethod
    def make(normalized_shape: Size, eps: float = 1e-6) -> Made:
        own = _own("RMSNorm", normalized_shape)
        return rms_norm(len(own), eps=eps), own


class GroupNorm(Named, of=group_norm):
    @staticmethod
    def make(num_groups: int, num_channels: int, eps: float = 1e-5, ndim: int = 3) -> Made:
        channels = _size("GroupNorm", "num_channels", num_channels)
        return group_norm(num_groups, ndim, eps=eps), (1,) * (ndim - 1) + (channels,)


class BatchNorm1d(MovingMeans, of=batch_norm):
    @staticmethod
    def make(num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> Made:
        number("BatchNorm1d", "momentum", momentum, 0)
        return batch_norm(eps=eps), (_size("BatchNorm1d", "num_features", num_features),)


class BatchNorm2d(MovingMeans, of=batch_norm):
    @staticmethod
    def make(num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> Made:
        number("BatchNorm2d", "momentum", momentum, 0)
        return batch_norm(eps=eps), (_size("BatchNorm2d", "num_features", num_features),)


class PReLU(Named, of=prelu):
    @staticmethod
    def make(num_parameters: int = 1, init: float = 0.25) -> Made:
        count = _size("PReLU", "num_parameters", num_parameters)
        return prelu(init, per_feature=count > 1), (count,)


class Embedding(Named, of=embedding):
    @staticmethod
    def make(num_embeddings: int, embedding_dim: int) -> Made:
        return embedding(num_embeddings, embedding_dim), ()


class MultiheadAttention(Named, of=attention):
    @staticmethod
    def make(embed_dim: int, num_heads: int, causal: bool = False) -> Made:
        layer = attention(num_heads, causal=causal)
        return layer, (1, _size("MultiheadAttention", "embed_dim", embed_dim))


class GRU(Named, of=gru):
    @staticmethod
    def make(input_size: int, hidden_size: int, bias: bool = True) -> Made:
        return gru(hidden_size, b_init=_drawn(bias)), (1, _size("GRU", "input_size", input_size))


class GRUCell(Named, of=gru_cell):
    @staticmethod
    def make(input_size: int, hidden_size: int, bias: bool = True) -> Made:
        features = _size("GRUCell", "input_size", input_size)
        return gru_cell(hidden_size, b_init=_drawn(bias)), ((hidden_size,), (features,))


class ScaleFeatures(Named, of=scale):
    @staticmethod
    def make(num_features: int) -> Made:
        return scale(), (_size("ScaleFeatures", "num_features", num_features),)


class BiasFeatures(Named, of=bias):
    @staticmethod
    def make(num_features: int) -> Made:
        return bias(), (_size("BiasFeatures", "num_features", num_features),)


def _size(name: str, what: str, value: Any) -> int:
    return integer(name, what, value, 1)


def _drawn(has_bias: bool) -> Initialiser | None:
    return zeros if has_bias else None


def _own(name: str, shape: Any) -> Shape:
    lengths = shape if isinstance(shape, (tuple, list)) else (shape,)
    return tuple(_size(name, "each length of normalized_shape", length) for length in lengths)


def _window(name: str, channels: int, kernel: Any, dilation: Any) -> Shape:
    """Give the smallest image that a window fits in."""
    cells = zip(pair(name, "kernel_size", kernel, 1), pair(name, "dilation", dilation, 1))
    return (*((size - 1) * step + 1 for size, step in cells), _size(name, "in_channels", channels))
