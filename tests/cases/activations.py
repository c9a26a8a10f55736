"""Activations."""

import funcdl as f
from cases.case import Case

CASES = [
    Case(f.relu, (4, 5)),
    Case(f.tanh, (4, 5)),
    Case(f.sigmoid, (4, 5)),
    Case(f.softmax, (4, 5)),
]
