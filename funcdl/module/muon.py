"""PyTorch's Muon, which computes directions in bfloat16."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from funcdl import tree
from funcdl.arguments import flag, integer, number
from funcdl.contract import Params
from funcdl.errors import InputError, KindError, ShapeError
from funcdl.misuse import short
from funcdl.module.descent import Chain, Descent
from funcdl.module.parts import is_module
from funcdl.optimisers.optimiser import Rate
from funcdl.optimisers.simple import decay
from funcdl.optimisers.transform import Transform
from funcdl.tensor import Tensor

__all__ = ["Muon"]

FACTORS: dict[str | None, Callable[[int, int], float]] = {
    None: lambda out, into: math.sqrt(max(1.0, out / into)),
    "original": lambda out, into: math.sqrt(max(1.0, out / into)),
    "match_rms_adamw": lambda out, into: 0.2 * math.sqrt(max(out, into)),
}
"""By what a direction is multiplied, of a matrix (out, into)."""


class Muon(Descent):
    """PyTorch's `Muon`: matrices move along their momentum with all directions of equal weight.

    It takes matrices alone, as PyTorch lays them, (out, into): a module, or what its `parameters()`
    lists, or groups of them. The function `muon` computes in float32, PyTorch's class and this one
    in bfloat16. A group has its biases and tables in another optimiser.

    Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024).

    >>> from funcdl import Linear
    >>> Muon(Linear(3, 2, bias=False), 0.1).step()
    """

    def __init__(
        self,
        params: Any,
        lr: Rate = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        super().__init__(params, locals())

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take a group of matrices more, with options of its own."""
        if isinstance(param_group, dict) and "params" in param_group:
            given = param_group["params"]
            if is_module(given) and hasattr(given, "parameters"):
                given = given.parameters()
            given = list(given) if hasattr(given, "__iter__") else given
            for entry in given if isinstance(given, list) else ():
                self._expect(entry)
            param_group = {**param_group, "params": given}
        super().add_param_group(param_group)

    def _expect(self, entry: Any) -> None:
        """Refuse pairs, which lie as the layers have them, and what is no matrix."""
        first = entry[0] if isinstance(entry, tuple) and entry else None
        if isinstance(first, Tensor):
            raise KindError(
                f"{self._name}: expected a module, or what its parameters() lists, whose matrices "
                "are (out, into), got pairs, as param() lists them"
            )
        p = entry[1] if isinstance(first, str) else entry
        if isinstance(p, Tensor) and p.ndim != 2:
            raise ShapeError(
                f"{self._name}: expected matrices, got a parameter of shape {tuple(p.shape)}: give "
                "it another optimiser"
            )

    def _chain(self, **options: Any) -> Chain:
        rate = number("Muon", "weight_decay", options["weight_decay"], 0)
        chain = {"muon": _directions(**{k: options[k] for k in options if k != "weight_decay"})}
        return {**chain, "decay": decay(rate)} if rate else chain


def _directions(
    momentum: float,
    nesterov: bool,
    ns_coefficients: Any,
    eps: float,
    ns_steps: int,
    adjust_lr_fn: str | None,
) -> Transform:
    """Make the transform.

    v ← μ v + (1 − μ) g        x ← (1 − μ) g + μ v, or v        x ← x / ‖x‖
    `ns_steps` times x ← a x + (b (x xᵀ) + c (x xᵀ)²) x        u = factor x
    """
    number("Muon", "momentum", momentum, 0, 1)
    flag("Muon", "nesterov", nesterov)
    number("Muon", "eps", eps, 0)
    if integer("Muon", "ns_steps", ns_steps, 0) >= 100:
        raise InputError(f"Muon: expected ns_steps below 100, got {ns_steps}")
    if not isinstance(ns_coefficients, (tuple, list)) or len(ns_coefficients) != 3:
        raise KindError(f"Muon: expected three ns_coefficients, got {short(ns_coefficients)}")
    a, b, c = (number("Muon", "ns_coefficients", n, -math.inf) for n in ns_coefficients)
    if adjust_lr_fn not in FACTORS:
        raise InputError(
            'Muon: expected adjust_lr_fn to be "original", "match_rms_adamw" or None, '
            f"got {short(adjust_lr_fn)}"
        )
    factor = FACTORS[adjust_lr_fn]

    def direction(g: Tensor) -> Tensor:
        tall = g.shape[0] > g.shape[1]
        x = g.bfloat16()
        x = x.mT if tall else x
        x = x.div(x.norm().clamp(min=eps))
        for _ in range(ns_steps):
            square = x.matmul(x.mT)
            x = x.addmm(square.addmm(square, square, beta=b, alpha=c), x, beta=a)
        x = x.mT if tall else x
        return x.to(g.dtype).mul(factor(*g.shape))

    def update(grads: Params, state: Params, params: Params) -> tuple[Params, Params]:
        moved = tree.map(lambda v, g: v.lerp(g, 1 - momentum), state, grads)
        ahead = tree.map(lambda g, v: g.lerp(v, momentum), grads, moved) if nesterov else moved
        return tree.map(direction, ahead), moved

    return Transform(tree.zeros_like, update)
