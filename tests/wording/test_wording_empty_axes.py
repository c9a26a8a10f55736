"""An axis of length 0: batches may have it, what a row is summed or chosen over may not."""

import pytest
import torch

import funcdl as f

ROWS = [f.softmax, f.log_softmax, f.layer_norm(), f.rms_norm(), f.group_norm(1, 1)]
CLASSES = [f.cross_entropy(), f.cross_entropy(label_smoothing=0.1), f.nll(), f.nll(reduction="sum")]
VECTORS = [
    f.cross_entropy(soft=True),
    f.cosine_distance(),
    f.cosine_distance(reduction="sum"),
    f.kl_divergence(),
]


def parameters(layer):
    """Draw for a row of three, and cut it short."""
    params, _ = layer.init(torch.Generator().manual_seed(0), (3,))
    return f.tree.map(lambda p: p[:0], params)


@pytest.mark.parametrize("count", [0, 2])
@pytest.mark.parametrize("layer", ROWS, ids=str)
def test_a_row_of_nothing_is_refused(layer, count, rng):
    axis = "size" if layer.name == "group_norm" else "features"
    said = f"{layer.name}: expected x (…, {axis} ≥ 1), got ({count}, 0)"
    with pytest.raises(f.ShapeError) as caught:
        layer.init(rng, (count, 0))
    assert str(caught.value) == said
    if params := f.tree.leaves(parameters(layer)):
        said = f"{layer.name}: expected scale ({axis} ≥ 1,), got {tuple(params[0].shape)}"
    with pytest.raises(f.ShapeError) as caught:
        layer(parameters(layer), torch.ones(count, 0))
    assert str(caught.value) == said


@pytest.mark.parametrize("layer", ROWS, ids=str)
def test_a_batch_of_nothing_is_none_of_it(layer, rng):
    params, _ = layer.init(rng, (3,))
    y, vjp = layer(params, torch.ones(0, 3))
    assert y.shape == vjp(y)[1].shape == (0, 3)


@pytest.mark.parametrize(
    ("layer", "shape", "text"),
    [
        (f.layer_norm(2), (0, 3), "expected scale (axis2 ≥ 1, axis1 ≥ 1), got (0, 3)"),
        (f.rms_norm(2), (3, 0), "expected scale (3, axis1 ≥ 1), got (3, 0)"),
        (f.group_norm(1, 2), (0, 3), "expected x (…, position1 ≥ 1, 3), got (5, 0, 3)"),
    ],
)
def test_each_axis_that_a_norm_looks_at_counts(layer, shape, text, rng):
    params, _ = layer.init(rng, (3, 3))
    if layer.name != "group_norm":
        params = f.tree.map(lambda p: p[: shape[0], : shape[1]], params)
    with pytest.raises(f.ShapeError) as caught:
        layer(params, torch.ones(5, *shape))
    assert str(caught.value) == f"{layer.name}: {text}"


@pytest.mark.parametrize("loss", [*CLASSES, *VECTORS], ids=str)
@pytest.mark.parametrize("count", [0, 2])
def test_a_loss_of_rows_of_nothing_is_refused(loss, count, rng):
    t = torch.zeros(count, dtype=torch.int64) if loss in CLASSES else torch.ones(count, 0)
    axis = "classes" if loss.name in ("cross_entropy", "nll") else "features"
    said = rf"^{loss.name}: expected output \(…, {axis} ≥ 1\), got \({count}, 0\)$"
    with pytest.raises(f.ShapeError, match=said):
        loss((), (torch.ones(count, 0), t))
    with pytest.raises(f.ShapeError, match=said):
        loss.init(rng, ((count, 0), tuple(t.shape)))


def test_embeddings_of_nothing_are_refused():
    pair = torch.ones(2, 0), torch.ones(2, 0)
    with pytest.raises(
        f.ShapeError, match=r"^contrastive: expected a \(…, features ≥ 1\), got \(2, 0\)$"
    ):
        f.contrastive()((), (pair, torch.ones(2)))


@pytest.mark.parametrize(
    ("layer", "shape", "text"),
    [
        (f.conv2d(2, 2), (3, 3, 0), "expected x (…, height ≥ 2, width ≥ 2, in ≥ 1), got (3, 3, 0)"),
        (f.gru(2), (5, 0), "expected x (…, time, in ≥ 1), got (5, 0)"),
        (f.attention(1), (5, 0), "expected x (…, time, size ≥ 1), got (5, 0)"),
        (f.attention(2), (5, 0), "expected x (…, time, a multiple of 2 above 0), got (5, 0)"),
    ],
)
def test_where_torch_cannot_do_without_features_it_is_said_so(layer, shape, text, rng):
    with pytest.raises(f.ShapeError) as caught:
        layer.init(rng, shape)
    assert str(caught.value) == f"{layer.name}: {text}"


@pytest.mark.parametrize(
    ("layer", "shape", "text"),
    [
        (f.conv2d(2, 2), (3, 3, 1), "expected w (2, 2, in ≥ 1, 2), got (2, 2, 0, 2)"),
        (f.gru(2), (5, 1), "expected x (…, time, in ≥ 1), got (2, 5, 0)"),
        (f.attention(1), (5, 1), "expected params.qkv.w (size ≥ 1, a multiple of 3 above 0), got (0, 0)"),
    ],
)  # fmt: skip
def test_parameters_of_no_features_are_refused_too(layer, shape, text, rng):
    params, _ = layer.init(rng, shape)
    if layer.name == "attention":
        params = f.tree.map(lambda p: p.new_empty((0,) * p.ndim), params)
    elif layer.name == "gru":
        params = params._replace(x=params.x._replace(w=params.x.w[:0]))
    else:
        params = params._replace(w=params.w[:, :, :0])
    with pytest.raises(f.ShapeError) as caught:
        layer(params, torch.ones(2, *shape[:-1], 0))
    assert str(caught.value) == f"{layer.name}: {text}"
