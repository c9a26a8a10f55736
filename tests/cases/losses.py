"""Losses, and networks with them."""

import torch
from torch.nn import functional as nnf

import funcdl as f
from cases.case import NET, Case, normals

WEIGHTS = torch.tensor([0.5, 2.0, 1.5], dtype=torch.float64)


def targets(shape, of):
    """Outputs of a shape, and targets that are made of normal numbers of another."""

    def draw(rng):
        y = normals(shape[0], rng)
        return y, of(normals(shape[1], rng))

    return draw


def loss(make, torchs, *, classes=0, of=None, shape=None, name="", **settings):
    """A loss in every reduction, each beside torch's own."""
    shape = shape or (((4, 3), (4,)) if classes else ((4, 3), (4, 3)))
    return [
        Case(
            make(**settings, **how),
            shape,
            classes,
            make(**settings, **how, models=1),
            id=f"{make(**settings, **how)!r} {name}".strip(),
            draw=targets(shape, of) if of else None,
            oracle=(lambda p, x, how=how: torchs(*x, **(how or {"reduction": "mean"})))
            if torchs
            else None,
        )
        for how in ({}, {"reduction": "sum"}, {"reduction": "none"})
    ]


def reduce(values, reduction):
    return values if reduction == "none" else getattr(values, reduction)()


CASES = [
    *loss(f.mse, nnf.mse_loss),
    *loss(f.l1, nnf.l1_loss),
    *loss(f.huber, nnf.huber_loss),
    *loss(f.huber, lambda y, t, reduction: nnf.huber_loss(y, t, reduction, 0.5), delta=0.5),
    *loss(f.cross_entropy, nnf.cross_entropy, classes=3),
    *loss(
        f.cross_entropy,
        lambda y, t, reduction: nnf.cross_entropy(y.movedim(-1, 1), t, reduction=reduction),
        classes=3,
        shape=((4, 2, 3), (4, 2)),
        name="on two leading axes",
    ),
    *loss(
        f.cross_entropy,
        lambda y, t, reduction: nnf.cross_entropy(y, t, label_smoothing=0.2, reduction=reduction),
        classes=3,
        label_smoothing=0.2,
    ),
    *loss(
        f.cross_entropy,
        lambda y, t, reduction: nnf.cross_entropy(y, t, WEIGHTS.to(y.dtype), reduction=reduction),
        classes=3,
        weights=WEIGHTS,
    ),
    *loss(
        f.cross_entropy,
        lambda y, t, reduction: nnf.cross_entropy(
            y, t, WEIGHTS.to(y.dtype), label_smoothing=0.2, reduction=reduction
        ),
        classes=3,
        weights=WEIGHTS,
        label_smoothing=0.2,
    ),
    *loss(f.cross_entropy, nnf.cross_entropy, of=lambda t: t.softmax(-1), soft=True),
    *loss(
        f.cross_entropy,
        lambda y, t, reduction: nnf.cross_entropy(
            y, t, WEIGHTS.to(y.dtype), label_smoothing=0.2, reduction=reduction
        ),
        of=lambda t: t.softmax(-1),
        soft=True,
        weights=WEIGHTS,
        label_smoothing=0.2,
    ),
    *loss(f.nll, nnf.nll_loss, classes=3),
    *loss(
        f.binary_cross_entropy,
        nnf.binary_cross_entropy_with_logits,
        of=lambda t: t.sigmoid(),
    ),
    *loss(
        f.kl_divergence,
        lambda y, t, reduction: reduce(nnf.kl_div(y, t, reduction="none").sum(-1), reduction),
        of=lambda t: t.softmax(-1),
    ),
    *loss(
        f.hinge,
        lambda y, t, reduction: reduce((1 - t * y).relu(), reduction),
        of=lambda t: t.sign(),
    ),
    *loss(
        f.cosine_distance,
        lambda y, t, reduction: reduce(1 - nnf.cosine_similarity(y, t, -1), reduction),
    ),
    *loss(
        f.contrastive,
        lambda y, t, reduction: reduce(
            0.5 * t * (y[0] - y[1]).norm(dim=-1) ** 2
            + 0.5 * (1 - t) * (2.5 - (y[0] - y[1]).norm(dim=-1)).relu() ** 2,
            reduction,
        ),
        of=lambda t: t.sign().relu(),
        shape=(((4, 3), (4, 3)), (4,)),
        margin=2.5,
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
