"""Norms and dropout."""

from funcdl import combinators, layers
from funcdl.cases.case import Case

CASES = [
    Case(
        layers.layer_norm(),
        (4, 5),
        oracle=lambda nnf, p, x: nnf.layer_norm(x, (5,), p.scale, p.bias),
    ),
    Case(
        layers.layer_norm(2, eps=0.1),
        (4, 3, 5),
        oracle=lambda nnf, p, x: nnf.layer_norm(x, (3, 5), p.scale, p.bias, 0.1),
        module=("LayerNorm", (3, 5), 0.1),
    ),
    Case(
        layers.layer_norm(),
        (2, 4, 5),
        id="layer_norm on two leading axes",
        oracle=lambda nnf, p, x: nnf.layer_norm(x, (5,), p.scale, p.bias),
    ),
    Case(
        layers.rms_norm(),
        (4, 5),
        oracle=lambda nnf, p, x: nnf.rms_norm(x, (5,), p.scale, 1e-6),
        module=("RMSNorm", 5, 1e-6),
    ),
    Case(
        layers.rms_norm(2, eps=0.1),
        (4, 3, 5),
        oracle=lambda nnf, p, x: nnf.rms_norm(x, (3, 5), p.scale, 0.1),
    ),
    Case(
        layers.group_norm(2),
        (3, 4, 5, 6),
        oracle=lambda nnf, p, x: nnf.group_norm(x.movedim(-1, 1), 2, p.scale, p.bias).movedim(
            1, -1
        ),
        module=("GroupNorm", 2, 6),
    ),
    Case(
        layers.group_norm(3, 1, eps=0.1),
        (4, 6),
        oracle=lambda nnf, p, x: nnf.group_norm(x, 3, p.scale, p.bias, 0.1),
    ),
    Case(
        layers.group_norm(1, 2),
        (2, 3, 4, 6),
        oracle=lambda nnf, p, x: nnf.layer_norm(x, (4, 6)) * p.scale + p.bias,
    ),
    Case(
        layers.batch_norm(),
        (7, 5),
        random=True,
        id="batch_norm in training",
        # In training nobody asks for mean and variance: their derivatives are 0.
        oracle=lambda nnf, p, x: nnf.batch_norm(x, None, None, p.scale, p.bias, True),
    ),
    Case(
        layers.batch_norm(eps=0.1),
        (3, 4, 5, 2),
        random=True,
        id="batch_norm of images in training",
        oracle=lambda nnf, p, x: nnf.batch_norm(
            x.movedim(-1, 1), None, None, p.scale, p.bias, True, eps=0.1
        ).movedim(1, -1),
    ),
    Case(layers.batch_norm(), (7, 5), module=("BatchNorm1d", 5), id="batch_norm in inference"),
    Case(
        layers.batch_norm(),
        (3, 4, 5, 2),
        module=("BatchNorm2d", 2),
        id="batch_norm of images in inference",
    ),
    Case(layers.layer_norm(affine=False), (4, 5), oracle=lambda nnf, p, x: nnf.layer_norm(x, (5,))),
    Case(
        layers.layer_norm(bias=False),
        (4, 5),
        oracle=lambda nnf, p, x: nnf.layer_norm(x, (5,), p.scale),
    ),
    Case(
        layers.rms_norm(affine=False),
        (4, 5),
        oracle=lambda nnf, p, x: nnf.rms_norm(x, (5,), None, 1e-6),
    ),
    Case(
        layers.group_norm(2, affine=False),
        (3, 4, 5, 6),
        oracle=lambda nnf, p, x: nnf.group_norm(x.movedim(-1, 1), 2).movedim(1, -1),
    ),
    Case(
        layers.group_norm(3, 1, bias=False),
        (4, 6),
        oracle=lambda nnf, p, x: nnf.group_norm(x, 3, p.scale),
    ),
    Case(
        layers.batch_norm(affine=False),
        (7, 5),
        random=True,
        id="batch_norm without scale in training",
        oracle=lambda nnf, p, x: nnf.batch_norm(x, None, None, None, None, True),
    ),
    Case(
        layers.batch_norm(affine=False),
        (7, 5),
        id="batch_norm without scale in inference",
    ),
    Case(layers.dropout(0.4), (4, 5), random=True),
    Case(layers.dropout(1), (4, 5), random=True, module=("Dropout", 1)),
    Case(layers.dropout(0.4, 2), (2, 4, 5, 6), random=True, module=("Dropout2d", 0.4)),
    Case(layers.dropout(0.4), (4, 5), module=("Dropout", 0.4), id="dropout in inference"),
    Case(layers.dropout(0), (4, 5), random=True),
    Case(
        combinators.serial(layers.linear(6), layers.batch_norm(), layers.relu, layers.linear(2)),
        (7, 3),
        random=True,
        oracle=lambda nnf, p, x: (
            nnf.batch_norm(x @ p[0].w + p[0].b, None, None, p[1].scale, p[1].bias, True).relu()
            @ p[3].w
            + p[3].b
        ),
        specials=False,
        of="batch_norm",
    ),
]
