"""An optimiser that keeps its state and moves parameters in place, by groups of them."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

from funcdl.arguments import number
from funcdl.errors import InputError, KindError
from funcdl.misuse import short
from funcdl.module.group import Chain, Group
from funcdl.module.pairs import Pair, pairs_of

__all__ = ["Chain", "Descent"]


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
                said = ", ".join(self.defaults)
                raise KindError(f"{self._name}: expected options {said}, got {short(option)}")
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
        """The learning rate of the next step once it is set, and else of the last one.

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
