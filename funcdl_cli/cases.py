"""Every layer, loss and combinator of the library, with a small input to check its derivative on.

A case is a line; a test holds that none is missing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor

import funcdl as f

__all__ = ["CASES", "Case"]


class Case(NamedTuple):
    """What is checked, and on what.

    Attributes:
        name: the public name.
        layer: what it makes.
        shape: of the input with its leading axes, as `init` takes it.
        target: of a loss: the kind of its target; of an embedding: the kind of its input.
    """

    name: str
    layer: f.Layer
    shape: Any
    target: str = ""

    def draw(self, rng: Generator) -> Any:
        """Draw an input in float64."""
        if self.target == "index":
            return torch.randint(0, 5, self.shape, generator=rng)
        if not self.target:
            return _normals(self.shape, rng)
        y, t = self.shape
        return _normals(y, rng), TARGETS[self.target](_normals(t, rng))


def _normals(shape: Any, rng: Generator) -> Any:
    if shape and isinstance(shape[0], tuple):
        return tuple(_normals(part, rng) for part in shape)
    return torch.empty(shape, dtype=torch.float64).normal_(generator=rng)


def _each(make: Any) -> Any:
    """Make a target of each part of a tuple."""
    return lambda t: tuple(map(make, t)) if isinstance(t, tuple) else make(t)


def _class(t: Tensor) -> Tensor:
    return t.abs().long().clamp(max=2)


TARGETS = {
    "number": _each(lambda t: t),
    "class": _each(_class),
    "half": _each(lambda t: t.sigmoid()),
    "chance": _each(lambda t: t.softmax(-1)),
    "sign": _each(lambda t: t.sign()),
    "same": _each(lambda t: (t > 0).double()),
}

ROWS = (4, 6)
SAME = (ROWS, ROWS)
IMAGES = (2, 6, 6, 4)
SEQUENCES = (2, 5, 4)
NET = f.serial(f.linear(5), f.tanh, f.linear(6))
ELMAN = f.serial(f.join(), f.linear(3), f.tanh)

ACTIVATIONS = {
    "relu": f.relu,
    "leaky_relu": f.leaky_relu(),
    "prelu": f.prelu(),
    "elu": f.elu(),
    "selu": f.selu,
    "gelu": f.gelu(),
    "silu": f.silu,
    "mish": f.mish,
    "tanh": f.tanh,
    "softplus": f.softplus(),
    "sigmoid": f.sigmoid,
    "hard_sigmoid": f.hard_sigmoid,
    "hard_tanh": f.hard_tanh,
    "exp": f.exp,
    "softmax": f.softmax,
    "log_softmax": f.log_softmax,
    "identity": f.identity,
}

CASES = [
    *(Case(name, layer, ROWS) for name, layer in ACTIVATIONS.items()),
    Case("linear", f.linear(3), ROWS),
    Case("maxout", f.maxout(3, 2), ROWS),
    Case("scale", f.scale(), ROWS),
    Case("bias", f.bias(), ROWS),
    Case("conv1d", f.conv1d(3, 3), SEQUENCES),
    Case("conv2d", f.conv2d(4, 3, stride=2, padding=1, groups=2), IMAGES),
    Case("conv_transpose2d", f.conv_transpose2d(3, 2, stride=2), IMAGES),
    Case("max_pool2d", f.max_pool2d(2), IMAGES),
    Case("avg_pool2d", f.avg_pool2d(2), IMAGES),
    Case("global_avg_pool2d", f.global_avg_pool2d, IMAGES),
    Case("global_max_pool2d", f.global_max_pool2d, IMAGES),
    Case("embedding", f.embedding(5, 3), ROWS, "index"),
    Case("attention", f.attention(2, causal=True), SEQUENCES),
    Case("gru", f.gru(3), SEQUENCES),
    Case("gru_cell", f.gru_cell(3), ((4, 3), ROWS)),
    Case("layer_norm", f.layer_norm(), ROWS),
    Case("rms_norm", f.rms_norm(), ROWS),
    Case("group_norm", f.group_norm(2), IMAGES),
    Case("batch_norm", f.batch_norm(), ROWS),
    Case("dropout", f.dropout(0.4), ROWS),
    Case("flatten", f.flatten(3), IMAGES),
    Case("reshape", f.reshape((2, -1)), ROWS),
    Case("transpose", f.transpose(), SEQUENCES),
    Case("select", f.select(-2, -1), SEQUENCES),
    Case("expand_dims", f.expand_dims(-1), ROWS),
    Case("channels_last", f.channels_last, IMAGES),
    Case("stack_along", f.stack_along(-2), SAME),
    Case("unstack_along", f.unstack_along(-2), SEQUENCES),
    Case("join", f.join(), SAME),
    Case("serial", NET, ROWS),
    Case("parallel", f.parallel(f.linear(3), f.tanh), SAME),
    Case("fan_out", f.fan_out(f.linear(3), f.tanh), ROWS),
    Case("fan_in", f.fan_in("product"), SAME),
    Case("concat", f.concat(f.linear(3), f.tanh), ROWS),
    Case("residual", f.residual(NET), ROWS),
    Case("shared", f.shared(f.linear(3), axis=-2), SEQUENCES),
    Case("siamese", f.siamese(f.linear(3), f.join()), SAME),
    Case("tap", f.tap(f.linear(2)), ROWS),
    Case("scan", f.scan(ELMAN, 3), SEQUENCES),
    Case("repeat", f.repeat(f.serial(f.linear(6), f.tanh), 3), ROWS),
    Case("vmap", f.vmap(f.linear(3), 1), SEQUENCES),
    Case("remat", f.remat(NET), ROWS),
    Case("freeze", f.serial(f.freeze(f.tanh), f.linear(3)), ROWS),
    Case("inference", f.serial(f.inference(f.dropout(0.4)), f.linear(3)), ROWS),
    Case("named", f.named("net", NET), ROWS),
    Case("debug", f.debug(NET, tell=len), ROWS),
    Case("mse", f.mse(), SAME, "number"),
    Case("l1", f.l1(), SAME, "number"),
    Case("huber", f.huber(), SAME, "number"),
    Case("cosine_distance", f.cosine_distance(), SAME, "number"),
    Case("cross_entropy", f.cross_entropy(), (ROWS, (4,)), "class"),
    Case("nll", f.nll(), (ROWS, (4,)), "class"),
    Case("binary_cross_entropy", f.binary_cross_entropy(), SAME, "half"),
    Case("kl_divergence", f.kl_divergence(), SAME, "chance"),
    Case("hinge", f.hinge(), SAME, "sign"),
    Case("contrastive", f.contrastive(margin=5.0), (SAME, (4,)), "same"),
    Case("supervised", f.supervised(NET, f.mse()), SAME, "number"),
    Case("weighted_sum", f.weighted_sum((1.0, f.mse()), (0.5, f.l1())), (SAME, SAME), "number"),
]
