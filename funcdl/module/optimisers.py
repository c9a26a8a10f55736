"""PyTorch's optimisers by name, with its arguments, in its order and with its defaults.

What they compute is made of the transforms that the functions of `funcdl.optimisers` are made of.
`foreach` and `fused` say how PyTorch computes and have no effect; `capturable` and `differentiable`
are refused.
"""

from __future__ import annotations

from typing import Any

from funcdl.arguments import number
from funcdl.errors import InputError
from funcdl.module.descent import Chain, Descent
from funcdl.optimisers.adaptive import scale_by_adagrad, scale_by_rms
from funcdl.optimisers.kin import scale_by_adadelta, scale_by_adamax, scale_by_nadam
from funcdl.optimisers.moments import scale_by_adam, scale_by_radam, sign_of_momentum
from funcdl.optimisers.optimiser import Rate
from funcdl.optimisers.simple import decay
from funcdl.optimisers.simple import momentum as heavy
from funcdl.optimisers.transform import Transform

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "NAdam",
    "RAdam",
    "RMSprop",
]

Betas = tuple[float, float]


class SGD(Descent):
    """Stochastic gradient descent: `sgd`, and with `dampening` a velocity that grows more slowly.

    v ← momentum v + (1 − dampening) g after the first step, in which v ← g.
    """

    def __init__(
        self,
        params: Any,
        lr: Rate = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, locals())

    def _chain(self, **options: Any) -> Chain:
        rate, damping = options["momentum"], options["dampening"]
        number("SGD", "momentum", rate, 0, 1)
        number("SGD", "dampening", damping, 0)
        if options["nesterov"] and (not rate or damping):
            raise InputError("SGD: expected momentum and no dampening with nesterov")
        chain = _decayed("SGD", options)
        if rate and damping:
            chain["damped"] = heavy(rate, dampening=damping)
        elif rate:
            chain["momentum"] = heavy(rate, nesterov=options["nesterov"])
        return chain


class Adam(Descent):
    """`adam`; weight decay is coupled, through the gradient: decoupled it is in `AdamW`."""

    def __init__(
        self,
        params: Any,
        lr: Rate = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        super().__init__(params, locals())

    def _chain(self, **options: Any) -> Chain:
        chosen = {k: options[k] for k in ("eps", "amsgrad")}
        scaled = scale_by_adam(betas=_pair(options["betas"]), **chosen)
        return _around(self._name, options, options["decoupled_weight_decay"], adam=scaled)


class AdamW(Descent):
    """`adamw`: Adam with decoupled weight decay."""

    def __init__(
        self,
        params: Any,
        lr: Rate = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, locals())

    def _chain(self, **options: Any) -> Chain:
        chosen = {k: options[k] for k in ("eps", "amsgrad")}
        scaled = scale_by_adam(betas=_pair(options["betas"]), **chosen)
        return _around(self._name, options, True, adam=scaled)


class RAdam(Descent):
    """`radam`; weight decay is coupled, through the gradient, unless it is said to be decoupled."""

    def __init__(
        self,
        params: Any,
        lr: Rate = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, locals())

    def _chain(self, **options: Any) -> Chain:
        scaled = scale_by_radam(betas=_pair(options["betas"]), eps=options["eps"])
        return _around(self._name, options, options["decoupled_weight_decay"], radam=scaled)


class RMSprop(Descent):
    """`rmsprop`."""

    def __init__(
        self,
        params: Any,
        lr: Rate = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, locals())

    def _chain(self, **options: Any) -> Chain:
        number("RMSprop", "alpha", options["alpha"], 0, 1)
        number("RMSprop", "momentum", options["momentum"], 0, 1)
        chain = _decayed("RMSprop", options)
        centred = bool(options["centered"])
        chain[f"rms{centred}"] = scale_by_rms(options["alpha"], eps=options["eps"], centred=centred)
        if options["momentum"]:
            chain["momentum"] = heavy(options["momentum"])
        return chain


class Adagrad(Descent):
    """`adagrad`; with `lr_decay`, the rate is lr / (1 + lr_decay t) after t steps."""

    def __init__(
        self,
        params: Any,
        lr: Rate = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, locals())

    def _chain(self, **options: Any) -> Chain:
        number("Adagrad", "lr_decay", options["lr_decay"], 0)
        start = number(
            "Adagrad", "initial_accumulator_value", options["initial_accumulator_value"], 0
        )
        scaled = scale_by_adagrad(eps=options["eps"], start=start)
        return {**_decayed("Adagrad", options), "adagrad": scaled}


class Adadelta(Descent):
    """`adadelta`; `rho` is the rate of its moving means."""

    def __init__(
        self,
        params: Any,
        lr: Rate = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, locals())

    def _chain(self, **options: Any) -> Chain:
        rate = number("Adadelta", "rho", options["rho"], 0, 1)
        scaled = scale_by_adadelta(rate, eps=options["eps"])
        return {**_decayed("Adadelta", options), "adadelta": scaled}


class Adamax(Descent):
    """`adamax`; weight decay is coupled, through the gradient."""

    def __init__(
        self,
        params: Any,
        lr: Rate = 2e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(params, locals())

    def _chain(self, **options: Any) -> Chain:
        scaled = scale_by_adamax(betas=_pair(options["betas"]), eps=options["eps"])
        return _around(self._name, options, False, adamax=scaled)


class NAdam(Descent):
    """`nadam`; weight decay is coupled, through the gradient, unless it is said to be decoupled."""

    def __init__(
        self,
        params: Any,
        lr: Rate = 2e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, locals())

    def _chain(self, **options: Any) -> Chain:
        number("NAdam", "momentum_decay", options["momentum_decay"], 0)
        scaled = scale_by_nadam(
            betas=_pair(options["betas"]), eps=options["eps"], warming=options["momentum_decay"]
        )
        return _around(self._name, options, options["decoupled_weight_decay"], nadam=scaled)


class Lion(Descent):
    """`lion`, which PyTorch has not: its weight decay is decoupled."""

    def __init__(
        self,
        params: Any,
        lr: Rate = 1e-4,
        betas: Betas = (0.9, 0.99),
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, locals())

    def _chain(self, **options: Any) -> Chain:
        signs = sign_of_momentum(betas=_pair(options["betas"]))
        return _around(self._name, options, True, lion=signs)


def _pair(betas: Any) -> Any:
    return tuple(betas) if isinstance(betas, list) else betas


def _decayed(name: str, options: dict[str, Any]) -> Chain:
    rate = number(name, "weight_decay", options["weight_decay"], 0)
    return {"decay": decay(rate)} if rate else {}


def _around(name: str, options: dict[str, Any], decoupled: bool, **scaled: Transform) -> Chain:
    """Put weight decay before what scales the gradient, or behind it, where it is decoupled."""
    decayed = _decayed(name, options)
    return {**scaled, **decayed} if decoupled else {**decayed, **scaled}
