"""Combinators."""

import funcdl as f
from cases.case import NET, Case, multiplied_by_noise, one_example, scaled, square

NET_OF_3 = f.serial(f.linear(5), f.tanh, f.linear(3))
NOISY = f.serial(f.linear(4), multiplied_by_noise, f.tanh)

CASES = [
    Case(f.serial(), (4, 5), id="serial of nothing"),
    Case(NET, (4, 2)),
    Case(f.serial(f.flatten(2), f.relu, f.linear(3), f.relu), (4, 3, 2)),
    Case(f.serial(square, f.linear(2), scaled(), f.identity), (4, 3)),
    Case(f.serial(f.conv2d(3, 3), f.max_pool2d(2), f.relu, f.flatten(3), NET), (2, 6, 6, 2)),
    Case(f.parallel(f.linear(3), f.identity, f.tanh), ((4, 2), (4, 3), (4, 1))),
    Case(f.fan_out(f.linear(3), f.identity, f.linear(2)), (4, 3)),
    Case(f.fan_out(f.unstack_along(-2), f.unstack_along(-2)), (4, 2, 3)),
    Case(f.serial(f.unstack_along(-2), f.fan_out(f.identity, f.identity)), (4, 2, 3)),
    Case(f.concat(f.linear(3), f.identity, f.tanh), (4, 2)),
    Case(f.shared(f.linear(3)), ((4, 2), (4, 2), (3, 2))),
    Case(f.shared(f.serial(f.linear(3), f.relu), axis=-2), (4, 3, 2)),
    Case(f.shared(f.serial(f.conv2d(2, 3), f.flatten(3)), axis=-4), (2, 3, 4, 4, 1)),
    Case(f.shared(f.unstack_along(-2), axis=-3), (4, 3, 2, 2)),
    Case(f.serial(f.linear(4), f.tap(f.linear(2), side=f.linear(3))), (4, 3)),
    Case(f.tap(NET), (4, 2)),
    Case(f.fan_in("sum"), ((4, 3), (4, 3), (4, 3))),
    Case(f.fan_in("product"), ((4, 3), (4, 3), (4, 3), (4, 3))),
    Case(f.fan_in("product"), ((4, 3),), id="fan_in of one"),
    Case(f.fan_in("concat"), ((4, 3), (4, 2))),
    Case(f.fan_in("concat", axis=-2), ((4, 3), (2, 3))),
    Case(f.residual(NET_OF_3), (4, 3)),
    Case(f.residual(f.parallel(f.linear(3), f.tanh)), ((4, 3), (4, 2))),
    Case(f.siamese(f.linear(3), f.serial(f.join(), f.linear(2))), ((4, 2), (4, 2))),
    Case(f.siamese(f.linear(3), f.flatten(2), axis=-2), (4, 2, 5)),
    Case(f.repeat(f.serial(f.linear(3), f.tanh), 3), (4, 2)),
    Case(f.repeat(f.linear(3), 0), (4, 2)),
    Case(f.vmap(f.linear(3), 1), (2, 4, 5), over_models=f.vmap(f.linear(3), 1, models=1)),
    Case(f.vmap(one_example, 1), (4, 5), over_models=f.vmap(one_example, 1, models=1)),
    Case(
        f.vmap(f.parallel(one_example, f.linear(2)), 1),
        ((4, 5), (4, 3)),
        over_models=f.vmap(f.parallel(one_example, f.linear(2)), 1, models=1),
    ),
    Case(f.remat(NET), (4, 2)),
    Case(f.serial(f.linear(3), f.remat(NOISY), f.linear(2)), (4, 2), random=True),
    Case(f.serial(f.freeze(f.tanh), f.linear(3)), (4, 2)),
    Case(
        f.serial(f.inference(f.serial(f.batch_norm(), f.dropout(0.5))), f.linear(3)),
        (4, 2),
        random=True,
        id="inference in training",
    ),
    Case(f.named("encoder", NET), (4, 2)),
    Case(f.debug(NET, tell=len), (4, 2)),
]
