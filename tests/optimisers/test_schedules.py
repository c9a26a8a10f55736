"""Schedules against torch's own, and at their ends."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from funcdl import schedules as s


def _by_hand(t):
    """A line up to 1 in five steps, then 0.9 of it in each, and a fifth of it from the twelfth on."""
    return 0.2 + 0.16 * t if t < 5 else 0.9 ** (t - 5) if t < 12 else 0.2


schedulers = torch.optim.lr_scheduler
PAIRS = [
    (s.constant(0.5), lambda o: schedulers.ConstantLR(o, 1.0), 0.5),
    (s.exponential(0.5, 0.9), lambda o: schedulers.ExponentialLR(o, 0.9), 0.5),
    (s.inverse_time(0.5, 0.1), lambda o: schedulers.LambdaLR(o, lambda t: 1 / (1 + 0.1 * t)), 0.5),
    (s.polynomial(0.5, 0.0, 20, 2.0), lambda o: schedulers.PolynomialLR(o, 20, 2.0), 0.5),
    (s.polynomial(0.5, 0.1, 20), lambda o: schedulers.LinearLR(o, 1.0, 0.2, 20), 0.5),
    (s.piecewise(0.5, {5: 0.1, 12: 0.1}), lambda o: schedulers.MultiStepLR(o, [5, 12]), 0.5),
    (s.cosine(0.5, 29, 0.1), lambda o: schedulers.CosineAnnealingLR(o, 29, 0.1), 0.5),
    (s.staircase(0.5, 0.3, 4), lambda o: schedulers.StepLR(o, 4, 0.3), 0.5),
    (
        s.cyclic(0.1, 0.5, 4),
        lambda o: schedulers.CyclicLR(o, 0.1, 0.5, 4, cycle_momentum=False),
        0.5,
    ),
    (
        s.cyclic(0.1, 0.5, 3, 5, factor=0.5),
        lambda o: schedulers.CyclicLR(o, 0.1, 0.5, 3, 5, mode="triangular2", cycle_momentum=False),
        0.5,
    ),
    (
        s.restarts(0.5, 7, 0.1),
        lambda o: schedulers.CosineAnnealingWarmRestarts(o, 7, eta_min=0.1),
        0.5,
    ),
    (
        s.restarts(0.5, 2, times=2),
        lambda o: schedulers.CosineAnnealingWarmRestarts(o, 2, 2),
        0.5,
    ),
    (
        s.restarts(0.5, 3, times=3),
        lambda o: schedulers.CosineAnnealingWarmRestarts(o, 3, 3),
        0.5,
    ),
    (
        s.joined(s.warm_up(5, 0.5, 0.2), {5: s.exponential(0.5, 0.9), 12: 0.1}),
        lambda o: schedulers.LambdaLR(o, _by_hand),
        0.5,
    ),
    (s.one_cycle(0.5, 30), lambda o: schedulers.OneCycleLR(o, 0.5, 30), 0.5),
    (
        s.one_cycle(0.5, 30, rise=0.45, first=10, last=100),
        lambda o: schedulers.OneCycleLR(
            o, 0.5, 30, pct_start=0.45, div_factor=10, final_div_factor=100
        ),
        0.5,
    ),
    (
        s.warm_up(10, s.constant(0.5), 0.2),
        lambda o: schedulers.LinearLR(o, 0.2, 1.0, 10),
        0.5,
    ),
]


@pytest.mark.filterwarnings("ignore:Detected call of")
@pytest.mark.parametrize(("ours", "torchs", "lr"), PAIRS)
def test_all_rates_of_a_run_are_those_of_torch(ours, torchs, lr):
    optimiser = torch.optim.SGD([torch.zeros(1)], lr)
    scheduler = torchs(optimiser)
    for t in range(30):
        expected = optimiser.param_groups[0]["lr"]
        got = ours(torch.tensor(float(t), dtype=torch.float64))
        assert (got.shape, got.dtype) == ((), torch.float64)
        assert float(got) == pytest.approx(expected, rel=1e-9, abs=1e-12), t
        assert torch.equal(got, ours(t))
        if t < 29:
            optimiser.step()
            scheduler.step()


@given(st.integers(1, 50), st.floats(0.01, 1), st.integers(0, 200))
def test_rates_stay_at_the_end_and_are_never_negative(steps, start, t):
    for schedule, end in (
        (s.polynomial(start, 0.0, steps), 0.0),
        (s.cosine(start, steps, start / 2), start / 2),
        (s.one_cycle(start, steps), start / 25 / 1e4),
        (s.warm_up(steps, start), start),
    ):
        assert -1e-12 <= float(schedule(t)) <= start + 1e-12
        assert float(schedule(1000)) == pytest.approx(end, abs=1e-9)


def test_a_choice_is_no_product():
    # 1 + (0.1 − 1) is not 0.1, and 0 times an infinite factor is no number.
    assert float(s.piecewise(1.0, {3: 0.1})(3)) == 0.1
    assert float(s.piecewise(1.0, {3: math.inf})(2)) == 1.0
    # Of a peak to which so small an end is added, and which is subtracted again, nothing is left.
    end = float(s.one_cycle(1.0, 10, last=1e20)(9))
    assert end == pytest.approx(1 / 25 / 1e20, rel=1e-9)
