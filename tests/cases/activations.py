"""Activations."""

import torch
from torch.nn import functional as F

import funcdl as f
from cases.case import Case

CASES = [
    Case(f.relu, (4, 5), oracle=lambda p, x: F.relu(x)),
    Case(f.leaky_relu(), (4, 5), oracle=lambda p, x: F.leaky_relu(x)),
    Case(f.leaky_relu(0.3), (4, 5), oracle=lambda p, x: F.leaky_relu(x, 0.3)),
    Case(f.leaky_relu(0), (4, 5), oracle=lambda p, x: F.relu(x)),
    Case(f.elu(), (4, 5), oracle=lambda p, x: F.elu(x)),
    Case(f.elu(0.5), (4, 5), oracle=lambda p, x: F.elu(x, 0.5)),
    Case(f.elu(0), (4, 5), oracle=lambda p, x: F.relu(x)),
    Case(f.selu, (4, 5), oracle=lambda p, x: F.selu(x)),
    Case(f.gelu(), (4, 5), oracle=lambda p, x: F.gelu(x)),
    Case(f.gelu("tanh"), (4, 5), oracle=lambda p, x: F.gelu(x, approximate="tanh")),
    Case(f.silu, (4, 5), oracle=lambda p, x: F.silu(x)),
    Case(f.mish, (4, 5), oracle=lambda p, x: F.mish(x)),
    Case(f.softplus, (4, 5), oracle=lambda p, x: F.softplus(x)),
    Case(f.sigmoid, (4, 5), oracle=lambda p, x: torch.sigmoid(x)),
    Case(
        f.serial(f.scale(f.initialisers.constant(4.0)), f.hard_sigmoid),
        (4, 5),
        oracle=lambda p, x: F.hardsigmoid(p[0].scale * x),
    ),
    Case(f.tanh, (4, 5), oracle=lambda p, x: torch.tanh(x)),
    Case(f.hard_tanh, (4, 5), oracle=lambda p, x: F.hardtanh(x)),
    Case(f.exp, (4, 5), oracle=lambda p, x: torch.exp(x)),
    Case(f.softmax, (4, 5), oracle=lambda p, x: F.softmax(x, -1)),
    Case(f.log_softmax, (4, 5), oracle=lambda p, x: F.log_softmax(x, -1)),
    Case(f.prelu(), (4, 5), oracle=lambda p, x: F.prelu(x, p.a)),
    Case(f.prelu(0.1, per_feature=True), (4, 5), oracle=lambda p, x: F.prelu(x, p.a)),
    Case(f.prelu(per_feature=True), (2, 4, 5), id="prelu on two leading axes"),
]
