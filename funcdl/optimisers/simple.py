"""Transforms that add something: the velocity so far, or the parameters themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from funcdl import tree
from funcdl.arguments import each_number, number
from funcdl.contract import Params
from funcdl.errors import InputError, KindError
from funcdl.optimisers.rates import Each, added, fitted
from funcdl.optimisers.transform import Transform, count, wide_zeros
from funcdl.tensor import Tensor, as_dtype_of, wide

__all__ = ["decay", "momentum"]


class Damped(NamedTuple):
    """Whether there was a step (1) or not (0), and the velocity."""

    begun: Tensor
    velocity: Params


def momentum(rate: Each, *, nesterov: bool = False, dampening: float = 0.0) -> Transform:
    """Go on in the direction so far.

        v ← rate v + g        u = v

    With `nesterov`, u = g + rate v: a look ahead along the velocity. With `dampening`, all
    gradients but the first go into it with the factor 1 − dampening.

    Args:
        rate: in [0, 1); one, or (*models,).
        nesterov: whether to look ahead.
        dampening: at least 0, and 0 with `nesterov`.

    Raises:
        InputError, KindError: an argument is out of its range, or `rate` 0 with `nesterov`.

    Polyak, "Some methods of speeding up the convergence of iteration methods" (1964); Nesterov's:
    Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep
    learning" (2013).

    >>> import torch
    >>> heavy = momentum(0.9)
    >>> grads = (torch.tensor([1.0]),)
    >>> _, velocity = heavy.update(grads, heavy.init(grads), grads)
    >>> heavy.update(grads, velocity, grads)[0]
    (tensor([1.9000]),)
    """
    each_number("momentum", "rate", rate, 0, 1)
    if nesterov and not isinstance(rate, Tensor) and not rate:
        raise InputError("momentum: expected rate above 0 with nesterov, got 0")
    if number("momentum", "dampening", dampening, 0) and nesterov:
        raise InputError(f"momentum: expected no dampening with nesterov, got {dampening}")

    def slowed(v: Tensor) -> Tensor:
        if not isinstance(rate, Tensor):
            return v.mul(rate)
        return v.mul(as_dtype_of(fitted(rate, v, "momentum", "rate"), v))

    def update(grads: Params, velocity: Params, params: Params) -> tuple[Params, Params]:
        velocity = tree.map(lambda v, g: slowed(v).add_(g), velocity, grads)
        if nesterov:
            ahead = tree.map(
                lambda v, g: added(wide(g), v, rate, "momentum", "rate"), velocity, grads
            )
            return tree.map(as_dtype_of, ahead, grads), velocity
        return tree.map(as_dtype_of, velocity, grads), velocity

    def damped(grads: Params, state: Damped, params: Params) -> tuple[Params, Damped]:
        begun, velocity = state
        share = 1 - begun * dampening

        def faster(v: Tensor, g: Tensor) -> Tensor:
            return slowed(v).addcmul_(wide(g), as_dtype_of(share, v))

        velocity = tree.map(faster, velocity, grads)
        updates = tree.map(as_dtype_of, velocity, grads)
        return updates, Damped(begun.clamp_min(1.0), velocity)

    if dampening:
        return Transform(lambda params: Damped(count(params), wide_zeros(params)), damped)
    return Transform(wide_zeros, update)


def decay(rate: Each, *, where: Callable[[str], bool] | None = None) -> Transform:
    """Pull parameters towards 0.

        u = g + rate p

    First in a chain it adds the gradient of (rate / 2) ‖p‖². Last in the chain, behind what
    rescales the gradient, it is decoupled weight decay.

    Args:
        rate: at least 0; one, or (*models,).
        where: tells from a path, as `tree.paths` spells it, whether the parameter decays; all do
            without it.

    Raises:
        InputError, KindError: an argument is out of its range.

    Krogh and Hertz, "A simple weight decay can improve generalization" (1991); decoupled:
    Loshchilov and Hutter, "Decoupled weight decay regularization" (2019).

    >>> import torch
    >>> from funcdl import Affine
    >>> params = Affine(torch.tensor([2.0]), torch.tensor([2.0]))
    >>> weights = decay(0.1, where=lambda path: path.endswith(".w"))
    >>> weights.update(tree.zeros_like(params), (), params)[0]
    Affine(w=tensor([0.2000]), b=tensor([0.]))
    """
    each_number("decay", "rate", rate, 0)
    if where is not None and not callable(where):
        raise KindError(f"decay: expected where to be a function of a path, got {where!r}")

    def update(grads: Params, state: Any, params: Params) -> tuple[Params, Any]:
        def pulled(p: Tensor, g: Tensor) -> Tensor:
            return added(g, p, rate, "decay", "rate")

        if where is None:
            return tree.map(pulled, params, grads), state
        chosen = iter([where(path) for path in tree.paths(params)])
        return tree.map(lambda p, g: pulled(p, g) if next(chosen) else g, params, grads), state

    return Transform(lambda params: (), update)
