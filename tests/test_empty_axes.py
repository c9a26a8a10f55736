"""An axis of length 0: batches may have it, what a row is summed or chosen over may not."""

import pytest
import torch

import funcdl as f

ROWS = [f.softmax, f.log_softmax, f.layer_norm(), f.rms_norm(), f.group_norm(1, 1)]
SOME = "expected one number or more along the last axis, got"
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
    said = rf"^{layer.name}: {SOME} \({count}, 0\)$"
    with pytest.raises(f.ShapeError, match=said):
        layer(parameters(layer), torch.ones(count, 0))
    with pytest.raises(f.ShapeError, match=said):
        layer.init(rng, (count, 0))


@pytest.mark.parametrize("layer", ROWS, ids=str)
def test_a_batch_of_nothing_is_none_of_it(layer, rng):
    params, _ = layer.init(rng, (3,))
    y, vjp = layer(params, torch.ones(0, 3))
    assert y.shape == vjp(y)[1].shape == (0, 3)


@pytest.mark.parametrize(
    ("layer", "shape"), [(f.layer_norm(2), (0, 3)), (f.rms_norm(2), (3, 0)), (f.group_norm(1, 2), (0, 3))], ids=str
)  # fmt: skip
def test_each_axis_that_a_norm_looks_at_counts(layer, shape, rng):
    params, _ = layer.init(rng, (3, 3))
    if layer.name != "group_norm":
        params = f.tree.map(lambda p: p[: shape[0], : shape[1]], params)
    with pytest.raises(f.ShapeError, match=f"^{layer.name}: expected one number or more along each of the last 2"):  # fmt: skip
        layer(params, torch.ones(5, *shape))


@pytest.mark.parametrize("loss", [*CLASSES, *VECTORS], ids=str)
@pytest.mark.parametrize("count", [0, 2])
def test_a_loss_of_rows_of_nothing_is_refused(loss, count, rng):
    t = torch.zeros(count, dtype=torch.int64) if loss in CLASSES else torch.ones(count, 0)
    said = rf"^{loss.name}: {SOME} \({count}, 0\)$"
    with pytest.raises(f.ShapeError, match=said):
        loss((), (torch.ones(count, 0), t))
    with pytest.raises(f.ShapeError, match=said):
        loss.init(rng, ((count, 0), tuple(t.shape)))


def test_embeddings_of_nothing_are_refused():
    pair = torch.ones(2, 0), torch.ones(2, 0)
    with pytest.raises(f.ShapeError, match=rf"^contrastive: {SOME} \(2, 0\)$"):
        f.contrastive()((), (pair, torch.ones(2)))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(f.conv2d(2, 2), (3, 3, 0)), (f.gru(2), (5, 0)), (f.attention(1), (5, 0))],
    ids=str,
)
def test_where_torch_cannot_do_without_features_it_is_said_so(layer, shape, rng):
    params, _ = layer.init(rng, shape)
    with pytest.raises(f.ShapeError, match=f"^{layer.name}: {SOME} "):
        layer(params, torch.ones(2, *shape))
