"""Bounds on the gradients of modules, in place."""

from __future__ import annotations

import math
from typing import Any

from funcdl.arguments import number
from funcdl.errors import InputError, KindError
from funcdl.misuse import short
from funcdl.module.pairs import pairs_of
from funcdl.tensor import Tensor, empty

__all__ = ["clip_grad_norm_", "clip_grad_value_"]


def clip_grad_norm_(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients down in place, where the norm of the whole is above `max_norm`.

        g ← g min(1, max_norm / (‖g‖ + 10⁻⁶)), as in PyTorch

    Args:
        parameters: a module, or what its `param()` or `parameters()` lists.
        max_norm: at least 0.
        norm_type: of the p-norm; infinity for the largest of all.
        error_if_nonfinite: whether to refuse a norm that is infinite or NaN.
        foreach: how PyTorch computes; without effect here.

    Returns:
        The norm before, without axes.

    Raises:
        InputError, KindError: an argument is out of its range, or the norm not finite.

    >>> import torch
    >>> grad = torch.tensor([3.0, 4.0])
    >>> clip_grad_norm_([(torch.zeros(2), grad)], 1.0), grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    name = "clip_grad_norm_"
    grads = _grads(name, parameters)
    number(name, "max_norm", max_norm, 0, most=math.inf)
    if isinstance(norm_type, bool) or not isinstance(norm_type, (int, float)):
        raise KindError(f"{name}: expected norm_type to be a number, got {short(norm_type)}")
    if not grads:
        return empty(()).zero_()
    norms = [_norm(grad, norm_type) for grad in grads]
    all_of_them = norms[0].new_empty(len(norms))
    for i, norm in enumerate(norms):
        all_of_them[i] = norm
    total = _norm(all_of_them, norm_type)
    if error_if_nonfinite and not total.isfinite():
        raise InputError(f"{name}: expected gradients of a finite norm, got {total.item()}")
    factor = total.add(1e-6).reciprocal().mul(max_norm).clamp(max=1.0)
    for grad in grads:
        grad.mul_(factor.to(grad))
    return total


def clip_grad_value_(parameters: Any, clip_value: float, foreach: bool | None = None) -> None:
    """Bound each number of the gradients in place: g ← min(max(g, −clip_value), clip_value).

    Args:
        parameters: a module, or what its `param()` or `parameters()` lists.
        clip_value: at least 0.
        foreach: how PyTorch computes; without effect here.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> import torch
    >>> grad = torch.tensor([-3.0, 0.5])
    >>> clip_grad_value_([(torch.zeros(2), grad)], 1.0)
    >>> grad
    tensor([-1.0000,  0.5000])
    """
    number("clip_grad_value_", "clip_value", clip_value, 0, most=math.inf)
    for grad in _grads("clip_grad_value_", parameters):
        grad.clamp_(-clip_value, clip_value)


def _norm(t: Tensor, kind: float) -> Tensor:
    found: Tensor = t.norm(kind)
    return found


def _grads(where: str, parameters: Any) -> list[Tensor]:
    """List the gradients; PyTorch's functions take one tensor too."""
    one = isinstance(parameters, Tensor)
    return [grad for _, grad in pairs_of(where, [parameters] if one else parameters)]
