"""What combinators say, and the place that they put before what their parts say."""

import pytest
import torch
from helpers import said, seeded

import funcdl as f

W = f.Affine(torch.ones(3, 2), ())
NET = f.serial(f.conv2d(4, 3), f.flatten(3), f.linear(2))
NET_PARAMS, _ = NET.init(seeded(), (5, 5, 2))
ROWS = f.serial(f.relu, f.flatten(1), f.linear(2))
ROWS_PARAMS, _ = ROWS.init(seeded(), (196,))


def weights():
    return f.Recurrent(
        f.Affine(torch.ones(2, 9), torch.ones(9)), f.Affine(torch.ones(3, 9), torch.ones(9))
    )


def listing(params, x):
    return [x], lambda dy: ((), dy)


def listing_inside(params, x):
    return (x, [x]), lambda dy: ((), dy)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: f.chain(f.clip(1), f.sgd(1)), f.KindError, "chain[1]: expected a transform, got Optimiser"),
        (lambda: f.debug(f.relu, "out"), f.KindError, "debug: expected tell to be a function, got str"),
        (lambda: f.fan_in("sum").init(seeded(), ((2,), (1,))), f.ShapeError, "fan_in: expected x[1] (2,), got (1,)"),
        (lambda: f.fan_in("product").init(seeded(), (2,)), f.ShapeError, "fan_in: expected x to be a tuple of shapes, got (2,)"),
        (lambda: f.fan_in()((), torch.ones(2)), f.KindError, "fan_in: expected x to be a tuple of tensors, got Tensor"),
        (lambda: f.fan_in()((), (torch.ones(2), torch.ones(2).double())), f.KindError, "fan_in: expected x[1] to be torch.float32 as x[0] is, got torch.float64"),
        (lambda: f.fan_in("mean"), f.InputError, 'fan_in: expected "sum", "product" or "concat", got \'mean\''),
        (lambda: f.fan_out(f.relu, f.unstack_along(-2)).init(seeded(), (3,)), f.ShapeError, "fan_out[1] unstack_along: expected x (…, count, features), got (3,)"),
        (lambda: f.fan_out(f.relu, f.relu)(((), ()), torch.ones(3))[1]((None, torch.ones(4))), f.ShapeError, "fan_out: expected dy of shape ((3,), (3,)) as y is, got (None, (4,))"),
        (lambda: f.fan_out(), f.InputError, "fan_out: expected at least one layer, got none"),
        (lambda: f.freeze(f.relu, 3), f.KindError, "freeze: expected paths such as '[0].w', got 3"),
        (lambda: f.freeze(f.linear(2), ".v").init(seeded(), (3,)), f.InputError, "freeze: expected a path of the parameters, .w, .b, got '.v'"),
        (lambda: f.named("", f.relu), f.KindError, "named: expected a name, got ''"),
        (lambda: f.parallel(f.relu).init(seeded(), ((1,), (2,))), f.ShapeError, "parallel: expected x to have 1 entry, got 2"),
        (lambda: f.parallel(f.relu, f.relu).init(seeded(), (3, 4)), f.ShapeError, "parallel: expected x to be a tuple of shapes, got (3, 4)"),
        (lambda: f.parallel(f.relu, f.linear(2))(((), W), (torch.ones(3), torch.ones(4))), f.ShapeError, "parallel[1] linear: expected x (…, 3), got (4,)"),
        (lambda: f.parallel(f.relu)(((),), torch.ones(2)), f.KindError, "parallel: expected x to be a tuple of inputs, got Tensor"),
        (lambda: f.repeat(f.flatten(2), 2).init(seeded(), (2, 2)), f.ShapeError, "repeat[1] flatten: expected x (…, axis, axis), got (4,)"),
        (lambda: f.repeat(f.relu, -1), f.InputError, "repeat: expected times to be at least 0, got -1"),
        (lambda: f.residual(f.linear(3)).init(seeded(), (2,)), f.ShapeError, "residual: expected linear to keep the shape (2,), got (3,)"),
        (lambda: f.residual(f.flatten(3)).init(seeded(), (2, 2)), f.ShapeError, "residual flatten: expected x (…, axis, axis, axis), got (2, 2)"),
        (lambda: f.residual(f.linear(2))(W, torch.ones(4)), f.ShapeError, "residual linear: expected x (…, 3), got (4,)"),
        (lambda: f.scan(f.gru_cell(3), 4).init(seeded(), (5, 2)), f.ShapeError, "scan gru_cell: expected h (…, 3), got (4,)"),
        (lambda: f.scan(f.serial(f.join(), f.linear(2)), 3).init(seeded(), (5, 2)), f.ShapeError, "scan serial: expected h to keep its shape (3,), got (2,)"),
        (lambda: f.scan(f.serial(f.join(), f.relu), 3)(((), ()), torch.ones(4, 5, 2)), f.ShapeError, "scan[0] serial: expected h to keep its shape (4, 3), got (4, 5)"),
        (lambda: f.scan(f.gru_cell(3))(weights(), torch.ones(4, 5, 2)), f.KindError, "scan: expected a pair (h, x), got Tensor"),
        (lambda: f.scan(f.gru_cell(3)).init(seeded(), (5, 2)), f.ShapeError, "scan: expected a pair (h, x) of shapes, got (5, 2)"),
        (lambda: f.scan(f.gru_cell(3), 0), f.InputError, "scan: expected hidden to be at least 1, got 0"),
        (lambda: f.scan(3, 1), f.KindError, "scan[0] layer: expected a function (params, x) -> (y, vjp), got int"),
        (lambda: f.scan(f.gru_cell(3), 3)(weights(), torch.ones(4, 5, 7)), f.ShapeError, "scan[0] gru_cell: expected x (4, 2), got (4, 7)"),
        (lambda: f.serial(f.relu, f.linear(2), f.max_pool2d(2)).init(seeded(), (7,)), f.ShapeError, "serial[2] max_pool2d: expected x (…, height ≥ 2, width ≥ 2, channels), got (2,)"),
        (lambda: f.serial(f.parallel(f.relu, f.flatten(3))).init(seeded(), ((1,), (2, 2))), f.ShapeError, "serial[0] parallel[1] flatten: expected x (…, axis, axis, axis), got (2, 2)"),
        (lambda: f.serial(f.named("head", f.flatten(2))).init(seeded(), (2,)), f.ShapeError, "serial[0] head: flatten: expected x (…, axis, axis), got (2,)"),
        (lambda: f.serial(listing)(((),), torch.ones(2)), f.KindError, "serial[0] listing: expected a tensor or a tuple of tensors, got list"),
        (lambda: f.serial(listing_inside)(((),), torch.ones(2)), f.KindError, "serial[0] listing_inside: expected a tensor or a tuple of tensors, got list"),
        (lambda: f.serial(lambda params, x: f.linear(2)(params, x)).init(seeded(), (3,)), f.KindError, "serial[0] linear: expected params Affine(w, b), got ()"),
        (lambda: f.serial(f.relu, 3), f.KindError, "serial[1] layer: expected a function (params, x) -> (y, vjp), got int"),
        (lambda: ROWS(ROWS_PARAMS, torch.zeros(32, 14, 14)), f.ShapeError, "serial[2] linear: expected x (…, 196), got (32, 14, 14)"),
        (lambda: NET(NET_PARAMS, torch.zeros(5, 5, 3)), f.ShapeError, "serial[0] conv2d: expected x (…, height ≥ 3, width ≥ 3, 2), got (5, 5, 3)"),
        (lambda: NET(NET_PARAMS, torch.zeros(5, 5, 2).double()), f.KindError, "serial[0] conv2d: expected x to be torch.float32 as w is, got torch.float64"),
        (lambda: NET(NET_PARAMS[:2], torch.zeros(5, 5, 2)), f.ShapeError, "serial: expected params to have 3 entries, got 2"),
        (lambda: NET(3, torch.zeros(5, 5, 2)), f.KindError, "serial: expected params to be a tuple of entries, got int"),
        (lambda: f.shared(f.linear(2)).init(seeded(), ((3,), (4,))), f.ShapeError, "shared linear: expected inputs that fit the same parameters, got (3,) and (4,)"),
        (lambda: f.shared(f.relu).init(seeded(), (3,)), f.ShapeError, "shared: expected x to be a tuple of shapes, got (3,)"),
        (lambda: f.shared(f.relu, axis=-2).init(seeded(), (3,)), f.ShapeError, "shared: expected x (…, inputs, features), got (3,)"),
        (lambda: f.shared(f.relu)((), torch.ones(3)), f.KindError, "shared: expected x to be a tuple of inputs, got Tensor"),
        (lambda: f.shared(f.relu, axis=-2)((), torch.ones(3)), f.ShapeError, "shared: expected x (…, inputs, features), got (3,)"),
        (lambda: f.shared(f.relu)((), ()), f.ShapeError, "shared: expected x to have at least 1 entry, got none"),
        (lambda: f.shared(f.linear(2))(W, (torch.ones(4),)), f.ShapeError, "shared linear: expected x (…, 3), got (4,)"),
        (lambda: f.shared(f.linear(2), axis=-2)(W, torch.ones(2, 4)), f.ShapeError, "shared linear: expected x (…, 3), got (2, 4)"),
        (lambda: f.shared(f.relu, axis=1), f.InputError, "shared: expected a negative axis, counted from the end, got 1: layers leave leading axes to batches and models"),
        (lambda: f.shared(f.relu, axis="x"), f.KindError, "shared: expected axis to be an integer, got 'x'"),
        (lambda: f.siamese(f.flatten(2), f.join()).init(seeded(), ((2, 2), (2,))), f.ShapeError, "siamese[0] shared flatten: expected x (…, axis, axis), got (2,)"),
        (lambda: f.supervised(f.relu, f.mse()).init(seeded(), (3, 3)), f.ShapeError, "supervised: expected a pair (x, target) of shapes, got (3, 3)"),
        (lambda: f.supervised(f.linear(2), f.mse()).init(seeded(), ((3,), (3,))), f.ShapeError, "supervised loss: mse: expected target (2,), got (3,)"),
        (lambda: f.supervised(f.relu, f.mse())(((), ()), torch.ones(2)), f.KindError, "supervised: expected a pair (x, target), got Tensor"),
        (lambda: f.vmap(f.flatten(2), 1).init(seeded(), (3, 2)), f.ShapeError, "vmap flatten: expected x (…, axis, axis), got (2,)"),
        (lambda: f.vmap(f.relu, 2).init(seeded(), (3,)), f.ShapeError, "vmap: expected at least 2 axes, got (3,)"),
        (lambda: f.vmap(f.join(), 1).init(seeded(), ((3, 2), (4, 2))), f.ShapeError, "vmap: expected the same leading axes, got ((3, 2), (4, 2))"),
        (lambda: f.vmap(f.linear(2), 1, models=2)(f.Affine(torch.ones(3, 2, 4, 2), ()), torch.ones(2, 3, 4)), f.ShapeError, "vmap: expected parameters that begin with (2, 3) as x does, got (3, 2, 4, 2)"),
        (lambda: f.vmap(f.linear(2), 1)(W, torch.ones(2, 4)), f.ShapeError, "vmap[0] linear: expected x (…, 3), got (4,)"),
        (lambda: f.vmap(f.linear(2), 1, models=1)(3.0, torch.ones(2, 3)), f.KindError, "vmap: expected params of tensors, got float"),
        (lambda: f.vmap(f.relu, -1), f.InputError, "vmap: expected ndim to be at least 0, got -1"),
        (lambda: f.vmap(f.relu, 1)((), torch.zeros(0, 3)), f.InputError, "vmap: expected at least one example, got (0, 3)"),
        (lambda: f.vmap(f.relu, 1)((), None), f.KindError, "vmap: expected a tensor or a tuple of tensors, got NoneType"),
        (lambda: f.weighted_sum((1, f.mse()), (1, f.mse(models=1))).init(seeded(), (((2, 3), (2, 3)),) * 2), f.ShapeError, "weighted_sum: expected losses of one shape, got () and (2,)"),
        (lambda: f.weighted_sum((1.0, f.mse()), (1.0, f.mse(models=1)))((), ((torch.ones(2, 3),) * 2, (torch.ones(2, 3),) * 2)), f.ShapeError, "weighted_sum: expected losses of one shape, got () and (2,)"),
        (lambda: f.weighted_sum(), f.InputError, "weighted_sum: expected at least one pair (weight, loss), got none"),
        (lambda: f.weighted_sum((-1.0, f.mse())), f.InputError, "weighted_sum[0]: expected the weight to be at least 0, got -1.0"),
        (lambda: f.weighted_sum((1.0, f.mse()))((), torch.ones(2)), f.KindError, "weighted_sum: expected a pair (the outputs, the targets), got Tensor"),
        (lambda: f.weighted_sum((1.0, f.mse())).init(seeded(), (2,)), f.ShapeError, "weighted_sum: expected a pair (the outputs, the targets) of shapes, got (2,)"),
    ],
)  # fmt: skip
def test_a_combinator_says(make, error, text):
    said(make, error, text)
