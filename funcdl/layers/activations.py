"""Activations that saturate or normalise, and relu; shapes and dtypes are kept.

Those without hyperparameters are layers themselves, the others are made by a function.
"""

from __future__ import annotations

from collections.abc import Callable

from funcdl.arguments import positive
from funcdl.contract import Layer, Params, Vjp, declared
from funcdl.ops.choose import ZERO, only, passed
from funcdl.ops.half import single
from funcdl.ops.log_softmax import log_softmax as _log_softmax
from funcdl.signature import Signature
from funcdl.tensor import FULL, Generator, Tensor

__all__ = [
    "Rule",
    "activation",
    "exp",
    "hard_sigmoid",
    "hard_tanh",
    "log_softmax",
    "rectified",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "tanh",
]

Rule = Callable[[Tensor], "tuple[Tensor, Callable[[Tensor], Tensor]]"]


ANY = Signature((), "…", "…")
ROWS = Signature((), "… features", "… features")


def activation(
    name: str, rule: Rule, args: str = "", takes: Signature = ANY
) -> Layer[tuple[()], Tensor, Tensor]:
    """Make a layer without parameters of a rule that keeps shapes, `x -> (y, dy -> dx)`.

    Numbers of half precision come to the rule as float32, and what it gives is rounded.
    """

    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        y, pull = rule(x) if x.dtype in FULL else single(rule, x)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
            return params, pull(dy) if need_dx else None

        return y, vjp

    return declared(name, takes, apply, args=args)


def rectified(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Apply the rule of `relu`."""
    y = x.relu()
    return y, lambda dy: passed(dy, y)


def _tanh(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    y = x.tanh()
    # The slope first: of an infinite dy, dy − dy y² would make NaN.
    return y, lambda dy: y.new_ones(()).addcmul(y, y, value=-1).mul_(dy)


def _sigmoid(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    y = x.sigmoid()
    return y, lambda dy: y.addcmul(y, y, value=-1).mul_(dy)


def _softmax(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    y = x.softmax(-1)

    def pull(dy: Tensor) -> Tensor:
        rise = dy.mul(y)
        dx = rise.addcmul(y, rise.sum(-1, keepdim=True), value=-1)
        # Of the likeliest, dy − Σ dy y may cancel: it is dy Σ y − Σ dy y over the others.
        k = y.argmax(-1, keepdim=True)
        rest = rise.scatter_(-1, k, 0.0).sum(-1, keepdim=True)
        missing = y.scatter(-1, k, 0.0).sum(-1, keepdim=True)
        return dx.scatter_(-1, k, missing.mul_(dy.gather(-1, k)).sub_(rest).mul_(y.gather(-1, k)))

    return y, pull


def _exp(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    y = x.exp()
    return y, lambda dy: dy.mul(y)


def _hard_sigmoid(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    y = x.add(3).clamp_(0, 6).mul_(1 / 6)
    return y, lambda dy: only(dy.mul(1 / 6), x.abs().lt(3))


def _hard_tanh(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    return x.clamp(-1, 1), lambda dy: only(dy, x.abs().lt(1))


relu = activation("relu", rectified)
"""y = max(x, 0), dx = dy where x > 0 and 0 elsewhere, at x = 0 too.

Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines" (2010).
"""

tanh = activation("tanh", _tanh)
"""y = tanh x in (−1, 1), dx = dy (1 − y²)."""

sigmoid = activation("sigmoid", _sigmoid)
"""y = 1 / (1 + e^−x) in (0, 1), dx = dy y (1 − y)."""

softmax = activation("softmax", _softmax, takes=ROWS)
"""y = e^x / Σ e^x over the last axis, dx = y (dy − Σ dy y).

Bridle, "Probabilistic interpretation of feedforward classification network outputs" (1990).
"""

log_softmax = activation("log_softmax", _log_softmax, takes=ROWS)
"""y = x − log Σ e^x over the last axis, dx = dy − e^y Σ dy. See `softmax`."""

exp = activation("exp", _exp)
"""y = e^x, dx = dy y."""

hard_sigmoid = activation("hard_sigmoid", _hard_sigmoid)
"""y = min(max(x + 3, 0), 6) / 6, dx = dy / 6 where −3 < x < 3 and 0 elsewhere.

Howard et al., "Searching for MobileNetV3" (2019).
"""

hard_tanh = activation("hard_tanh", _hard_tanh)
"""y = min(max(x, −1), 1), dx = dy where −1 < x < 1 and 0 elsewhere.

Collobert, "Large scale machine learning" (2004).
"""


def softplus(beta: float = 1.0) -> Layer[tuple[()], Tensor, Tensor]:
    """Rectify without a kink, the more sharply the larger `beta`.

        y = log(1 + e^(beta x)) / beta, without overflow        dx = dy / (1 + e^(−beta x))

    Args:
        beta: above 0.

    Raises:
        InputError, KindError: `beta` is out of its range.

    Dugas, Bengio, Bélisle, Nadeau and Garcia, "Incorporating second-order functional knowledge for
    better option pricing" (2001).

    >>> import torch
    >>> softplus()((), torch.tensor([-1.0, 0.0, 1000.0]))[0]
    tensor([3.1326e-01, 6.9315e-01, 1.0000e+03])
    """
    positive("softplus", "beta", beta)

    def rule(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        z = x if beta == 1 else x.mul(beta)
        if beta == 1:
            y = x.logaddexp(ZERO)
        else:
            # max(x, 0) apart, since beta x may overflow.
            y = z.abs().neg_().logaddexp(ZERO).mul_(1 / beta).add_(x.relu())
        return y, lambda dy: z.sigmoid().mul_(dy)

    return activation("softplus", rule, f"{beta:g}" if beta != 1 else "")
