"""Layers that move numbers."""

import funcdl as f
from cases.case import Case

CASES = [
    Case(f.identity, (4, 5)),
    Case(f.flatten(3), (2, 3, 4, 5)),
    Case(f.flatten(1), (2, 3)),
    Case(f.expand_dims(-1), (2, 3)),
    Case(f.expand_dims(-2), (2, 3)),
    Case(f.channels_last, (2, 3, 4, 5)),
    Case(f.reshape((2, -1)), (3, 4)),
    Case(f.reshape((6,), 2), (4, 2, 3)),
    Case(f.reshape((), 1), (4, 1)),
    Case(f.transpose(), (4, 2, 3)),
    Case(f.select(-2, -1), (4, 5, 3)),
    Case(f.select(-1, 2), (4, 3)),
    Case(f.transpose(-3, -1), (4, 2, 3, 5)),
    Case(f.unstack_along(-2), (4, 2, 3)),
    Case(f.stack_along(-2), ((4, 3), (4, 3))),
    Case(f.join(), ((4, 3), (4, 2))),
    Case(f.join(-2), ((4, 3, 2), (4, 1, 2), (4, 2, 2))),
]
