"""Initialisers: what their numbers are like."""

import math

import pytest
import torch

import funcdl as f
from funcdl import initialisers

WIDE = (200, 300)


@pytest.mark.parametrize("bound", [0.5, 2.0, 3.0])
def test_a_truncated_normal_is_torchs(bound, rng):
    ours = initialisers.truncated_normal(4.0, bound)(rng, WIDE)
    theirs = torch.nn.init.trunc_normal_(torch.empty(WIDE), 0.0, 2.0, -2 * bound, 2 * bound)
    assert float(ours.abs().max()) <= 2 * bound
    assert float(ours.std()) == pytest.approx(float(theirs.std()), rel=0.02)
    assert float(ours.mean()) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (2, 2, 3, 7), (6,), (1, 1)])
def test_an_orthogonal_matrix_has_one_singular_value(shape, rng):
    w = initialisers.orthogonal(1.5)(rng, shape)
    assert w.shape == shape
    matrix = w.double().reshape(-1, shape[-1] if len(shape) > 1 else 1)
    values = torch.linalg.svdvals(matrix)
    torch.testing.assert_close(values, torch.full_like(values, 1.5), rtol=1e-5, atol=1e-5)


def test_orthogonal_matrices_point_everywhere(rng):
    signs = [float(initialisers.orthogonal()(rng, (3, 3))[0, 0].sign()) for _ in range(60)]
    assert 15 < sum(sign > 0 for sign in signs) < 45


@pytest.mark.parametrize("distribution", ["normal", "uniform", "truncated"])
@pytest.mark.parametrize(("mode", "fan"), [("fan_in", 200), ("fan_out", 300), ("fan_avg", 250)])
def test_the_variance_is_that_of_the_gain_and_the_fan(mode, fan, distribution, rng):
    w = initialisers.variance_scaling(3.0, mode, distribution)(rng, WIDE)
    assert float(w.std()) == pytest.approx(3 / math.sqrt(fan), rel=0.02)
    if distribution == "normal":
        assert float(w.abs().max()) > 3 * float(w.std())


def test_known_ones_are_scalings_too():
    def drawn(initialiser):
        return initialiser(torch.Generator().manual_seed(0), WIDE)

    scaling = initialisers.variance_scaling
    for ours, known in (
        (scaling(math.sqrt(2)), initialisers.he_normal),
        (scaling(1.0, "fan_avg", "uniform"), initialisers.glorot_uniform),
        (scaling(), initialisers.lecun_normal),
    ):
        torch.testing.assert_close(drawn(ours), drawn(known))


@pytest.mark.parametrize(
    "make",
    [
        lambda: initialisers.truncated_normal(-1.0),
        lambda: initialisers.truncated_normal(1.0, 0.0),
        lambda: initialisers.orthogonal(math.inf),
        lambda: initialisers.variance_scaling(1.0, "fan"),
        lambda: initialisers.variance_scaling(1.0, "fan_in", "cauchy"),
    ],
)
def test_what_is_out_of_range_is_refused(make):
    with pytest.raises(f.InputError, match=r"^(truncated_normal|orthogonal|variance_scaling): "):
        make()
