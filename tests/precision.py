"""How precise activations and losses are in float32: measured beside float64 over its whole range.

`python tests/precision.py` prints the table of docs/precision.md with what is measured here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

import funcdl as f
from funcdl import tree

LEAST = 1e-30
"""What is smaller is measured as if it were this, down to where float32 has no full precision."""


def numbers():
    """Every exponent of float32, both signs, and closely what activations bend at."""
    exponents = 2.0 ** torch.arange(-126, 128, dtype=torch.float64)
    wide = (exponents[:, None] * torch.tensor([1.0, 1.3, 1.7])).flatten()
    dense = [torch.linspace(-end, end, 20_001, dtype=torch.float64) for end in (4, 120)]
    return torch.cat([wide, -wide, *dense]).float().unique()


X = numbers()
ZERO, ONE, FIRST = torch.zeros_like(X), torch.ones_like(X), torch.zeros(len(X), dtype=torch.int64)
TWO, THREE = torch.stack([X, ZERO], -1), torch.stack([X, ZERO, -ONE], -1)
APART = torch.stack([X, ZERO], -1), torch.stack([ZERO, ZERO], -1)


def turned():
    """Vectors of eight numbers, and others at angles from 1e-7 to π / 2 to them."""
    draws = torch.randn(2, 20_001, 8, generator=torch.Generator().manual_seed(0)).double()
    angles = torch.logspace(-7, 0.19, 20_001, dtype=torch.float64).unsqueeze(-1)
    one, other = torch.linalg.qr(draws.permute(1, 2, 0)).Q.unbind(-1)
    return 3 * one.float(), (2 * (angles.cos() * one + angles.sin() * other)).float()


def own(x, value):
    """Measure against the number itself."""
    return value


def angle(x, value):
    """Measure 1 − cos of a small angle against the angle."""
    return (2 * value).sqrt()


def largest(size):
    """Measure against the number itself, but against no less than `size`."""
    return lambda x, value: value.abs().clamp_min(size)


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        name: as the table has it.
        layer: what is measured.
        x: its input, in float32.
        of_value, of_slope: `(x, exact) -> size`, what an error is measured against.
        dy: the cotangent; None for ones.
    """

    name: str
    layer: Any
    x: Any
    of_value: Callable[[Any, Any], Any] = own
    of_slope: Callable[[Any, Any], Any] = own
    dy: Any = None

    def measure(self):
        """Give the largest errors of value and slope, in units of the last place."""
        exact, rough = self._run(torch.float64), self._run(torch.float32)
        sizes = self.of_value, self.of_slope
        x = tree.map(lambda t: t.double() if t.is_floating_point() else t, self.x)
        return tuple(
            ulps(b, a, size(x, a.abs())) for a, b, size in zip(exact, rough, sizes, strict=True)
        )

    def _run(self, dtype):
        x = tree.map(lambda t: t.to(dtype) if t.is_floating_point() else t, self.x)
        y, vjp = self.layer((), x)
        dy = torch.ones_like(y) if self.dy is None else self.dy.to(dtype).expand_as(y)
        return y, tree.leaves(vjp(dy)[1])[0]


def ulps(rough, exact, size):
    """Give the largest error in units of the last place of a float32 number of that size."""
    unit = 2.0 ** (size.clamp_min(LEAST).log2().floor() - 23)
    error = (rough.double() - exact).abs() / unit
    same = rough == exact.float()  # where it overflows too
    return float(error.masked_fill(same & rough.isinf(), 0).max())


def bent(density):
    """Measure a slope Φ + x Φ′ against |Φ| + |x Φ′|: it has a root, near which the two cancel."""

    def size(x, slope):
        share, rise = density(x)
        return share.abs() + (x * rise).abs()

    return size


def normal(x):
    return torch.special.ndtr(x), (-x * x / 2).exp() / (2 * torch.pi) ** 0.5


def logistic(x):
    return x.sigmoid(), x.sigmoid() * (-x).sigmoid()


def softened(x):
    w = torch.nn.functional.softplus(x).tanh()
    return w, (1 - w * w) * x.sigmoid()


def each(make, **settings):
    return make(reduction="none", **settings)


def share(*p):
    return torch.tensor(p).expand(len(X), len(p))


def sloped(params, x):
    """A rectifier with the slope that it begins with."""
    y, vjp = f.prelu()(f.Slope(x.new_tensor(0.25)), x)
    return y, lambda dy: ((), vjp(dy)[1])


ACTIVATIONS = [
    Row("relu", f.relu, X),
    Row("leaky_relu()", f.leaky_relu(), X),
    Row("prelu()", f.layer(sloped, name="prelu"), X),
    Row("elu()", f.elu(), X),
    Row("elu(0.5)", f.elu(0.5), X),
    Row("selu", f.selu, X),
    Row("gelu()", f.gelu(), X, of_slope=bent(normal)),
    Row('gelu("tanh")', f.gelu("tanh"), X, of_slope=bent(normal)),
    Row("silu", f.silu, X, of_slope=bent(logistic)),
    Row("mish", f.mish, X, of_slope=bent(softened)),
    Row("softplus()", f.softplus(), X),
    Row("softplus(2.5)", f.softplus(2.5), X),
    Row("exp", f.exp, X),
    Row("hard_sigmoid", f.hard_sigmoid, X),
    Row("hard_tanh", f.hard_tanh, X),
    Row("sigmoid", f.sigmoid, X, of_slope=largest(0.25)),
    Row("tanh", f.tanh, X, of_slope=largest(1.0)),
    Row("softmax of two", f.softmax, TWO, dy=torch.tensor([1.0, 0.0])),
    Row("log_softmax of two", f.log_softmax, TWO, dy=torch.tensor([1.0, 0.0])),
]
LOSSES = [
    Row("mse", each(f.mse), (X, ONE)),
    Row("l1", each(f.l1), (X, ONE)),
    Row("huber()", each(f.huber), (X, ONE)),
    Row("hinge", each(f.hinge), (X, ONE)),
    Row("binary_cross_entropy, t = 1", each(f.binary_cross_entropy), (X, ONE)),
    Row("binary_cross_entropy, t = 0", each(f.binary_cross_entropy), (X, ZERO)),
    Row(
        "binary_cross_entropy, t = 0.1",
        each(f.binary_cross_entropy),
        (X, 0.1 * ONE),
        of_slope=largest(0.1),
    ),
    Row("cross_entropy, right of two", each(f.cross_entropy), (TWO, FIRST)),
    Row("cross_entropy, of three", each(f.cross_entropy), (THREE, FIRST)),
    Row("cross_entropy(soft=True)", each(f.cross_entropy, soft=True), (TWO, share(1.0, 0.0))),
    Row(
        "cross_entropy(weights)",
        each(f.cross_entropy, weights=torch.tensor([0.3, 0.7])),
        (TWO, FIRST),
    ),
    Row(
        "cross_entropy(label_smoothing=0.1)",
        each(f.cross_entropy, label_smoothing=0.1),
        (TWO, FIRST),
        of_slope=largest(0.05),
    ),
    Row("nll", each(f.nll), (TWO, FIRST)),
    Row(
        "kl_divergence",
        each(f.kl_divergence),
        (TWO.double().log_softmax(-1).float(), share(0.3, 0.7)),
        of_value=lambda x, value: (x[1] * (x[1].log().abs() + x[0].abs())).sum(-1),
    ),
    Row(
        "cosine_distance",
        each(f.cosine_distance),
        turned(),
        of_value=angle,
        of_slope=largest(1 / 3),
    ),
    Row("contrastive(), t = 1", each(f.contrastive), (APART, ONE)),
    Row("contrastive(), t = 0", each(f.contrastive), (APART, ZERO)),
]
TABLE = {row.name: row for row in ACTIVATIONS + LOSSES}

if __name__ == "__main__":
    torch.set_grad_enabled(False)
    for row in TABLE.values():
        print(f"| {row.name} |", " | ".join(f"{error:.2f}" for error in row.measure()), "|")
