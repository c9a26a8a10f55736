"""Losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcdl import layers, losses
from funcdl.cases.case import Case, Draw, Oracle
from funcdl.cases.draws import normals, targets
from funcdl.contract import Layer, Shape, Value
from funcdl.tensor import Generator, Tensor, empty

WEIGHTS = empty(3).double().fill_(0.75).cumsum(0)

SAME = ((4, 3), (4, 3))
CLASSES = ((4, 3), (4,))
THREE = (((4, 3), (4, 3), (4, 3)), (4,))


def loss(
    make: Callable[..., Layer],
    oracle: Callable[..., Tensor],
    shape: Shape = SAME,
    draw: Draw | None = None,
    *,
    module: tuple[Any, ...] = (),
    name: str = "",
    specials: bool = True,
    **settings: Any,
) -> list[Case]:
    """Give the rows of a loss, one for each reduction, beside `(nnf, y, t, reduction) -> l`."""
    return [
        Case(
            make(**settings, **how),
            shape,
            draw,
            _reduced(oracle, how.get("reduction", "mean")),
            over_models=make(**settings, **how, models=1),
            target=True,
            module=() if how else module,
            specials=specials,
            id=f"{make(**settings, **how)!r} {name}".strip(),
        )
        for how in ({}, {"reduction": "sum"}, {"reduction": "none"})
    ]


def _reduced(oracle: Callable[..., Tensor], reduction: str) -> Oracle:
    return lambda nnf, p, pair: oracle(nnf, *pair, reduction=reduction)


def reduce(values: Any, reduction: str) -> Any:
    """Give the mean or the sum of values, or themselves, as torch's losses do."""
    return values if reduction == "none" else getattr(values, reduction)()


def _contrasted(nnf: Any, y: Any, t: Any, reduction: str) -> Any:
    apart = (y[0] - y[1]).norm(dim=-1)
    return reduce(0.5 * t * apart**2 + 0.5 * (1 - t) * (2.5 - apart).relu() ** 2, reduction)


def _crossed(**settings: Any) -> Callable[..., Tensor]:
    def oracle(nnf: Any, y: Any, t: Any, reduction: str) -> Any:
        how = {"weight": WEIGHTS.to(y.dtype)} if settings.get("weights") else {}
        how["ignore_index"] = settings.get("ignore", -100)
        smoothing = settings.get("label_smoothing", 0.0)
        return nnf.cross_entropy(y, t, label_smoothing=smoothing, reduction=reduction, **how)

    return oracle


def _labelled(nnf: Any, y: Any, t: Any, reduction: str) -> Any:
    missed = (1 - y[..., :, None] + y[..., None, :]).relu()
    wrong = t[..., :, None] * t[..., None, :].eq(0)
    return reduce(missed.where(wrong > 0, 0).sum((-2, -1)) / y.shape[-1], reduction)


def _confused(rng: Generator, shape: Shape) -> Value:
    """Draw triplets whose other one is near the anchor: their losses are no differences."""
    (a, near, far), t = normals(rng, shape)
    return (a, near, a + 0.1 * far), t.abs()


def _focussed(gamma: float, **settings: Any) -> Callable[..., Tensor]:
    def oracle(nnf: Any, y: Any, t: Any, reduction: str) -> Any:
        each = _crossed(**settings)(nnf, y, t, "none")
        own = y.softmax(-1).gather(-1, t[..., None])[..., 0]
        losses = each * (1 - own) ** gamma
        if reduction != "mean" or not settings:
            return reduce(losses, reduction)
        return losses.sum() / WEIGHTS.to(y.dtype)[t].where(t.ne(settings["ignore"]), 0).sum()

    return oracle


def _binary_focussed(gamma: float, share: float | None = None) -> Callable[..., Tensor]:
    def oracle(nnf: Any, y: Any, t: Any, reduction: str) -> Any:
        each = nnf.binary_cross_entropy_with_logits(y, t, reduction="none")
        p = y.sigmoid() * t + (-y).sigmoid() * (1 - t)
        worth = 1 if share is None else share * t + (1 - share) * (1 - t)
        return reduce(worth * each * (1 - p) ** gamma, reduction)

    return oracle


CASES = [
    *loss(
        losses.mse,
        lambda nnf, y, t, reduction: nnf.mse_loss(y, t, reduction=reduction),
        module=("LossMSE",),
    ),
    *loss(
        losses.l1,
        lambda nnf, y, t, reduction: nnf.l1_loss(y, t, reduction=reduction),
        module=("LossL1",),
    ),
    *loss(losses.huber, lambda nnf, y, t, reduction: nnf.huber_loss(y, t, reduction)),
    *loss(
        losses.huber,
        lambda nnf, y, t, reduction: nnf.huber_loss(y, t, reduction, 0.5),
        module=("LossHuber", "mean", 0.5),
        delta=0.5,
    ),
    *loss(losses.cross_entropy, _crossed(), CLASSES, module=("LossCrossEntropy",)),
    *loss(
        losses.cross_entropy,
        lambda nnf, y, t, reduction: nnf.cross_entropy(y.movedim(-1, 1), t, reduction=reduction),
        ((4, 2, 3), (4, 2)),
        name="on two leading axes",
    ),
    *loss(
        losses.cross_entropy,
        _crossed(label_smoothing=0.2),
        CLASSES,
        label_smoothing=0.2,
    ),
    *loss(losses.cross_entropy, _crossed(weights=True), CLASSES, weights=WEIGHTS),
    *loss(
        losses.cross_entropy,
        _crossed(weights=True, label_smoothing=0.2),
        CLASSES,
        weights=WEIGHTS,
        label_smoothing=0.2,
    ),
    *loss(
        losses.cross_entropy,
        _crossed(),
        draw=targets(lambda t: t.softmax(-1)),
        soft=True,
    ),
    *loss(
        losses.cross_entropy,
        _crossed(weights=True, label_smoothing=0.2),
        draw=targets(lambda t: t.softmax(-1)),
        soft=True,
        weights=WEIGHTS,
        label_smoothing=0.2,
    ),
    *loss(
        losses.nll,
        lambda nnf, y, t, reduction: nnf.nll_loss(y, t, reduction=reduction),
        CLASSES,
        module=("LossNLL",),
    ),
    *loss(
        losses.cross_entropy,
        _crossed(weights=True, ignore=2),
        ((7, 3), (7,)),
        weights=WEIGHTS,
        ignore=2,
    ),
    *loss(
        losses.cross_entropy,
        _crossed(weights=True, label_smoothing=0.2, ignore=0),
        ((7, 3), (7,)),
        weights=WEIGHTS,
        label_smoothing=0.2,
        ignore=0,
    ),
    *loss(
        losses.nll,
        lambda nnf, y, t, reduction: nnf.nll_loss(
            y, t, WEIGHTS.to(y.dtype), ignore_index=1, reduction=reduction
        ),
        ((7, 3), (7,)),
        weights=WEIGHTS,
        ignore=1,
    ),
    *loss(
        losses.binary_cross_entropy,
        lambda nnf, y, t, reduction: nnf.binary_cross_entropy_with_logits(
            y, t, reduction=reduction
        ),
        draw=targets(lambda t: t.sigmoid()),
        module=("LossBCEWithLogits",),
    ),
    *loss(
        losses.kl_divergence,
        lambda nnf, y, t, reduction: reduce(nnf.kl_div(y, t, reduction="none").sum(-1), reduction),
        draw=targets(lambda t: t.softmax(-1)),
        module=("LossKLDiv", None, None, "batchmean"),
    ),
    *loss(
        losses.hinge,
        lambda nnf, y, t, reduction: reduce((1 - t * y).relu(), reduction),
        draw=targets(lambda t: t.sign()),
        module=("LossHinge",),
    ),
    *loss(
        losses.cosine_distance,
        lambda nnf, y, t, reduction: reduce(1 - nnf.cosine_similarity(y, t, -1), reduction),
        module=("LossCosine",),
    ),
    *loss(
        losses.contrastive,
        _contrasted,
        (SAME, (4,)),
        targets(lambda t: t.sign().relu()),
        module=("LossContrastive", 2.5),
        margin=2.5,
    ),
    *loss(
        losses.binary_cross_entropy,
        lambda nnf, y, t, reduction: nnf.binary_cross_entropy_with_logits(
            y, t, WEIGHTS.to(y.dtype), pos_weight=y.new_tensor(3.0), reduction=reduction
        ),
        draw=targets(lambda t: t.sigmoid()),
        weights=WEIGHTS,
        pos_weight=3.0,
    ),
    *loss(
        losses.binary_cross_entropy,
        lambda nnf, y, t, reduction: nnf.binary_cross_entropy_with_logits(
            y, t, pos_weight=WEIGHTS.to(y.dtype), reduction=reduction
        ),
        draw=targets(lambda t: t.sign().relu()),
        pos_weight=WEIGHTS,
    ),
    *loss(
        losses.soft_margin,
        # PyTorch's own overflows.
        lambda nnf, y, t, reduction: nnf.binary_cross_entropy_with_logits(
            y, t / 2 + 0.5, reduction=reduction
        ),
        draw=targets(lambda t: t.sign()),
        module=("SoftMarginLoss",),
    ),
    *loss(
        losses.multi_margin,
        lambda nnf, y, t, reduction: nnf.multi_margin_loss(y, t, reduction=reduction),
        CLASSES,
        module=("MultiMarginLoss",),
    ),
    *loss(
        losses.multi_margin,
        lambda nnf, y, t, reduction: nnf.multi_margin_loss(
            y, t, 2, 0.5, WEIGHTS.to(y.dtype), reduction=reduction
        ),
        CLASSES,
        margin=0.5,
        power=2,
        weights=WEIGHTS,
    ),
    *loss(
        losses.multi_label_margin,
        _labelled,
        draw=targets(lambda t: t.sign().relu()),
    ),
    *loss(
        losses.multi_label_soft_margin,
        lambda nnf, y, t, reduction: nnf.multilabel_soft_margin_loss(y, t, reduction=reduction),
        draw=targets(lambda t: t.sigmoid()),
        module=("MultiLabelSoftMarginLoss",),
    ),
    *loss(
        losses.multi_label_soft_margin,
        lambda nnf, y, t, reduction: nnf.multilabel_soft_margin_loss(
            y, t, WEIGHTS.to(y.dtype), reduction=reduction
        ),
        draw=targets(lambda t: t.sigmoid()),
        weights=WEIGHTS,
    ),
    *loss(
        losses.margin_ranking,
        lambda nnf, y, t, reduction: nnf.margin_ranking_loss(*y, t, 0.5, reduction=reduction),
        (SAME, (4, 3)),
        targets(lambda t: t.sign()),
        module=("MarginRankingLoss", 0.5),
        margin=0.5,
    ),
    *loss(losses.focal, _focussed(2.0), CLASSES),
    *loss(
        losses.focal,
        _focussed(0.5, weights=True, ignore=1),
        ((7, 3), (7,)),
        gamma=0.5,
        weights=WEIGHTS,
        ignore=1,
    ),
    *loss(losses.binary_focal, _binary_focussed(2.0), draw=targets(lambda t: t.sign().relu())),
    *loss(
        losses.binary_focal,
        _binary_focussed(0.5, 0.25),
        draw=targets(lambda t: t.sign().relu()),
        gamma=0.5,
        share=0.25,
    ),
    *loss(
        losses.hinge_embedding,
        lambda nnf, y, t, reduction: nnf.hinge_embedding_loss(y, t, 0.5, reduction=reduction),
        draw=targets(lambda t: t.sign()),
        module=("HingeEmbeddingLoss", 0.5),
        margin=0.5,
    ),
    *loss(
        losses.cosine_embedding,
        lambda nnf, y, t, reduction: nnf.cosine_embedding_loss(*y, t, 0.1, reduction=reduction),
        (SAME, (4,)),
        targets(lambda t: t.sign()),
        module=("CosineEmbeddingLoss", 0.1),
        margin=0.1,
    ),
    *loss(
        losses.triplet,
        lambda nnf, y, t, reduction: reduce(
            t * nnf.triplet_margin_loss(*y, reduction="none"), reduction
        ),
        THREE,
        _confused,
    ),
    *loss(
        losses.triplet,
        lambda nnf, y, t, reduction: reduce(
            t * nnf.triplet_margin_loss(*y, 2.5, swap=True, reduction="none"), reduction
        ),
        THREE,
        margin=2.5,
        swap=True,
    ),
    *loss(
        losses.triplet,
        lambda nnf, y, t, reduction: reduce(
            t * nnf.triplet_margin_loss(*y, 2.5, 1.0, reduction="none"), reduction
        ),
        THREE,
        # Of two distances of 1e38 PyTorch loses the margin.
        specials=False,
        margin=2.5,
        distance=layers.pairwise_distance(1),
    ),
]
