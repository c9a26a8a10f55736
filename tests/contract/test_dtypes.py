"""No dtype and no device is taken for granted: every case in other dtypes, and elsewhere."""

import pytest
import torch
from table import CASES

import funcdl as f
from funcdl import tree

ROOM = {torch.float32: 1e-4, torch.bfloat16: 0.1}
QUIET = [case for case in CASES if not case.random and "debug" not in str(case)]
DEVICES = ["meta", *["cuda"] * torch.cuda.is_available()]


def to(value, kind):
    """Convert the floats of a value to a dtype, or all of it to a device."""

    def convert(leaf):
        return leaf.to(kind) if leaf.is_floating_point() or isinstance(kind, str) else leaf

    return tree.map(convert, value)


def run(case, params, x, *rng):
    y, vjp = f.as_layer(case.layer)(params, x, *rng)
    dy = tree.map(lambda leaf: leaf.new_ones(leaf.shape), y)
    return y, *vjp(dy)


@pytest.mark.parametrize("dtype", ROOM, ids=str)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_numbers_keep_their_dtype_and_are_those_of_float64(case, dtype, rng):
    # Numbers that bfloat16 has too: only what is computed with them is rounded.
    params, x = (to(to(v, dtype), torch.float64) for v in (case.params(rng), case.inputs(rng)))
    exact = run(case, params, x, *case.generator())
    rough = run(case, to(params, dtype), to(x, dtype), *case.generator())
    assert len(tree.leaves(exact)) == len(tree.leaves(rough))
    for one, other in zip(tree.leaves(exact), tree.leaves(rough)):
        if one is not None:
            assert other.dtype == (dtype if one.is_floating_point() else one.dtype)
            if not case.random:  # other dtypes draw other numbers
                size = float(one.norm()) + 1
                assert float((other.double() - one).norm()) <= ROOM[dtype] * size


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("case", QUIET, ids=str)
def test_everything_stays_on_the_device_of_its_arguments(case, device, rng):
    params, x = to(case.params(rng), device), to(case.inputs(rng), device)
    found = run(case, params, x)
    assert all(leaf is None or leaf.device.type == device for leaf in tree.leaves(found))
    assert tree.map(lambda leaf: leaf.shape, found[1]) == tree.map(lambda leaf: leaf.shape, params)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA here")
@pytest.mark.parametrize("case", QUIET, ids=str)
def test_cuda_gives_the_numbers_of_the_cpu(case, rng):
    params, x = case.params(rng), case.inputs(rng)
    here, there = run(case, params, x), run(case, to(params, "cuda"), to(x, "cuda"))
    for one, other in zip(tree.leaves(here), tree.leaves(there)):
        if one is not None:
            torch.testing.assert_close(one, other.cpu(), rtol=1e-9, atol=1e-9)


def test_initial_parameters_come_in_the_default_dtype(rng):
    assert f.linear(2).init(rng, (3,))[0].w.dtype == torch.get_default_dtype()
