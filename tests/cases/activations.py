"""Activations."""

import torch
from torch.nn import functional as nnf

import funcdl as f
from cases.case import Case

CASES = [
    Case(f.relu, (4, 5), oracle=lambda p, x: nnf.relu(x)),
    Case(f.leaky_relu(), (4, 5), oracle=lambda p, x: nnf.leaky_relu(x)),
    Case(f.leaky_relu(0.3), (4, 5), oracle=lambda p, x: nnf.leaky_relu(x, 0.3)),
    Case(f.leaky_relu(0), (4, 5), oracle=lambda p, x: nnf.relu(x)),
    Case(f.elu(), (4, 5), oracle=lambda p, x: nnf.elu(x)),
    Case(f.elu(0.5), (4, 5), oracle=lambda p, x: nnf.elu(x, 0.5)),
    Case(f.elu(2), (4, 5), oracle=lambda p, x: nnf.elu(x, 2)),
    Case(f.elu(0), (4, 5), oracle=lambda p, x: nnf.relu(x)),
    Case(f.selu, (4, 5), oracle=lambda p, x: nnf.selu(x)),
    Case(f.gelu(), (4, 5), oracle=lambda p, x: nnf.gelu(x)),
    Case(f.gelu("tanh"), (4, 5), oracle=lambda p, x: nnf.gelu(x, approximate="tanh")),
    Case(f.silu, (4, 5), oracle=lambda p, x: nnf.silu(x)),
    Case(f.mish, (4, 5), oracle=lambda p, x: nnf.mish(x)),
    Case(f.softplus(), (4, 5), oracle=lambda p, x: nnf.softplus(x)),
    Case(f.softplus(2.5), (4, 5), oracle=lambda p, x: nnf.softplus(x, 2.5)),
    Case(f.sigmoid, (4, 5), oracle=lambda p, x: torch.sigmoid(x)),
    Case(
        f.serial(f.scale(f.initialisers.full(4.0)), f.hard_sigmoid),
        (4, 5),
        oracle=lambda p, x: (p[0].scale * x + 3).clamp(0, 6) / 6,
    ),
    Case(f.tanh, (4, 5), oracle=lambda p, x: torch.tanh(x)),
    Case(f.hard_tanh, (4, 5), oracle=lambda p, x: nnf.hardtanh(x)),
    Case(f.exp, (4, 5), oracle=lambda p, x: torch.exp(x)),
    Case(f.softmax, (4, 5), oracle=lambda p, x: nnf.softmax(x, -1)),
    Case(f.log_softmax, (4, 5), oracle=lambda p, x: nnf.log_softmax(x, -1)),
    Case(f.prelu(), (4, 5), oracle=lambda p, x: nnf.prelu(x, p.a)),
    Case(f.prelu(0.1, per_feature=True), (4, 5), oracle=lambda p, x: nnf.prelu(x, p.a)),
    Case(f.prelu(per_feature=True), (2, 4, 5), id="prelu on two leading axes"),
]
