"""Combinators."""

from __future__ import annotations

from typing import Any

from funcdl.cases.case import Case
from funcdl.cases.draws import classes
from funcdl.cases.recurrent import recurrent
from funcdl.combinators import (
    concat,
    debug,
    fan_in,
    fan_out,
    freeze,
    inference,
    lazy,
    named,
    parallel,
    remat,
    repeat,
    residual,
    scan,
    serial,
    shared,
    siamese,
    supervised,
    tap,
    vmap,
    weighted_sum,
)
from funcdl.layers import (
    batch_norm,
    conv2d,
    dropout,
    flatten,
    gru_cell,
    identity,
    join,
    linear,
    max_pool2d,
    relu,
    tanh,
    unstack_along,
)
from funcdl.losses import cross_entropy, mse

NET = serial(linear(5), tanh, linear(3))
ELMAN = serial(join(), linear(4), tanh)


def _one_more(shape: Any) -> Any:
    return linear(shape[-1] + 1)


def _elman(nnf: Any, p: Any, x: Any) -> Any:
    return _elman_from(nnf, p, (x.new_zeros(*x.shape[:-2], 4), x))


def _elman_from(nnf: Any, p: Any, x: Any) -> Any:
    (h, xs), states = x, []
    for step in xs.unbind(-2):
        h = (nnf.torch.cat([h, step], -1) @ p[1].w + p[1].b).tanh()
        states.append(h)
    return nnf.torch.stack(states, -2)


CASES = [
    Case(serial(), (4, 5), id="serial of nothing"),
    Case(NET, (4, 2)),
    Case(serial(flatten(2), relu, linear(3), relu), (4, 3, 2)),
    Case(serial(conv2d(3, 3), max_pool2d(2), relu, flatten(3), NET), (2, 6, 6, 2)),
    Case(parallel(linear(3), identity, tanh), ((4, 2), (4, 3), (4, 1))),
    Case(fan_out(linear(3), identity, linear(2)), (4, 3)),
    Case(fan_out(unstack_along(-2), unstack_along(-2)), (4, 2, 3)),
    Case(serial(unstack_along(-2), fan_out(identity, identity)), (4, 2, 3), of="fan_out"),
    Case(fan_in("sum"), ((4, 3), (4, 3), (4, 3))),
    Case(fan_in("product"), ((4, 3), (4, 3), (4, 3), (4, 3))),
    Case(fan_in("product"), ((4, 3),), id="fan_in of one"),
    Case(fan_in("concat"), ((4, 3), (4, 2))),
    Case(fan_in("concat", axis=-2), ((4, 3), (2, 3))),
    Case(concat(linear(3), identity, tanh), (4, 2)),
    Case(residual(NET), (4, 3)),
    Case(residual(parallel(linear(3), tanh)), ((4, 3), (4, 2))),
    Case(residual(NET, linear(3)), (4, 2)),
    Case(lazy(_one_more), (4, 2)),
    Case(repeat(serial(linear(3), tanh), 3), (4, 2)),
    Case(repeat(linear(3), 0), (4, 2)),
    Case(shared(linear(3)), ((4, 2), (4, 2), (3, 2))),
    Case(shared(serial(linear(3), relu), axis=-2), (4, 3, 2)),
    Case(shared(serial(conv2d(2, 3), flatten(3)), axis=-4), (2, 3, 4, 4, 1)),
    Case(shared(unstack_along(-2), axis=-3), (4, 3, 2, 2)),
    Case(siamese(linear(3), serial(join(), linear(2))), ((4, 2), (4, 2))),
    Case(siamese(linear(3), flatten(2), axis=-2), (4, 2, 5)),
    Case(scan(ELMAN, 4), (3, 6, 2), oracle=_elman),
    Case(scan(ELMAN), ((3, 4), (3, 6, 2)), oracle=_elman_from, id="scan from a state"),
    Case(scan(gru_cell(4), 4), (3, 6, 2), oracle=recurrent("gru")),
    Case(serial(scan(ELMAN, 4), scan(gru_cell(2), 2)), (2, 2, 3, 5), of="scan"),
    Case(vmap(linear(3), 1), (2, 4, 5), over_models=vmap(linear(3), 1, models=1)),
    Case(tap(NET), (4, 2)),
    Case(serial(linear(4), tap(linear(2), side=linear(3))), (4, 3), of="tap"),
    Case(serial(freeze(tanh), linear(3)), (4, 2), of="freeze"),
    Case(
        serial(inference(serial(batch_norm(), dropout(0.5))), linear(3)),
        (4, 2),
        random=True,
        of="inference",
        id="inference in training",
    ),
    Case(remat(NET), (4, 2)),
    Case(
        serial(linear(3), remat(serial(linear(4), dropout(0.5), tanh)), linear(2)),
        (4, 2),
        random=True,
        of="remat",
    ),
    Case(named("encoder", NET), (4, 2), of="named"),
    Case(debug(NET, tell=len), (4, 2)),
    Case(
        supervised(NET, mse()),
        ((4, 2), (4, 3)),
        over_models=supervised(NET, mse(models=1)),
        target=True,
    ),
    Case(
        supervised(NET, cross_entropy()),
        ((4, 2), (4,)),
        classes(3),
        over_models=supervised(NET, cross_entropy(models=1)),
        target=True,
        id="supervised with classes",
    ),
    Case(
        weighted_sum((1.0, cross_entropy()), (0.5, cross_entropy())),
        (((4, 3), (4, 2, 3)), ((4,), (4, 2))),
        classes(3),
        over_models=weighted_sum((1.0, cross_entropy(models=1)), (0.5, cross_entropy(models=1))),
        target=True,
    ),
]
