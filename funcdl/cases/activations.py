"""Activations."""

from funcdl import combinators, initialisers, layers
from funcdl.cases.case import Case

X = (4, 5)

CASES = [
    Case(layers.relu, X, oracle=lambda nnf, p, x: nnf.relu(x), module=("ReLU",)),
    Case(layers.leaky_relu(), X, oracle=lambda nnf, p, x: nnf.leaky_relu(x)),
    Case(
        layers.leaky_relu(0.3),
        X,
        oracle=lambda nnf, p, x: nnf.leaky_relu(x, 0.3),
        module=("LeakyReLU", 0.3),
    ),
    Case(layers.leaky_relu(0), X, oracle=lambda nnf, p, x: nnf.relu(x)),
    Case(layers.elu(), X, oracle=lambda nnf, p, x: nnf.elu(x)),
    Case(layers.elu(0.5), X, oracle=lambda nnf, p, x: nnf.elu(x, 0.5), module=("ELU", 0.5)),
    Case(layers.elu(2), X, oracle=lambda nnf, p, x: nnf.elu(x, 2)),
    Case(layers.elu(0), X, oracle=lambda nnf, p, x: nnf.relu(x)),
    Case(layers.selu, X, oracle=lambda nnf, p, x: nnf.selu(x), module=("SELU",)),
    Case(layers.gelu(), X, oracle=lambda nnf, p, x: nnf.gelu(x)),
    Case(
        layers.gelu("tanh"),
        X,
        oracle=lambda nnf, p, x: nnf.gelu(x, approximate="tanh"),
        module=("GELU", "tanh"),
    ),
    Case(layers.silu, X, oracle=lambda nnf, p, x: nnf.silu(x), module=("SiLU",)),
    Case(layers.mish, X, oracle=lambda nnf, p, x: nnf.mish(x), module=("Mish",)),
    Case(layers.softplus(), X, oracle=lambda nnf, p, x: nnf.softplus(x)),
    Case(
        layers.softplus(2.5),
        X,
        oracle=lambda nnf, p, x: nnf.softplus(x, 2.5),
        module=("Softplus", 2.5),
    ),
    Case(layers.sigmoid, X, oracle=lambda nnf, p, x: x.sigmoid(), module=("Sigmoid",)),
    Case(
        layers.hard_sigmoid,
        X,
        # PyTorch's own knows 1 / 6 in float32 alone.
        oracle=lambda nnf, p, x: (x + 3).clamp(0, 6) / 6,
        module=("Hardsigmoid",),
    ),
    Case(
        combinators.serial(layers.scale(initialisers.full(4.0)), layers.hard_sigmoid),
        X,
        oracle=lambda nnf, p, x: (p[0].scale * x + 3).clamp(0, 6) / 6,
        of="hard_sigmoid",
    ),
    Case(layers.tanh, X, oracle=lambda nnf, p, x: x.tanh(), module=("Tanh",)),
    Case(layers.hard_tanh, X, oracle=lambda nnf, p, x: nnf.hardtanh(x), module=("Hardtanh",)),
    Case(layers.exp, X, oracle=lambda nnf, p, x: x.exp(), module=("Exp",)),
    Case(layers.softmax, X, oracle=lambda nnf, p, x: nnf.softmax(x, -1), module=("Softmax", -1)),
    Case(
        layers.log_softmax,
        X,
        oracle=lambda nnf, p, x: nnf.log_softmax(x, -1),
        module=("LogSoftmax", -1),
    ),
    Case(layers.prelu(), X, oracle=lambda nnf, p, x: nnf.prelu(x, p.a), module=("PReLU",)),
    Case(
        layers.prelu(0.1, per_feature=True),
        X,
        oracle=lambda nnf, p, x: nnf.prelu(x, p.a),
        module=("PReLU", 5, 0.1),
    ),
    Case(layers.prelu(per_feature=True), (2, 4, 5), id="prelu on two leading axes"),
    Case(layers.relu6, X, oracle=lambda nnf, p, x: nnf.relu6(x), module=("ReLU6",)),
    Case(
        combinators.serial(layers.scale(initialisers.full(6.0)), layers.relu6),
        X,
        oracle=lambda nnf, p, x: nnf.relu6(p[0].scale * x),
        of="relu6",
    ),
    Case(
        layers.hard_swish,
        X,
        # PyTorch's own knows 1 / 6 in float32 alone.
        oracle=lambda nnf, p, x: x * (x + 3).clamp(0, 6) / 6,
        module=("Hardswish",),
    ),
    Case(
        combinators.serial(layers.scale(initialisers.full(4.0)), layers.hard_swish),
        X,
        oracle=lambda nnf, p, x: p[0].scale * x * (p[0].scale * x + 3).clamp(0, 6) / 6,
        of="hard_swish",
    ),
    Case(layers.log_sigmoid, X, oracle=lambda nnf, p, x: nnf.logsigmoid(x), module=("LogSigmoid",)),
    Case(layers.soft_sign, X, oracle=lambda nnf, p, x: nnf.softsign(x), module=("Softsign",)),
    Case(
        layers.softmax_along(-2),
        (2, 3, 4, 5),
        oracle=lambda nnf, p, x: nnf.softmax(x, -2),
        module=("Softmax", -2),
    ),
    Case(
        layers.log_softmax_along(-3),
        (2, 3, 4, 5),
        oracle=lambda nnf, p, x: nnf.log_softmax(x, -3),
        module=("LogSoftmax", -3),
    ),
]
