"""Fully connected layers."""

from torch.nn import functional as nnf

import funcdl as f
from cases.case import Case

CASES = [
    Case(f.linear(3), (4, 5), oracle=lambda p, x: nnf.linear(x, p.w.T, p.b)),
    Case(f.linear(3, b_init=None), (4, 5), id="linear(3) without bias"),
    Case(f.linear(3), (2, 4, 5), id="linear(3) on two leading axes"),
    Case(f.linear(1), (1, 1)),
    Case(
        f.maxout(3, 2),
        (4, 5),
        oracle=lambda p, x: (x @ p.w + p.b).unflatten(-1, (3, 2)).amax(-1),
    ),
    Case(f.maxout(2, 3, b_init=None), (2, 4, 5)),
    Case(f.scale(), (4, 5), oracle=lambda p, x: x * p.scale),
    Case(f.scale(), (2, 4, 5), id="scale on two leading axes"),
    Case(f.bias(), (4, 5), oracle=lambda p, x: x + p.b),
    Case(f.bias(), (2, 4, 5), id="bias on two leading axes"),
]
