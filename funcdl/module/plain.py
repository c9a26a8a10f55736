"""The layers without parameters as modules."""

from __future__ import annotations

from funcdl.arguments import Size
from funcdl.layers.activations import (
    exp,
    hard_sigmoid,
    hard_tanh,
    log_softmax,
    relu,
    sigmoid,
    softmax,
    softplus,
    tanh,
)
from funcdl.layers.dropout import dropout
from funcdl.layers.layout import (
    channels_last,
    expand_dims,
    flatten,
    identity,
    reshape,
    select,
    transpose,
)
from funcdl.layers.pool import avg_pool2d, global_avg_pool2d, global_max_pool2d, max_pool2d
from funcdl.layers.rectifiers import elu, gelu, leaky_relu, mish, selu, silu
from funcdl.layers.tuples import join, stack_along, unstack_along
from funcdl.module.named import Made, Named

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "AvgPool2d",
    "ChannelsLast",
    "Dropout",
    "Dropout2d",
    "Exp",
    "ExpandDims",
    "Flatten",
    "GlobalAvgPool2d",
    "GlobalMaxPool2d",
    "Hardsigmoid",
    "Hardtanh",
    "Identity",
    "Join",
    "LeakyReLU",
    "LogSoftmax",
    "MaxPool2d",
    "Mish",
    "ReLU",
    "Reshape",
    "Select",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "StackAlong",
    "Tanh",
    "Transpose",
    "UnstackAlong",
]


class ChannelsLast(Named, of=channels_last): ...


class ELU(Named, of=elu): ...


class Exp(Named, of=exp): ...


class ExpandDims(Named, of=expand_dims): ...


class Flatten(Named, of=flatten): ...


class GELU(Named, of=gelu): ...


class GlobalAvgPool2d(Named, of=global_avg_pool2d): ...


class GlobalMaxPool2d(Named, of=global_max_pool2d): ...


class Hardsigmoid(Named, of=hard_sigmoid): ...


class Hardtanh(Named, of=hard_tanh): ...


class Identity(Named, of=identity): ...


class Join(Named, of=join): ...


class LogSoftmax(Named, of=log_softmax): ...


class Mish(Named, of=mish): ...


class ReLU(Named, of=relu): ...


class Reshape(Named, of=reshape): ...


class SELU(Named, of=selu): ...


class Sigmoid(Named, of=sigmoid): ...


class SiLU(Named, of=silu): ...


class Softmax(Named, of=softmax): ...


class Softplus(Named, of=softplus): ...


class Select(Named, of=select): ...


class StackAlong(Named, of=stack_along): ...


class Tanh(Named, of=tanh): ...


class Transpose(Named, of=transpose): ...


class UnstackAlong(Named, of=unstack_along): ...


class MaxPool2d(Named, of=max_pool2d):
    @staticmethod
    def make(kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> Made:
        return max_pool2d(kernel_size, stride=stride, padding=padding), None


class AvgPool2d(Named, of=avg_pool2d):
    @staticmethod
    def make(kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> Made:
        return avg_pool2d(kernel_size, stride=stride, padding=padding), None


class Dropout(Named, of=dropout):
    @staticmethod
    def make(p: float = 0.5) -> Made:
        return dropout(p), None


class Dropout2d(Named, of=dropout):
    @staticmethod
    def make(p: float = 0.5) -> Made:
        return dropout(p, 2), None


class LeakyReLU(Named, of=leaky_relu):
    @staticmethod
    def make(negative_slope: float = 0.01) -> Made:
        return leaky_relu(negative_slope), None
