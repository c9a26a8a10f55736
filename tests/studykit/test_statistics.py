"""What the paired differences prove: against enumeration, simulation, definitions and scipy."""

import math
from itertools import combinations, product

import numpy as np
import pytest
import torch
from scipy import stats

from pairs.data import Digits, Mnist, draw_split
from studykit.power import power, rounds_needed
from studykit.significance import fewest_rounds, holm, least_p, sign_flip_test
from studykit.statistics import Spread, interval, parted, student_quantile


def enumerated(differences):
    """The definition, in integers: no sum is rounded."""
    signs = list(product((-1, 1), repeat=len(differences)))
    observed = abs(sum(differences))
    reached = [abs(sum(s * d for s, d in zip(sign, differences))) >= observed for sign in signs]
    return sum(reached) / len(signs)


@pytest.mark.parametrize(
    "differences",
    [[3], [0, 0, 0], [1, 2, 3], [1, -1], [5, 3, -2, 4, -1, 2], [-7] * 10, [1, 1, 1, 1, -1, -1, 2]],
)
def test_exact_flips_are_all_of_them(differences):
    got = sign_flip_test([d / 1000 for d in differences], torch.Generator())
    assert got == enumerated(differences)


def test_exact_flips_count_ties_and_draw_nothing(rng):
    # Ten of one sign: only all up and all down reach as far, whatever the sums' rounding.
    before = rng.get_state()
    for step in (0.001, 0.1, 1 / 3):
        assert sign_flip_test([-step] * 10, rng) == 2 / 1024
        assert sign_flip_test([step * k for k in range(1, 16)], rng) == 2 / 2**15
    assert torch.equal(rng.get_state(), before)


def test_drawn_flips_agree_with_all_of_them(rng):
    differences = [d / 1000 for d in (9, -4, 7, 2, -8, 5, 6, -1, 3, 4, -2, 8, 1, -3, 5, 2)]
    units = [round(1000 * d) for d in differences]
    everything = enumerated(units)
    drawn = sign_flip_test(differences, rng)
    deviation = math.sqrt(everything * (1 - everything) / 2**15)
    assert drawn != everything
    assert abs(drawn - everything) < 5 * deviation
    seeded = [sign_flip_test(differences, torch.Generator().manual_seed(s)) for s in (7, 7, 8)]
    assert seeded[0] == seeded[1] != seeded[2]
    assert sign_flip_test([1.0] * 40, rng) == 1 / (2**15 + 1)


def test_p_is_uniform_where_there_is_no_effect(rng):
    found = [
        sign_flip_test(torch.randn(8, generator=rng, dtype=torch.float64).tolist(), rng)
        for _ in range(400)
    ]
    for level in (0.05, 0.25, 0.5):
        share = sum(p <= level for p in found) / len(found)
        assert abs(share - level) < 4 * math.sqrt(level * (1 - level) / len(found))


@pytest.mark.parametrize("n", [2, 3, 6, 10, 15])
def test_intervals_and_exact_flips_are_scipys(n, rng):
    for shift in (0.0, 0.4, -2.0):
        before, after = torch.randn(2, n, generator=rng, dtype=torch.float64).numpy()
        before += shift
        differences = (after - before).tolist()
        bounds = stats.ttest_rel(after, before).confidence_interval(0.95)
        found = interval(differences)
        assert found == pytest.approx((np.mean(differences), bounds.low, bounds.high), rel=1e-9)
        theirs = stats.permutation_test(
            (after, before),
            lambda x, y, axis: np.mean(x - y, axis=axis),
            permutation_type="samples",
            n_resamples=2**n,
            vectorized=True,
        )
        assert sign_flip_test(differences, rng) == pytest.approx(theirs.pvalue, rel=1e-12)


def test_students_quantiles_are_scipys():
    for freedom in (1, 2, 3, 9, 10, 99, 1000):
        for p in (0.5, 0.9, 0.975, 0.9995):
            assert student_quantile(p, freedom) == pytest.approx(stats.t.ppf(p, freedom), abs=1e-8)


def test_the_least_p_is_that_of_differences_of_one_sign(rng):
    for n in (1, 2, 5, 6, 10, 15, 40):
        assert sign_flip_test([1.0] * n, rng) == least_p(n)
    assert [fewest_rounds(least_p(n)) for n in range(1, 17)] == list(range(1, 17))
    assert fewest_rounds(0.05) == 6
    assert fewest_rounds(least_p(16) / 2) is None


def by_definition(ps):
    """As a closed test by Bonferroni: an effect stands where every set that it is in does."""
    indices = range(len(ps))
    sets = [s for size in range(1, len(ps) + 1) for s in combinations(indices, size)]
    return [min(1, max(len(s) * min(ps[j] for j in s) for s in sets if i in s)) for i in indices]


def test_holm_is_his_definition(rng):
    assert holm([]) == []
    assert holm([0.03]) == [0.03]
    # By hand: 4 × 0.01, 3 × 0.02, then 2 × 0.0225 = 0.045, which is less, and 1 × 0.5.
    assert holm([0.5, 0.0225, 0.01, 0.02]) == pytest.approx([0.5, 0.06, 0.04, 0.06])
    for size in (2, 3, 7):
        for scale in (0.01, 0.2, 1.0):
            ps = (scale * torch.rand(size, generator=rng, dtype=torch.float64)).tolist()
            assert holm(ps) == pytest.approx(by_definition(ps))
            assert holm([*ps, *ps]) == pytest.approx(by_definition([*ps, *ps]))


def test_holm_keeps_the_chance_of_any_false_effect(rng):
    """Of ten effects that are not there, and hang together as effects of one study do."""
    found = 0
    for _ in range(300):
        models = torch.randn(8, 5, generator=rng, dtype=torch.float64)
        ps = [
            sign_flip_test((models[:, i] - models[:, j]).tolist(), rng)
            for i, j in combinations(range(5), 2)
        ]
        found += min(holm(ps)) <= 0.05
    assert found / 300 < 0.05 + 4 * math.sqrt(0.05 * 0.95 / 300)


def basis(effect):
    """Three differences with that mean and a deviation of 1."""
    return [effect - 1, effect, effect + 1]


def seen(effect, n, studies, rng):
    """The share of studies in which the test itself gives a p of at most 0.05."""
    draws = effect + torch.randn(studies, n, generator=rng, dtype=torch.float64)
    return sum(sign_flip_test(mine, rng) <= 0.05 for mine in draws.tolist()) / studies


@pytest.mark.parametrize(
    ("effect", "n"), [(30.0, 6), (1.9, 6), (-1.5, 7), (1.3, 8), (1.12, 9), (1.075, 10), (-0.96, 11)]
)
def test_rounds_needed_have_the_power_and_one_less_has_not(effect, n, rng):
    assert rounds_needed(basis(effect)) == n
    error = math.sqrt(0.8 * 0.2 / 1000)
    at, below = (seen(effect, k, 1000, rng) for k in (n, n - 1))
    assert at >= 0.8 - 3 * error
    assert below < 0.8 + 3 * error
    assert at == pytest.approx(power(effect, n), abs=5 * error)
    assert below == pytest.approx(power(effect, n - 1), abs=5 * error)


@pytest.mark.parametrize(("effect", "n"), [(0.9, 12), (-0.7, 19)])
def test_more_rounds_have_students_power(effect, n, rng):
    studies = 3000 if n <= 12 else 300
    assert rounds_needed(basis(effect)) in (n, n + 1)
    error = math.sqrt(0.8 * 0.2 / studies)
    assert seen(effect, n, studies, rng) == pytest.approx(power(effect, n), abs=4 * error)


def by_scipy(effect, n):
    t, shift = stats.t.ppf(0.975, n - 1), abs(effect) * math.sqrt(n)
    return stats.nct.sf(t, n - 1, shift) + stats.nct.cdf(-t, n - 1, shift)


def test_students_power_is_scipys():
    for n in (12, 13, 30, 200, 1000):
        for shift in (0.0, 1.0, 2.8, 5.0):
            effect = shift / math.sqrt(n)
            assert power(effect, n) == pytest.approx(by_scipy(effect, n), abs=1e-9)


@pytest.mark.parametrize("effect", [0.85, 0.5, -0.31, 0.1, 0.08, 0.05])
def test_small_effects_take_the_rounds_that_scipy_says(effect):
    n = rounds_needed(basis(effect))
    assert by_scipy(effect, n) >= 0.8 - 1e-6 > by_scipy(effect, n - 1)
    more = rounds_needed(basis(effect), wanted=0.9)
    assert by_scipy(effect, more) >= 0.9 - 1e-6 > by_scipy(effect, more - 1)


def test_no_effect_is_seen_in_fewer_rounds_than_the_test_needs():
    assert [power(1e6, n) for n in range(2, 8)] == [0, 0, 0, 0, 1, 1]
    assert rounds_needed([0.25, 0.25, 0.25]) == 6
    assert rounds_needed([-1.0, -1.001]) == 6
    assert rounds_needed([0.5]) is None
    assert rounds_needed([0.1, -0.1]) is None
    assert rounds_needed([0.3, -0.1, -0.2]) is None
    needed = [rounds_needed(basis(2 / k)) for k in range(1, 40)]
    assert needed == sorted(needed)
    assert rounds_needed(basis(1e-4)) == pytest.approx(7.8489e8, rel=1e-4)


def test_rounds_needed_do_not_depend_on_what_was_drawn_before():
    found = rounds_needed(basis(1.1)), power(1.1, 8)
    torch.manual_seed(5)
    power.cache_clear()
    assert (rounds_needed(basis(1.1)), power(1.1, 8)) == found


def test_a_deviation_is_made_of_the_draw_of_pairs_and_the_rest(rng):
    """Models whose true errors vary, each tested on pairs of its own."""
    pairs, rounds, rest = 400, 4000, 0.01
    truth = 0.1 + rest * torch.randn(rounds, 1, generator=rng, dtype=torch.float64)
    wrong = torch.rand(rounds, pairs, generator=rng, dtype=torch.float64) < truth
    errors = wrong.double().mean(1)
    found = parted(Spread(float(errors.mean()), float(errors.std())), pairs)
    assert found.sampling == pytest.approx(math.sqrt(0.1 * 0.9 / pairs), rel=0.02)
    assert found.rest == pytest.approx(rest, rel=0.1)
    assert parted(Spread(0.5, 0.01), 100) == (0.05, 0.0)
    assert parted(Spread(0.5, None), 100) == (0.05, None)
    assert parted(Spread(0.0, 0.0), 100) == (0.0, 0.0)


def test_pairs_of_single_digits_vary_by_what_the_docs_say(rng):
    """Where one digit in twenty is hopeless, and a pair with such a digit is answered wrongly."""
    m, n, sets, rounds = 500, 50, 400, 20
    hopeless = torch.rand(sets, m, generator=rng) < 0.05
    errors = torch.stack(
        [
            torch.stack([bad[torch.randperm(m, generator=rng)[: 2 * n]] for _ in range(rounds)])
            for bad in hopeless
        ]
    )
    errors = errors.view(sets, rounds, n, 2).any(-1).double().mean(-1)
    p = float(errors.mean())
    binomial, shared = p * (1 - p) / n, 2 * n / m
    within = float(errors.var(1).mean())
    assert within == pytest.approx((1 - shared) * binomial, rel=0.08)
    # The mean of many rounds keeps what the set of digits has of its own: s² / R + f b.
    beyond = float(errors.mean(1).var())
    assert beyond == pytest.approx(within / rounds + shared * binomial, rel=0.3)
    assert beyond > 2 * within / rounds


def test_two_rounds_share_the_digits_that_the_docs_say():
    def numbered(count):
        images = torch.arange(count)[:, None, None].expand(count, 14, 14)
        return Digits(images, torch.arange(count) % 10)

    mnist, train, test = Mnist(numbered(600), numbered(100)), [], []
    for seed in range(60):
        split = draw_split(mnist, 20, 10, torch.Generator().manual_seed(seed))
        for part, pairs in ((train, split.train), (test, split.test)):
            part.append({round(255 * x) for x in pairs.images[:, :, 0, 0].flatten().tolist()})
    for drawn, digits, pairs in ((train, 400, 20), (test, 100, 10)):
        common = [len(one & other) for one, other in combinations(drawn, 2)]
        assert sum(common) / len(common) / (2 * pairs) == pytest.approx(2 * pairs / digits, rel=0.1)
