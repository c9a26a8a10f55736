"""An optimiser that keeps its state and moves parameters in place, by groups of them."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

from funcdl.arguments import number
from funcdl.errors import InputError, KindError
from funcdl.misuse import factory, kind_of, short
from funcdl.module.pairs import Pair, pairs_of
from funcdl.optimisers.transform import Transform, count
from funcdl.tensor import Tensor, as_dtype_of, is_half, wide

__all__ = ["Descent"]

Chain = dict[str, Transform]
"""What becomes of a gradient, step by step; the names tell whose state is whose."""

HINTS = ("foreach", "fused")
"""How PyTorch computes, which changes no number: without effect here."""


class Descent:
    """An optimiser with its state and what it updates.

    Args:
        params: a module, what its `param()` or `parameters()` lists, or groups: a list of
            dictionaries, each with such `params` and options of its own.
        options: those of all groups that have no others.

    Attributes:
        param_groups: a dictionary a group; what is written into it counts from the next step on.
        defaults: the options that a group has where it says nothing.

    >>> from funcdl import SGD, Linear
    >>> net = Linear(2, 25)
    >>> optimiser = SGD(net, lr=0.1, momentum=0.9)
    >>> optimiser.zero_grad()
    >>> optimiser.step()
    >>> optimiser.lr = optimiser.lr / 2
    >>> optimiser.param_groups[0]["lr"]
    0.05
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Refuse arguments that are missing, or too many, in the library's own words."""
        taken = signature(cls.__init__)
        try:
            taken.bind(None, *args, **kwargs)
        except TypeError as error:
            names = [p.replace(annotation=Parameter.empty) for p in taken.parameters.values()]
            shown = taken.replace(parameters=names[1:], return_annotation=Parameter.empty)
            raise KindError(f"{cls.__name__}{shown}: {error}") from None
        return super().__new__(cls)

    def __init__(self, params: Any, options: dict[str, Any]) -> None:
        self.defaults = {k: v for k, v in options.items() if k not in ("self", "params")}
        self.defaults = {k: v for k, v in self.defaults.items() if not k.startswith("_")}
        self.param_groups: list[dict[str, Any]] = []
        self._groups: list[Group] = []
        if isinstance(params, dict):
            raise KindError(f"{self._name}: expected a list of groups, got a dict: write [group]")
        if not hasattr(params, "param"):
            params = list(params) if hasattr(params, "__iter__") else params
        grouped = isinstance(params, list) and params and isinstance(params[0], dict)
        for group in params if grouped else [{"params": params}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take a group of parameters more, with options of its own."""
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise KindError(f"{self._name}: expected a dict with params, got {short(param_group)}")
        known = {**self.defaults, "params": None}
        for option in param_group:
            if option not in known:
                options = ", ".join(self.defaults)
                raise KindError(f"{self._name}: expected options {options}, got {short(option)}")
        pairs = pairs_of(self._name, param_group["params"])
        if {id(p) for p, _ in pairs} & {id(p) for p, _ in self.pairs}:
            raise InputError(f"{self._name}: expected a parameter in one group, got it in two")
        options = {**self.defaults, **param_group, "params": [p for p, _ in pairs]}
        group = Group(self._name, pairs, options, self._chain)
        self.param_groups.append(options)
        self._groups.append(group)

    def __reduce__(self) -> Any:
        return object.__new__, (type(self),), vars(self)  # __new__ asks for the arguments

    @property
    def pairs(self) -> list[Pair]:
        """All parameters with their gradients."""
        return [pair for group in self._groups for pair in group.pairs]

    @property
    def lr(self) -> float:
        """The learning rate: of the next step once it is set, else of the last one.

        It is that of the first group; set, it is that of all of them.
        """
        return self._groups[0].rate()

    @lr.setter
    def lr(self, rate: float) -> None:
        number(self._name, "lr", rate, 0)
        for group in self._groups:
            group.set_rate(rate)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter along its gradient.

        Args:
            closure: computes the gradients anew, and returns the loss, which is returned.
        """
        loss = None if closure is None else closure()
        for group in self._groups:
            group.step()
        return loss

    def zero_grad(self, set_to_none: bool = False) -> None:
        """Set every gradient to 0."""
        if set_to_none:
            raise InputError(
                f"{self._name}: expected set_to_none=False, got True: gradients stay and are "
                "filled with 0"
            )
        for group in self._groups:
            for grad in group.grads:
                grad.zero_()

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _chain(self, **options: Any) -> Chain:
        """Make the transforms of the gradient; here, where there are none."""
        return {}


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
        """Set the rate of the next steps; of one step where it is a schedule, which then goes on."""
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
