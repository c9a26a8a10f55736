"""The optimisers on lists of (parameter, gradient) pairs, which they update in place."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import signature
from typing import Any

from funcdl.arguments import number
from funcdl.errors import KindError
from funcdl.module.named import shown
from funcdl.optimisers import adagrad, adam, adamw, lion, radam, rmsprop, sgd
from funcdl.tensor import Tensor

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Lion", "RAdam", "RMSprop"]


class Descent:
    """An optimiser with its state and what it updates.

    Args:
        params: what `param()` returns.
        args, kwargs: those of the optimiser: the learning rate, or a schedule, first.

    >>> from funcdl import SGD, Linear
    >>> net = Linear(2, 25)
    >>> optimiser = SGD(net.param(), lr=0.1, momentum=0.9)
    >>> optimiser.zero_grad()
    >>> optimiser.step()
    >>> optimiser.lr = optimiser.lr / 2
    """

    factory: Any

    def __init_subclass__(cls, of: Any = None) -> None:
        if of is not None:
            cls.factory = staticmethod(of)
            call = f"{cls.__name__}(params, {shown(of)[1:]}"
            cls.__doc__ = f"`{of.__name__}` on the pairs that `param()` lists: {call}."

    def __init__(self, params: Iterable[tuple[Tensor, Tensor]], *args: Any, **kwargs: Any) -> None:
        try:
            signature(self.factory).bind(*args, **kwargs)
        except TypeError as error:
            raise KindError(f"{type(self).__name__}{shown(self.factory)}: {error}") from None
        self.pairs = list(params)
        self._optimiser = self.factory(*args, **kwargs)
        self._state = self._optimiser.init(tuple(p for p, _ in self.pairs))

    @property
    def lr(self) -> float:
        """The learning rate: of the next step once it is set, else of the last one."""
        return float(self._state.lr)

    @lr.setter
    def lr(self, rate: float) -> None:
        number(type(self).__name__, "lr", rate, 0)
        fresh = self._state.lr.new_full((), rate)
        self._state = self._state._replace(lr=fresh)

    def step(self) -> None:
        """Move every parameter along its gradient."""
        params, grads = tuple(p for p, _ in self.pairs), tuple(g for _, g in self.pairs)
        moved, self._state = self._optimiser.update(params, grads, self._state)
        for p, new in zip(params, moved):
            p.copy_(new)

    def zero_grad(self) -> None:
        """Set every gradient to 0."""
        for _, grad in self.pairs:
            grad.zero_()


class Adagrad(Descent, of=adagrad): ...


class Adam(Descent, of=adam): ...


class AdamW(Descent, of=adamw): ...


class Lion(Descent, of=lion): ...


class RAdam(Descent, of=radam): ...


class RMSprop(Descent, of=rmsprop): ...


class SGD(Descent, of=sgd): ...
