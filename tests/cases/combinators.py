"""Combinators."""

import funcdl as f
from cases.case import NET, Case, scaled, square

CASES = [
    Case(f.serial(), (4, 5), id="serial of nothing"),
    Case(NET, (4, 2)),
    Case(f.serial(f.flatten(2), f.relu, f.linear(3), f.relu), (4, 3, 2)),
    Case(f.serial(square, f.linear(2), scaled(), f.identity), (4, 3)),
    Case(f.serial(f.conv2d(3, 3), f.max_pool2d(2), f.relu, f.flatten(3), NET), (2, 6, 6, 2)),
    Case(f.parallel(f.linear(3), f.identity, f.tanh), ((4, 2), (4, 3), (4, 1))),
    Case(f.fan_out(f.linear(3), f.identity, f.linear(2)), (4, 3)),
    Case(f.fan_out(f.unstack(-2), f.unstack(-2)), (4, 2, 3)),
    Case(f.serial(f.unstack(-2), f.fan_out(f.identity, f.identity)), (4, 2, 3)),
    Case(f.concat(f.linear(3), f.identity, f.tanh), (4, 2)),
    Case(f.shared(f.linear(3)), ((4, 2), (4, 2), (3, 2))),
    Case(f.shared(f.serial(f.linear(3), f.relu), axis=-2), (4, 3, 2)),
    Case(f.shared(f.serial(f.conv2d(2, 3), f.flatten(3)), axis=-4), (2, 3, 4, 4, 1)),
    Case(f.shared(f.unstack(-2), axis=-3), (4, 3, 2, 2)),
    Case(f.serial(f.linear(4), f.tap(f.linear(2), side=f.linear(3))), (4, 3)),
    Case(f.tap(NET), (4, 2)),
]
