"""What the paired differences prove: against enumeration, simulation and textbook values."""

import json
import math
from itertools import product

import pytest
import torch
from rich.console import Console

from pairs import report
from pairs.statistics import rounds_needed, sign_flip_test, student_quantile
from pairs.summary import effects, lines, summarise
from pairs.training import Row


def row(model="fc-plain", round=0, error=0.25):
    return Row(model, round, 0, 70_000, 1, 0.002, 0.0, error, None, 1.5)


def enumerated(differences):
    """The definition, in whole numbers: no sum is rounded."""
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


def test_rounds_needed_are_guenthers():
    # (1.96 + 0.84)² = 7.85, and 1.96² / 2 = 1.92; the deviation of −1, 0, 1 is 1.
    for mean in (0.5, 1.0, -2.0):
        expected = math.ceil(7.8489 / mean**2 + 1.9207)
        assert rounds_needed([mean - 1, mean, mean + 1]) == expected
    assert rounds_needed([1.0, 2.0, 3.0], power=0.9) == math.ceil(10.5074 / 4 + 1.9207)
    assert rounds_needed([0.5]) is None
    assert rounds_needed([0.1, -0.1]) is None
    assert rounds_needed([0.3, -0.1, -0.2]) is None


def test_so_many_rounds_have_the_power(rng):
    scale = 0.8
    basis = [scale - 1, scale, scale + 1]
    n = rounds_needed(basis)
    draws = scale + torch.randn(4000, n, generator=rng, dtype=torch.float64)
    t = draws.mean(1) / draws.std(1) * math.sqrt(n)
    power = float((t.abs() > student_quantile(0.975, n - 1)).double().mean())
    assert 0.77 < power < 0.87


def test_effects_do_not_depend_on_the_order_of_arrival():
    rows = [row("fc-separate", i, 0.3 + (i * 7 % 11) / 1000) for i in range(20)]
    rows += [row("fc-shared", i, 0.3 + (i * 5 % 13) / 1000) for i in range(20)]
    assert summarise(rows) == summarise(rows[::-1])
    (effect,) = effects(rows)
    assert 0 < effect.p < 1
    (kept,) = json.loads(json.dumps(summarise(rows)))["effects"]
    assert (kept["p"], kept["rounds_needed"]) == (effect.p, effect.rounds_needed)


def test_models_that_the_table_does_not_know_are_kept():
    assert [line.model for line in lines([row("theirs"), row("fc-plain")])] == [
        "fc-plain",
        "theirs",
    ]


def test_tables_fit_eighty_columns():
    kinds = ["plain", "separate", "separate-aux", "shared", "shared-aux", "shared-explicit"]
    rows = [
        row(f"conv-{kind}", i, 0.15 + 0.12 * (-1) ** k + (i * (k + 3) % 5) / 1000)
        for k, kind in enumerate([*kinds, "shared-explicit-aux"])
        for i in range(10)
    ]
    console = Console(width=80)
    with console.capture() as capture:
        for table in report.tables(rows):
            console.print(table)
    text = capture.get()
    assert "…" not in text
    assert "needed" in text
    # A name that is too long for its column goes on in the next line, whole words in either.
    first = [line.split("│")[1].strip() for line in text.splitlines() if line.startswith("│")]
    assert "conv: shared-aux → shared-explicit-aux" in " ".join(" ".join(first).split())
    assert all(len(line) <= 80 for line in text.splitlines())
