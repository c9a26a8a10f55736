"""The plan of a step: the passes that make a recorded one a flat list of calls in place."""

from __future__ import annotations

from funcdl.staging.passes import (
    bring_home,
    fold_biases,
    fold_factors,
    fold_sums,
    fuse,
    lower,
    prune,
    rename,
    reuse,
    separate,
    settle,
    share,
    span,
    stay,
    widen,
)
from funcdl.staging.program import Program

__all__ = ["PASSES", "plan"]

PASSES = (
    rename,  # of two names for the same numbers, that of a method in place
    separate,  # nothing that goes out lies where something else is carried
    prune,  # what is the same in every replay, and what nobody reads, is left out
    fuse,  # the same elementwise call on every parameter is one call on a vector of them all
    settle,  # what may fail comes first, and may not write where something is carried
    reuse,  # a result takes the place of an operand that is not read again
    widen,  # what meets a weight and its bias gets a column of ones
    lower,  # each call is written as methods that write into their tensor
    fold_sums,  # a bias's gradient is a row of its weight's
    fold_biases,  # x w + b is one product
    fold_factors,  # and so is a product times a number
    span,  # elementwise calls go over memory without gaps, the column of ones included
    bring_home,  # what is carried on is copied to where it comes in, unless it is there
    stay,  # what is copied, and not read again where it was, stays there
    share,  # what is never needed at the same time lies in the same memory
)
"""Each is a function from a program to a program."""


def plan(program: Program) -> Program:
    """Take a step's program through all passes.

    >>> import torch
    >>> from funcdl.staging.translate import program_of
    >>> def step(params, state, batch):
    ...     return params - 0.1 * params * batch, state, params.tanh()
    >>> program = program_of(step, torch.ones(3), (), torch.ones(3))
    >>> print(program)
    t1 = mul(params, 0.1)
    t2 = mul(t1, batch)
    t3 = sub(params, t2)
    t4 = tanh(params)
    params <- t3
    gives t4
    """
    for run in PASSES:
        program = run(program)
    return program
