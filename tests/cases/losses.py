"""Losses, and networks with them."""

import funcdl as f
from cases.case import NET, Case

CASES = [
    Case(f.mse(), ((4, 3), (4, 3)), over_models=f.mse(models=1)),
    Case(f.cross_entropy(), ((4, 3), (4,)), 3, f.cross_entropy(models=1)),
    Case(
        f.cross_entropy(),
        ((4, 2, 3), (4, 2)),
        3,
        f.cross_entropy(models=1),
        id="cross_entropy on two leading axes",
    ),
    Case(
        f.weighted_sum((1.0, f.cross_entropy()), (0.5, f.cross_entropy())),
        (((4, 3), (4, 2, 3)), ((4,), (4, 2))),
        3,
        f.weighted_sum((1.0, f.cross_entropy(models=1)), (0.5, f.cross_entropy(models=1))),
    ),
    Case(
        f.supervised(NET, f.mse()),
        ((4, 2), (4, 3)),
        over_models=f.supervised(NET, f.mse(models=1)),
    ),
    Case(
        f.supervised(NET, f.cross_entropy()),
        ((4, 2), (4,)),
        over_models=f.supervised(NET, f.cross_entropy(models=1)),
        id="supervised with classes",
        classes=3,
    ),
]
