"""Lines and effects of a study, how they stand together, and the tables that show them."""

import json
import re

import pytest
from command import ask
from rich.console import Console

from pairs.columns import change
from pairs.effects import EFFECTS, contrasts, effects
from pairs.footnotes import footnotes
from pairs.lines import lines
from pairs.models import ABLATIONS, MODELS
from pairs.results import summarise
from pairs.sweep.terminal import sweep_tables
from pairs.sweep.trends import effects_by_value
from pairs.terminal import tables
from pairs.training import Row
from studykit.statistics import Parted, Spread


def row(model="fc-plain", round=0, error=0.25):
    return Row(
        model=model,
        round=round,
        seed=0,
        parameters=70_000,
        epochs=1,
        lr=0.01,
        train_error=0.0,
        test_error=error,
        digit_error=None,
        seconds=1.5,
    )


def study(means, rounds):
    """Rows of models that differ by their means and a little noise."""
    return [
        row(name, i, mean + ((7 * i + 3 * k) % 11 - 5) / 2000)
        for k, (name, mean) in enumerate(means.items())
        for i in range(rounds)
    ]


FOUR = {"separate": 0.17, "shared": 0.15, "separate-aux": 0.05, "shared-aux": 0.02}


def printed(tables, width):
    console = Console(width=width)
    with console.capture() as capture:
        for table in tables:
            console.print(table)
    return capture.get()


def test_every_effect_compares_models_that_there_are():
    found = list(contrasts())
    assert len(found) == 4 * len(EFFECTS) + 8 + len(ABLATIONS)
    for _, before, after, less in found:
        assert {before, after, *(less or ())} <= set(MODELS)


def test_the_interaction_is_a_difference_of_differences_on_the_same_rounds():
    rows = study({f"conv-{kind}": mean for kind, mean in FOUR.items()}, 5)
    rows = [row for row in rows if (row.model, row.round) != ("conv-separate", 2)]
    (found,) = [effect for effect in effects(rows) if effect.less]
    assert found.name == "sharing × auxiliary loss, equal parameters"
    assert (found.before, found.after) == ("conv-separate-aux", "conv-shared-aux")
    assert (found.less, found.rounds) == (("conv-separate", "conv-shared"), 4)
    error = {(row.model.removeprefix("conv-"), row.round): row.test_error for row in rows}
    gains = [
        (error["shared-aux", i] - error["separate-aux", i])
        - (error["shared", i] - error["separate", i])
        for i in (0, 1, 3, 4)
    ]
    assert found.difference.mean == pytest.approx(sum(gains) / 4)
    words = change(found.before, found.after, found.less)
    assert words == "conv: (separate-aux → shared-aux) − (separate → shared)"
    assert not [e for e in effects(r for r in rows if r.model != "conv-shared") if e.less]


def test_effects_are_corrected_for_all_of_their_table():
    rows = study({f"fc-{kind}": mean for kind, mean in FOUR.items()}, 10)
    found = effects(rows)
    assert len(found) == 6
    assert all(effect.least_p == 2 / 1024 <= effect.p <= effect.holm for effect in found)
    clear = {effect.name: effect.stands for effect in found}
    assert clear["auxiliary loss, shared"]
    (least,) = {effect.holm for effect in found if effect.p == effect.least_p}
    assert least == 6 * 2 / 1024
    (alone,) = effects([row for row in rows if row.model in ("fc-shared", "fc-shared-aux")])
    assert alone.holm == alone.p == 2 / 1024


@pytest.mark.parametrize(("rounds", "enough"), [(2, False), (7, False), (8, True), (20, True)])
def test_a_table_says_where_rounds_are_too_few_for_its_effects(rounds, enough):
    """Six effects: the least corrected p is 6 / 64 with 7 rounds, and 6 / 128 with 8."""
    found = effects(study({f"fc-{kind}": mean for kind, mean in FOUR.items()}, rounds))
    assert any(effect.stands for effect in found) == enough
    said = [line for line in footnotes(found) if "too few" in line]
    line = (
        f"{rounds} rounds: too few for any effect to stand, with 6 to correct for; with 8 one can"
    )
    assert said == ([] if enough else [line])


def test_a_table_says_the_least_p():
    rows = study({f"fc-{kind}": mean for kind, mean in FOUR.items()}, 10)
    assert footnotes(effects(rows))[0].endswith("at least 0.002 with 10 rounds")
    fewer = [row for row in rows if row.model != "fc-shared" or row.round < 5]
    assert footnotes(effects(fewer))[0].endswith(
        "at least 0.062 with 5 rounds, 0.002 with 10 rounds"
    )
    assert footnotes(effects(rows[:1] + rows[10:11]))[0].endswith("at least 1.000 with 1 round")


def test_effects_do_not_depend_on_the_order_of_arrival():
    rows = [row("fc-separate", i, 0.3 + (i * 7 % 11) / 1000) for i in range(20)]
    rows += [row("fc-shared", i, 0.3 + (i * 5 % 13) / 1000) for i in range(20)]
    assert summarise(rows) == summarise(rows[::-1])
    (effect,) = effects(rows)
    assert 0 < effect.p < 1
    (kept,) = json.loads(json.dumps(summarise(rows)))["effects"]
    assert kept == {**effect._asdict(), "difference": effect.difference._asdict()}
    assert kept["least_p"] == 1 / (2**15 + 1)


def test_a_summary_tells_what_a_deviation_is_made_of():
    rows = [row("fc-plain", i, error) for i, error in enumerate((0.4, 0.5, 0.6))]
    (line,) = lines(rows, 100)
    assert line.test_error == Spread(0.5, pytest.approx(0.1))
    assert line.test_deviation == Parted(0.05, pytest.approx(0.0075**0.5))
    (kept,) = json.loads(json.dumps(summarise(rows, 100)))["models"]
    assert kept["test_deviation"] == line.test_deviation._asdict()
    assert lines(rows)[0].test_deviation is None
    assert summarise(rows)["models"][0]["test_deviation"] is None
    (table,) = tables(rows, 100)
    assert re.search(r"50.00 ± 10.00 │ +5.00 │ +8.66 │", printed([table], 200))


def test_models_that_the_table_does_not_know_are_kept():
    assert [line.model for line in lines([row("theirs"), row("fc-plain")])] == [
        "fc-plain",
        "theirs",
    ]


@pytest.mark.parametrize(("width", "rounds"), [(80, 10), (80, 4), (200, 10)])
def test_tables_fit(width, rounds):
    family = [name for name in MODELS if name.startswith("conv-bn-")]
    means = {name: 0.15 + 0.12 * (-1) ** k for k, name in enumerate(family)}
    text = printed(tables(study(means, rounds), 1000), width)
    assert "…" not in text
    assert all(len(line) <= width for line in text.splitlines())
    for heading in ("pairs", "rest", "Holm", "needed"):
        assert f" {heading}" in text
    if width == 200:
        assert "conv-bn: (separate-aux → shared-aux) − (separate → shared)" in text
        assert "Left out" not in text
    assert ("too few" in text) == (rounds == 4)


def test_all_pairs_of_the_test_set_can_be_had_and_no_more(tmp_path):
    args = ["pairs", "--models", "fc-shared", "--rounds", 2, "--epochs", 2, "--train-pairs", 20]
    code, out, _ = ask(*args, "--test-pairs", 5000, "--workers", 1, "--json", "--out", tmp_path)
    assert code == 0
    (line,) = json.loads(out)["models"]
    p = line["test_error"]["mean"]
    assert line["test_deviation"]["sampling"] == pytest.approx((p * (1 - p) / 5000) ** 0.5)
    assert json.loads((tmp_path / "summary.json").read_text())["models"] == [line]
    code, out, _ = ask(*args, "--test-pairs", 5000, "--out", tmp_path, COLUMNS="200")
    sampling = f"{100 * line['test_deviation']['sampling']:.2f}"
    assert code == 0
    assert re.search(rf"fc-shared │.* ± +[\d.]+ │ +{sampling} │", out)
    for command in (args, ["sweep", "epochs", *args[1:5], "--out", tmp_path / "sweep"]):
        code, out, err = ask(*command, "--test-pairs", 5001)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "test_count: expected an integer from 1 to 5000, got 5001" in err


def test_a_sweeps_effects_are_corrected_together():
    means = {f"fc-{kind}": mean for kind, mean in FOUR.items()}
    swept = {value: study(means, 9) for value in (100, 200)}
    found = effects_by_value("train-pairs", swept)["fc"]
    assert len(found) == 6
    at = [effect for named in found.values() for effect in named.values()]
    assert len(at) == 12
    assert min(effect.holm for effect in at) == 12 * min(effect.p for effect in at)
    for width in (80, 200):
        text = printed(sweep_tables("train-pairs", swept), width)
        assert text.count("*") == 1 + sum(effect.stands for effect in at) > 1
        assert "too few" not in text
    few = {value: rows[:5] + rows[9:14] for value, rows in swept.items()}
    assert "with 2 to correct for; with 7 one can" in printed(sweep_tables("epochs", few), 200)
