"""Fold calls into the product of matrices just before them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from funcdl.staging.memory import Slot
from funcdl.staging.methods import is_product
from funcdl.staging.passes.lower import in_place
from funcdl.staging.program import Program
from funcdl.staging.rows import stacked, wide
from funcdl.watching.call import Call

__all__ = ["fold_biases", "fold_factors", "fold_sums"]

Rule = Callable[[Call, Call], Sequence[Call] | None]
"""What stands for a product and the call behind it; None where both stay."""


def fold_sums(program: Program) -> Program:
    """Make dw = xᵀ dy, and db, the sum of dy, one product where x has its ones: [x 1]ᵀ dy.

    >>> import torch
    >>> from funcdl.staging.passes import fuse, lower, reuse, widen
    >>> from funcdl.staging.translate import program_of
    >>> def step(params, state, batch):
    ...     w, b = params
    ...     dy = (batch @ w + b) * 0.5
    ...     return (w - batch.mT @ dy, b - dy.sum(-2)), state
    >>> params = torch.ones(3, 2), torch.ones(2)
    >>> program = program_of(step, params, (), torch.ones(4, 3))
    >>> print(program := lower(widen(reuse(fuse(program)))))
    t1.addmm_(batch, params[0], beta=0)
    t1.add_(params[1])
    t1.mul_(0.5)
    t4.addmm_(batch.mT, t1, beta=0)
    t6.view(1, 2).addmm_(ones, t1, beta=0)
    [params[0] params[1]].sub_([t4 t6])
    >>> print(fold_sums(program))
    t1.addmm_(batch, params[0], beta=0)
    t1.add_(params[1])
    t1.mul_(0.5)
    [t4 t6].addmm_([batch 1].mT, t1, beta=0)
    [params[0] params[1]].sub_([t4 t6])
    """
    return _folded(program, _sum)


def fold_biases(program: Program) -> Program:
    """Make x w + b one product where x has its ones, [x 1] [w; b]; else one that adds to b.

    >>> import torch
    >>> from funcdl.staging.passes import lower, reuse, widen
    >>> from funcdl.staging.translate import program_of
    >>> def step(params, state, batch):
    ...     w, b = params
    ...     return params, state, batch @ w + b
    >>> params = torch.ones(3, 2), torch.ones(2)
    >>> program = reuse(program_of(step, params, (), torch.ones(4, 3)))
    >>> print(fold_biases(lower(program)))
    t1.copy_(params[1])
    t1.addmm_(batch, params[0])
    gives t1
    """
    return _folded(program, _bias)


def fold_factors(program: Program) -> Program:
    """Let a product be multiplied by a number as it is made.

    >>> import torch
    >>> from funcdl.staging.passes import lower, reuse
    >>> from funcdl.staging.translate import program_of
    >>> def step(params, state, batch):
    ...     return params, state, batch @ params * 0.5
    >>> program = reuse(program_of(step, torch.ones(3, 2), (), torch.ones(4, 3)))
    >>> print(fold_factors(lower(program)))
    t1.addmm_(batch, params, beta=0, alpha=0.5)
    gives t1
    """
    return _folded(program, _factor)


def _folded(program: Program, rule: Rule) -> Program:
    """Go over the calls, and fold each into the product before it, where a rule says how."""
    calls: list[Call] = []
    settled = 0
    for i, call in enumerate(program.calls):
        settled = len(calls) if i == program.settled else settled
        folded = rule(calls[-1], call) if calls and is_product(calls[-1]) else None
        if folded is None:
            calls.append(call)
        else:
            calls[-1:] = folded
    settled = len(calls) if program.settled == len(program.calls) else settled
    return program._replace(calls=tuple(calls), settled=settled)


def _sum(product: Call, call: Call) -> list[Call] | None:
    if not is_product(call) or not call.args[1].buffer.ones or call.kwargs != product.kwargs:
        return None
    (dw, x, dy), (db, _, same) = product.args, call.args
    both, with_ones = stacked(dw, db), wide(_transposed(x), ones=True)
    if dy != same or both is None or with_ones is None:
        return None
    return [in_place("addmm_", both, _transposed(with_ones), dy, **product.kwargs)]


def _bias(product: Call, call: Call) -> list[Call] | None:
    if not _on_the_same(product, call, "add_") or "alpha" in product.kwargs:
        return None
    (y, x, w), b = product.args, call.args[1]
    if not isinstance(b, Slot) or b.buffer.memory is y.buffer.memory:
        return None
    with_ones, both = wide(x, ones=True), stacked(w, b)
    if product.name == "addmm_" and with_ones and both:
        return [in_place("addmm_", y, with_ones, both, beta=0)]
    return [in_place("copy_", y, b), in_place(product.name, y, x, w)]


def _factor(product: Call, call: Call) -> list[Call] | None:
    factor = call.args[1] if _on_the_same(product, call, "mul_") else None
    # A product with the factor 0 is not computed at all, which 0 times infinity is not.
    if not isinstance(factor, float) or not factor:
        return None
    alpha = product.kwargs.get("alpha", 1) * factor
    return [replace(product, kwargs={**product.kwargs, "alpha": alpha})]


def _on_the_same(product: Call, call: Call, name: str) -> bool:
    """Tell whether a call is of a name, and of one argument, on what a product was written into."""
    return (
        call.name == name
        and len(call.args) == 2
        and not call.kwargs
        and call.args[0] == product.args[0]
    )


def _transposed(x: Slot) -> Slot:
    return x.seen(lambda t: t.mT)
