"""A group of parameters with the options that they share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcdl.arguments import number
from funcdl.errors import InputError, KindError
from funcdl.misuse import factory, kind_of
from funcdl.module.pairs import Pair
from funcdl.optimisers.transform import Transform, count
from funcdl.tensor import Tensor, as_dtype_of, is_half, wide

__all__ = ["Chain", "Group"]

Chain = dict[str, Transform]
"""What becomes of a gradient, step by step; the names tell whose state is whose."""

HINTS = ("foreach", "fused")
"""How PyTorch computes, which changes no number: without effect here."""


class Group:
    """Parameters with options of their own, and the state of their transforms."""

    def __init__(
        self, name: str, pairs: list[Pair], options: dict[str, Any], chain: Callable[..., Chain]
    ) -> None:
        self.name, self.pairs, self.options, self.make = name, pairs, options, chain
        self.params, self.grads = tuple(p for p, _ in pairs), tuple(g for _, g in pairs)
        self.steps = 0
        self.once: float | None = None
        self.shown: Any = None
        self.rates: tuple[Any, dict[Any, Tensor]] = (None, {})
        self.state: dict[str, Any] = {}
        self.chosen: dict[str, Any] = {}
        self.chain: Chain = {}
        self.rate()
        self.settle()

    def settle(self) -> None:
        """Make the transforms that the options ask for, and keep the state of those that stay."""
        chosen = {k: v for k, v in self.options.items() if k not in ("params", "lr")}
        if chosen == self.chosen and self.chain:
            return
        for option in ("capturable", "differentiable"):
            if chosen.get(option):
                raise InputError(
                    f"{self.name}: expected {option}=False, got True: a step is computed at once, "
                    "and without a graph; funcdl.stage makes one that can be captured"
                )
        taken = {k: v for k, v in chosen.items() if k not in ("capturable", "differentiable")}
        taken = {k: v for k, v in taken.items() if k not in HINTS}
        if not isinstance(taken.pop("maximize", False), bool):
            raise KindError(f"{self.name}: expected maximize to be True or False")
        self.chain = self.make(**taken)
        self.chosen = chosen
        old = self.state
        self.state = {
            name: old[name] if name in old else transform.init(self.params)
            for name, transform in self.chain.items()
        }

    def rate(self) -> float:
        """Return the rate of the next step, or with a schedule that of the last one."""
        lr = self.options["lr"]
        if self.once is not None:
            return self.once
        if isinstance(lr, Tensor):
            if lr.numel() != 1:
                raise InputError(f"{self.name}: expected one lr, got {lr.numel()}")
            lr = float(lr)
        if not callable(lr):
            return number(self.name, "lr", lr, 0)
        if factory(lr):
            raise KindError(
                f"{self.name}: expected lr to be a number or a schedule, got {kind_of(lr)}"
            )
        return float(lr(count())) if self.shown is None else self.shown

    def set_rate(self, rate: float) -> None:
        """Set the rate of the next steps; of one step where there is a schedule."""
        if callable(self.options["lr"]):
            self.once = rate
        else:
            self.options["lr"] = rate

    def step(self) -> None:
        """Take a step."""
        self.settle()
        lr = self.options["lr"]
        if callable(lr) and self.once is None:
            self.shown = number(self.name, "the rate", float(lr(count().add(self.steps))), 0)
        rate = self.rate()
        if callable(lr):
            self.shown, self.once = rate, None
        if decay := self.options.get("lr_decay"):
            rate = rate / (1 + self.steps * number(self.name, "lr_decay", decay, 0))
        updates: Any = self.grads
        if self.options.get("maximize"):
            updates = tuple(grad.neg() for grad in updates)
        fresh = {}
        for name, transform in self.chain.items():
            updates, fresh[name] = transform.update(updates, self.state[name], self.params)
        self.state = fresh
        self.steps += 1
        if self.rates[0] != rate:
            self.rates = rate, {}
        for p, u in zip(self.params, updates):
            self._move(p, u, rate)

    def _move(self, p: Tensor, u: Tensor, rate: float) -> None:
        """Compute p − rate u, in float32 or wider, as the functions do."""
        known = self.rates[1]
        if p.dtype not in known:
            known[p.dtype] = as_dtype_of(count().add(rate), wide(p)).to(p.device)
        if is_half(p):
            p.copy_(wide(p).addcmul(wide(u), known[p.dtype], value=-1))
        else:
            p.addcmul_(u, known[p.dtype], value=-1)
