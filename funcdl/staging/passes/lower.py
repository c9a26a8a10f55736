"""Write each call with methods that write into their tensor."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

from funcdl.ops.choose import BITS
from funcdl.staging.memory import Buffer, Slot, laid
from funcdl.staging.methods import COPIES, ELEMENTWISE, RESHAPES
from funcdl.staging.program import Program
from funcdl.watching.call import Call

__all__ = ["in_place", "lower", "methods"]

# What a choice between numbers and 0 is called, in a place of its own and in that of the numbers.
CHOICES = ("choice", "choice_")
# So many rows are summed by a product with ones: one call, but each number goes through one long
# sum. Of 128 equal float32 numbers it has 6 times the error of torch's sum, of 256 it has 16 times.
MOST_ROWS = 128

PRODUCTS = {"matmul", "mm", "bmm"}


def lower(program: Program) -> Program:
    """Write calls that give new tensors as methods in place of those.

    What has no such method stays as it is: it is done as it was recorded, and copied.

    >>> import torch
    >>> from funcdl.staging.translate import program_of
    >>> def step(params, state, batch):
    ...     dy = (batch @ params).tanh()
    ...     return params - batch.mT @ dy, state, dy.sum(-2), dy.sum()
    >>> program = program_of(step, torch.ones(3, 2), (), torch.ones(4, 3))
    >>> print(program)
    t1 = matmul(batch, params)
    t2 = tanh(t1)
    t3 = matmul(batch.mT, t2)
    t4 = sub(params, t3)
    t5 = sum(t2, -2)
    t6 = sum(t2)
    params <- t4
    gives t5, t6
    >>> print(lower(program))
    t1.addmm_(batch, params, beta=0)
    t2.copy_(t1)
    t2.tanh_()
    t3.addmm_(batch.mT, t2, beta=0)
    t4.copy_(params)
    t4.sub_(t3)
    t5.view(1, 2).addmm_(ones, t2, beta=0)
    t6 = sum(t2)
    params <- t4
    gives t5, t6
    """
    calls: list[Call] = []
    settled = 0
    for i, call in enumerate(program.calls):
        settled = len(calls) if i == program.settled else settled
        calls += methods(call)
    settled = len(calls) if program.settled == len(program.calls) else settled
    return program._replace(calls=tuple(calls), settled=settled)


def methods(call: Call) -> list[Call]:
    """Write one call; one in place already stays as it is."""
    name, args, kwargs = call.name, call.args, call.kwargs
    first = args[0] if args and isinstance(args[0], Slot) else None
    if name == "clone_":
        return []  # the copy took the place of what it was made of
    if name in CHOICES and first is not None:
        # As `only` chooses among many: with the bits as whole numbers.
        out = call.outs[0]
        bits = out.seen(lambda t: t.view(BITS[out.dtype.itemsize]))
        own = [in_place("copy_", out, first)] if call.fresh else []
        return [*own, in_place("mul_", bits, args[1])]
    if not call.fresh:
        return [call]
    out = call.outs[0]
    if name in ("new_empty", "empty_like"):
        return []
    if name in ("new_zeros", "zeros_like"):
        return [in_place("zero_", out)]
    if name in ("new_ones", "ones_like"):
        return [in_place("fill_", out, 1)]
    if first is None or len(call.outs) != 1:
        return [call]
    if name in COPIES:
        return [in_place("copy_", out, first)]
    if name in RESHAPES and (flat := _unflattened(out, first)) is not None:
        return [in_place("copy_", flat, first)]
    if name in PRODUCTS and not kwargs and (product := _product(out, *args)):
        return [product]
    if name == "sum" and args[1:] == (-2,) and not kwargs and (product := _sum(out, first)):
        return [product]
    if name in ELEMENTWISE and first.dtype == out.dtype:
        return [in_place("copy_", out, first), in_place(f"{name}_", out, *args[1:], **kwargs)]
    return [call]


def in_place(name: str, target: Slot, *args: Any, **kwargs: Any) -> Call:
    """Make the call of a method that writes into its tensor."""
    return Call(name, partial(_method, name), (target, *args), kwargs, (target,), False)


def _method(name: str, target: Any, *args: Any, **kwargs: Any) -> Any:
    return getattr(target, name)(*args, **kwargs)


def _unflattened(out: Slot, first: Slot) -> Slot | None:
    """View the memory of a reshaped copy in the shape before; None where no view can be had."""
    try:
        return out.seen(lambda t: t.view(first.shape))
    except RuntimeError:
        return None


def _product(out: Slot, x: Slot, w: Slot) -> Call | None:
    """Write a product of matrices, or of stacks of them, into `out`."""
    if x.ndim == w.ndim == 2:
        return in_place("addmm_", out, x, w, beta=0)
    if x.ndim == w.ndim == 3 and x.shape[0] == w.shape[0]:
        return in_place("baddbmm_", out, x, w, beta=0)
    return None


def _sum(out: Slot, x: Slot) -> Call | None:
    """Write the sum of a few rows as a product with ones."""
    few = x.ndim in (2, 3) and x.shape[-2] <= MOST_ROWS and x.dtype.itemsize > 2
    if not few or not x.dtype.is_floating_point:
        return None
    shape = (*x.shape[:-2], 1, x.shape[-2])
    ones = Buffer("ones", shape, x.buffer.memory.new_ones(prod(shape)), ones=True)
    row = Slot(ones, shape, laid(shape), 0, x.dtype)
    return _product(out.seen(lambda t: t.unsqueeze(-2)), row, x)
