"""Optimisers: pure functions from (params, grads, state) to (params, state).

Each is a chain of transforms of the gradient and a learning rate: p ← p − lr u. States are pytrees
of tensors, so that they stack, save and compare as parameters do.
"""

from funcdl.optimisers.adaptive import scale_by_adagrad, scale_by_rms
from funcdl.optimisers.average import Averaged, averaged
from funcdl.optimisers.clip import clip, clip_by_global_norm, clip_by_norm
from funcdl.optimisers.moments import scale_by_adam, scale_by_radam, sign_of_momentum
from funcdl.optimisers.optimiser import Optimiser, OptimiserState, optimiser
from funcdl.optimisers.ready import adagrad, adam, adamw, lion, radam, rmsprop, sgd
from funcdl.optimisers.simple import decay, momentum
from funcdl.optimisers.transform import Transform, chain

__all__ = [
    "Averaged",
    "Optimiser",
    "OptimiserState",
    "Transform",
    "adagrad",
    "adam",
    "adamw",
    "averaged",
    "chain",
    "clip",
    "clip_by_global_norm",
    "clip_by_norm",
    "decay",
    "lion",
    "momentum",
    "optimiser",
    "radam",
    "rmsprop",
    "scale_by_adagrad",
    "scale_by_adam",
    "scale_by_radam",
    "scale_by_rms",
    "sgd",
    "sign_of_momentum",
]
