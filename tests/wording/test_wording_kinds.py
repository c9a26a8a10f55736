"""Tensors of other kinds than a layer computes with, refused by one rule: other dtypes, layouts."""

import pytest
import torch
from table import CASES

import funcdl as f
from funcdl import tree
from funcdl.cases import layouts
from funcdl.signature.values import texts

# What gives numbers another place, or looks rows up, takes numbers of any kind.
PLACING = {*(case.name for case in layouts.CASES), "fan_in", "serial", "embedding"}
SINGLE = [
    case
    for case in CASES
    if not f.as_layer(case.layer).layers and not f.as_layer(case.layer).watched
]
LOSSES = [case for case in SINGLE if hasattr(f.losses, f.as_layer(case.layer).name)]
COMPUTING = [
    case
    for case in SINGLE
    if case not in LOSSES and f.as_layer(case.layer).name not in PLACING | {"weighted_sum", "lazy"}
]
OTHERS = [torch.int64, torch.int32, torch.uint8, torch.bool, torch.complex64, torch.float8_e4m3fn]
LAYOUTS = {
    "sparse coo": torch.Tensor.to_sparse,
    "sparse csr": torch.Tensor.to_sparse_csr,
    "mkldnn": lambda t: t.float().to_mkldnn(),
}


def refusal(case, params, x):
    layer = f.as_layer(case.layer)
    with pytest.raises(f.KindError) as caught:
        layer(params, x, *case.generator())
    return str(caught.value).removeprefix(f"{layer.name}: ")


def names(case):
    """The names of the parameters of a case, and of its inputs, as errors say them."""
    takes = f.as_layer(case.layer).signature
    return [
        [name for name, _ in texts(part, where)]
        for part, where in ((takes.params, "params"), (takes.x, "x"))
    ]


def laid_out(value, layout):
    """Give the tensors of a value another layout; as they are, where they cannot have it."""

    def lay(t):
        try:
            return LAYOUTS[layout](t)
        except (RuntimeError, IndexError):
            return t

    return tree.map(lay, value)


def is_plain(value):
    return all(t.layout is torch.strided for t in tree.leaves(value))


def test_the_table_has_what_is_tried_here():
    assert len(COMPUTING) > 50
    assert len(LOSSES) > 15


@pytest.mark.parametrize("dtype", OTHERS, ids=str)
@pytest.mark.parametrize("case", COMPUTING, ids=str)
def test_a_layer_that_computes_takes_floats_alone(case, dtype, rng):
    params, x = case.params(rng), case.inputs(rng)
    other = tree.map(lambda t: t.to(dtype), x)
    of_params, of_x = names(case)
    said = f"expected {[*of_params, *of_x][0]} to be floats, got {dtype}"
    assert refusal(case, tree.map(lambda t: t.to(dtype), params), other) == said
    assert refusal(case, params, other) == f"expected {of_x[0]} to be floats, got {dtype}"


@pytest.mark.parametrize("case", [c for c in COMPUTING if "(" in str(c)], ids=str)
def test_parameters_that_are_no_floats_are_blamed_themselves(case, rng):
    params, x = case.params(rng), case.inputs(rng)
    if tree.leaves(params):
        said = refusal(case, tree.map(torch.Tensor.long, params), x)
        assert said == f"expected {names(case)[0][0]} to be floats, got torch.int64"


@pytest.mark.filterwarnings("ignore:Sparse CSR")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("case", COMPUTING, ids=str)
def test_a_layer_that_computes_takes_plain_tensors_alone(case, layout, rng):
    params, x = case.params(rng), laid_out(case.inputs(rng), layout)
    if is_plain(x):
        pytest.skip("a layout of matrices")
    said = f"expected {names(case)[1][0]} to be a plain tensor, got a {layout} one"
    assert refusal(case, params, x) == said


@pytest.mark.filterwarnings("ignore:Sparse CSR")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("case", LOSSES, ids=str)
def test_a_loss_takes_plain_tensors_alone(case, layout, rng):
    y, t = case.inputs(rng)
    if tree.leaves(y)[0].ndim > 2:
        pytest.skip("a layout of matrices")
    of_x = names(case)[1]
    for x, name in [((laid_out(y, layout), t), of_x[0]), ((y, laid_out(t, layout)), of_x[-1])]:
        if not is_plain(x):
            said = f"expected {name} to be a plain tensor, got a {layout} one"
            assert refusal(case, (), x) == said


def test_what_only_moves_numbers_takes_any():
    x = torch.arange(12).reshape(1, 2, 2, 3)
    y, vjp = f.serial(f.identity, f.flatten(3), f.reshape((12,)))(((),) * 3, x)
    assert torch.equal(y.flatten(), x.flatten())
    assert torch.equal(vjp(y)[1], x)
    table = f.Lookup(torch.eye(3))
    assert torch.equal(f.embedding(3, 3)(table, torch.tensor([2]))[0], torch.eye(3)[2:])


@pytest.mark.parametrize("layer", [f.max_pool2d(2), f.linear(3), f.gru(3)], ids=str)
def test_the_refusal_has_its_path_also_staged_and_in_a_module(layer, rng):
    net, x = f.serial(f.identity, layer), torch.ones(5, 4, 4, 4, dtype=torch.uint8)
    params, _ = net.init(rng, (4, 4, 4))
    said = rf"serial\[1\] {layer.name}: expected x to be floats, got torch.uint8$"
    with pytest.raises(f.KindError, match=f"^{said}"):
        net(params, x)
    with pytest.raises(f.KindError, match=said):
        f.Module(net, (4, 4, 4), rng).forward(x)
    optimiser, batch = f.sgd(0.1), (x, torch.ones(net.init(rng, x.shape)[1]))
    step = f.training_step(f.supervised(net, f.mse()), optimiser)
    with pytest.raises(f.KindError, match=f"net: {said}"):
        f.stage(step)(params, optimiser.init(params), batch)


def test_what_is_no_tensor_is_still_called_so():
    for x in ("text", None, [1.0]):
        with pytest.raises(f.KindError, match=r"^relu: expected x to be a tensor, got "):
            f.relu((), x)
    with pytest.raises(f.KindError, match=r"^relu: expected x to be a tensor, got a tuple of 1$"):
        f.relu((), (torch.ones(2),))
    with pytest.raises(
        f.KindError, match=r"^dropout: expected x to be a tensor, got a tuple of 1$"
    ):
        f.dropout(0.5)((), (torch.ones(2),))
