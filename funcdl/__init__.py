"""funcdl: deep learning as pure functions that return their own derivatives.

apply(params, x) -> (y, vjp)        vjp(dy) -> (dparams, dx)
"""

from funcdl import initialisers, schedules, tree
from funcdl.calibrate import calibrate
from funcdl.check import check
from funcdl.combinators.concat import concat
from funcdl.combinators.debug import debug
from funcdl.combinators.fan_in import fan_in
from funcdl.combinators.fan_out import fan_out
from funcdl.combinators.freeze import freeze
from funcdl.combinators.named import named
from funcdl.combinators.parallel import parallel
from funcdl.combinators.remat import remat
from funcdl.combinators.repeat import repeat
from funcdl.combinators.residual import residual
from funcdl.combinators.serial import serial
from funcdl.combinators.shared import shared
from funcdl.combinators.siamese import siamese
from funcdl.combinators.supervised import supervised
from funcdl.combinators.tap import tap
from funcdl.combinators.vmap import vmap
from funcdl.combinators.weighted_sum import weighted_sum
from funcdl.contract import Layer, Params, Shape, Value, Vjp, as_layer, layer
from funcdl.errors import (
    DerivativeError,
    FuncdlError,
    InputError,
    KindError,
    ShapeError,
    TreeError,
    UsageError,
)
from funcdl.interop import from_torch, to_torch
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
from funcdl.layers.affine import Affine
from funcdl.layers.batch_norm import BatchNorm, batch_norm
from funcdl.layers.conv import conv1d, conv2d
from funcdl.layers.conv_transpose import conv_transpose2d
from funcdl.layers.dropout import dropout
from funcdl.layers.elementwise import Bias, Scale, bias, scale
from funcdl.layers.layout import channels_last, expand_dims, flatten, identity, reshape, transpose
from funcdl.layers.linear import linear
from funcdl.layers.maxout import maxout
from funcdl.layers.norms import Gain, Norm, group_norm, layer_norm, rms_norm
from funcdl.layers.pool import avg_pool2d, global_avg_pool2d, global_max_pool2d, max_pool2d
from funcdl.layers.prelu import Slope, prelu
from funcdl.layers.rectifiers import elu, gelu, leaky_relu, mish, selu, silu
from funcdl.layers.tuples import join, stack, unstack
from funcdl.losses import (
    binary_cross_entropy,
    contrastive,
    cosine,
    cross_entropy,
    hinge,
    huber,
    kl_divergence,
    l1,
    mse,
    nll,
)
from funcdl.module import SGD, Linear, LossMSE, Module, ReLU, Sequential, Tanh
from funcdl.optimisers import (
    Averaged,
    Optimiser,
    OptimiserState,
    Transform,
    adagrad,
    adam,
    adamw,
    averaged,
    chain,
    clip,
    clip_by_global_norm,
    clip_by_norm,
    decay,
    lion,
    momentum,
    optimiser,
    radam,
    rmsprop,
    scale_by_adagrad,
    scale_by_adam,
    scale_by_radam,
    scale_by_rms,
    sgd,
    sign_of_momentum,
)
from funcdl.staging.stage import stage
from funcdl.summary import Summary, summary
from funcdl.training import training_step, value_and_grad

__all__ = [
    "SGD",
    "Affine",
    "Averaged",
    "BatchNorm",
    "Bias",
    "DerivativeError",
    "FuncdlError",
    "Gain",
    "InputError",
    "KindError",
    "Layer",
    "Linear",
    "LossMSE",
    "Module",
    "Norm",
    "Optimiser",
    "OptimiserState",
    "Params",
    "ReLU",
    "Scale",
    "Sequential",
    "Shape",
    "ShapeError",
    "Slope",
    "Summary",
    "Tanh",
    "Transform",
    "TreeError",
    "UsageError",
    "Value",
    "Vjp",
    "adagrad",
    "adam",
    "adamw",
    "as_layer",
    "averaged",
    "avg_pool2d",
    "batch_norm",
    "bias",
    "binary_cross_entropy",
    "calibrate",
    "chain",
    "channels_last",
    "check",
    "clip",
    "clip_by_global_norm",
    "clip_by_norm",
    "concat",
    "contrastive",
    "conv1d",
    "conv2d",
    "conv_transpose2d",
    "cosine",
    "cross_entropy",
    "debug",
    "decay",
    "dropout",
    "elu",
    "exp",
    "expand_dims",
    "fan_in",
    "fan_out",
    "flatten",
    "freeze",
    "from_torch",
    "gelu",
    "global_avg_pool2d",
    "global_max_pool2d",
    "group_norm",
    "hard_sigmoid",
    "hard_tanh",
    "hinge",
    "huber",
    "identity",
    "initialisers",
    "join",
    "kl_divergence",
    "l1",
    "layer",
    "layer_norm",
    "leaky_relu",
    "linear",
    "lion",
    "log_softmax",
    "max_pool2d",
    "maxout",
    "mish",
    "momentum",
    "mse",
    "named",
    "nll",
    "optimiser",
    "parallel",
    "prelu",
    "radam",
    "relu",
    "remat",
    "repeat",
    "reshape",
    "residual",
    "rms_norm",
    "rmsprop",
    "scale",
    "scale_by_adagrad",
    "scale_by_adam",
    "scale_by_radam",
    "scale_by_rms",
    "schedules",
    "selu",
    "serial",
    "sgd",
    "shared",
    "siamese",
    "sigmoid",
    "sign_of_momentum",
    "silu",
    "softmax",
    "softplus",
    "stack",
    "stage",
    "summary",
    "supervised",
    "tanh",
    "tap",
    "to_torch",
    "training_step",
    "transpose",
    "tree",
    "unstack",
    "value_and_grad",
    "vmap",
    "weighted_sum",
]
