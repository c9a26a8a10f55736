"""Layers on channels-last images."""

import funcdl as f
from cases.case import Case

CASES = [
    Case(f.conv2d(3, 3), (2, 6, 5, 2)),
    Case(f.conv2d(3, (2, 3), b_init=None), (2, 6, 5, 2)),
    Case(f.conv2d(2, 3, stride=2, padding=1), (2, 7, 6, 3)),
    Case(f.conv2d(4, 1), (2, 3, 3, 2)),
    Case(f.conv2d(2, 3, stride=2), (2, 2, 8, 6, 1)),
    Case(f.max_pool2d(2), (2, 6, 4, 3)),
    Case(f.max_pool2d(2), (2, 5, 7, 3), id="max_pool2d(2) with a rest"),
    Case(f.max_pool2d(3, stride=2), (2, 7, 7, 2)),
    Case(f.max_pool2d((1, 2)), (2, 4, 4, 1)),
    Case(f.max_pool2d(1), (2, 3, 3, 1)),
]
