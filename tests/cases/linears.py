"""Fully connected layers."""

import funcdl as f
from cases.case import Case

CASES = [
    Case(f.linear(3), (4, 5)),
    Case(f.linear(3, b_init=None), (4, 5), id="linear(3) without bias"),
    Case(f.linear(3), (2, 4, 5), id="linear(3) on two leading axes"),
    Case(f.linear(1), (1, 1)),
]
