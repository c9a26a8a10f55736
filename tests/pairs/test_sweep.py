"""Sweeps: a study at each value of a setting, their folder and their page."""

import json
import re
import shlex
from contextlib import chdir, contextmanager
from itertools import pairwise

import pytest
import torch
from command import ask
from helpers import write_originals

from funcdl import tree
from pairs import study
from pairs.data import Digits, Mnist, Pairs
from pairs.effects import effects
from pairs.models import MODELS, find
from pairs.rates import rate
from pairs.results import Results, ResultsError
from pairs.rounds import run_round
from pairs.saved import load
from pairs.sweep import terminal as sweep_tables
from pairs.sweep.folders import folders, plan
from pairs.sweep.saved import load_sweep
from pairs.sweep.trends import effects_by_value
from pairs.training import Row, Settings, train
from reports import write_page
from studykit.statistics import spread
from studykit.svg.curves import Curve, Point, curves
from studykit.svg.value_axis import ValueAxis
from studykit.wording import difference, percent

QUICK = ["--test-pairs", "20", "--rounds", "2", "--workers", "1"]


def run(*args):
    return ask(*args, COLUMNS="80")


def rows_of(folder):
    return [json.loads(line) for line in (folder / "rounds.jsonl").read_text().splitlines()]


def test_a_sweep_is_what_pairs_gives_at_each_value_and_resumes(tmp_path):
    common = ["--models", "fc-separate,fc-shared", "--epochs", 1, *QUICK]
    args = ["sweep", "train-pairs", "--out", tmp_path / "s", *common]
    code, out, err = run(*args, "--values", "20,10")
    assert code == 0, err
    assert err.index("train-pairs-10, fc-separate, round 1") < err.index("train-pairs-20, ")
    assert max(map(len, out.splitlines())) <= 80
    assert re.search(r"model +┃ +10 ┃ +20", out)
    assert "fc: sharing" in out
    code, _, err = run("pairs", "--train-pairs", 20, *common, "--out", tmp_path / "p")
    assert code == 0, err
    assert [{**row, "seconds": 0} for row in rows_of(tmp_path / "s" / "train-pairs-20")] == [
        {**row, "seconds": 0} for row in rows_of(tmp_path / "p")
    ]
    # Half of it is gone: the same command does that half, and `pairs` finds nothing to do.
    path = tmp_path / "s" / "train-pairs-20" / "rounds.jsonl"
    before = path.read_text()
    path.write_text("".join(before.splitlines(keepends=True)[:2]))
    code, _, err = run(*args, "--values", "10,20")
    assert code == 0
    assert "Resuming: 6 rounds are there already." in err
    assert len(rows_of(tmp_path / "s" / "train-pairs-20")) == 4
    code, _, err = run(
        "pairs", "--train-pairs", 10, *common, "--out", path.parents[1] / "train-pairs-10"
    )
    assert (code, err) == (0, "Resuming: 4 rounds are there already.\n")


def test_settings_that_do_not_go_together_are_refused(tmp_path):
    args = ["--out", tmp_path, "--models", "fc-shared-aux", *QUICK]
    code, _, err = run("sweep", "epochs", "--values", 1, "--train-pairs", 10, *args)
    assert code == 0, err
    code, _, err = run("sweep", "epochs", "--values", 2, "--train-pairs", 11, *args)
    assert code == 2
    assert "holds rounds of other settings (train_pairs 10 where this run has 11)" in err
    code, _, err = run("sweep", "train-pairs", "--values", 10, *args)
    assert (code, "holds a sweep of epochs; choose another folder" in err) == (2, True)
    args[1] = tmp_path / "epochs-1"
    code, _, err = run("sweep", "train-pairs", "--values", 10, *args)
    assert (code, "holds the rounds of one study; choose another" in err) == (2, True)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["train-pairs", "--values", "10,x"], "train-pairs: expected integers from 1 separated by commas, got '10,x'"),
        (["epochs", "--values", "0"], "epochs: expected integers from 1"),
        (["epochs", "--values", ""], "epochs: expected integers from 1"),
        (["aux-weight", "--values", "-1"], "aux-weight: expected numbers from 0 to 3.4e38"),
        (["aux-weight", "--values", "nan"], "aux-weight: expected numbers from 0 to 3.4e38"),
        (["aux-weight", "--values", "1e39"], "aux-weight: expected numbers from 0 to 3.4e38"),
        (["aux-weight", "--values", "1,inf"], "aux-weight: expected numbers from 0 to 3.4e38"),
        (["aux-weight", "--models", "fc-shared"], "aux-weight: expected models with an auxiliary loss, got 'fc-shared'"),
        (["epochs", "--models", "champion"], "epochs: expected models without a recipe of their own, got 'champion'"),
        (["epochs", "--models", "fc-sharde"], "did you mean fc-shared"),
        (["epochs", "--epochs", "3"], "Invalid value for --epochs: this is what is varied"),
        (["train-pairs", "--train-pairs", "3"], "Invalid value for --train-pairs: this is what is varied"),
        (["seed"], "is not one of"),
        (["lr", "--values", "0.1,fast"], "lr: expected numbers from 0 to 3.4e38 separated by commas, got '0.1,fast'"),
        (["augment", "--values", "shift,swap"], "augment: expected none, shift or warp separated by commas, got 'shift,swap'"),
        (["augment", "--augment", "warp"], "Invalid value for --augment: this is what is varied"),
        (["lr", "--models", "champion"], "lr: expected models without a recipe of their own, got 'champion'"),
        (["train-pairs", "--values", "10,20001"], "train_count: expected an integer from 1 to 20000, got 20001"),
        (["train-pairs", "--values", "10,9990", "--validation"], "test_count: expected an integer from 1 to 10, got 1000"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_before_any_work(tmp_path, args, words):
    code, _, err = run("sweep", *args, "--out", tmp_path / "s")
    assert code == 2, err
    assert words in re.sub(r"[│\s]+", " ", err)
    assert not (tmp_path / "s").exists()


def test_an_interrupted_sweep_keeps_its_rows(tmp_path, monkeypatch):
    real = study.run

    def cut(tasks, *rest, **options):
        yield from real(tasks[:3], *rest, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "run", cut)
    args = ["sweep", "epochs", "--out", tmp_path, "--values", "1,2", "--train-pairs", 10, *QUICK]
    code, out, err = run(*args, "--models", "fc-shared")
    assert (code, "fc-shared" in out) == (130, True)  # what is finished is told, too
    assert "Interrupted: 3 rounds are finished. The same command goes on from there." in err
    assert [len(rows_of(tmp_path / name)) for name in ("epochs-1", "epochs-2")] == [2, 1]


def test_a_cluster_finds_files_that_this_machine_has_not(tmp_path, monkeypatch):
    """Their folder is named in full: its workers are at home elsewhere."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)

    @contextmanager
    def elsewhere(address):
        assert address == "scheduler:8786"
        write_originals(home / "mnist", 90, 40)
        with chdir(tmp_path):
            yield lambda work, tasks, stop: ((task, work(task)) for task in tasks)

    monkeypatch.setattr("funcdl_cli.rounds.cluster", elsewhere)
    args = ["sweep", "epochs", "--values", 2, "--models", "fc-plain", "--train-pairs", 30]
    args += [*QUICK, "--data-dir", "mnist"]
    code, _, err = run(*args, "--out", tmp_path / "there", "--dask", "scheduler:8786")
    assert code == 0, err
    code, _, err = run(*args, "--out", tmp_path / "here")
    assert code == 0, err
    there, here = (rows_of(tmp_path / folder / "epochs-2") for folder in ("there", "here"))
    assert len(there) == 2
    assert [{**row, "seconds": 0} for row in there] == [{**row, "seconds": 0} for row in here]


def test_a_round_that_diverges_is_named_with_its_value(tmp_path):
    args = ["--values", "0,3e38", "--models", "fc-shared-aux", "--epochs", 1, "--train-pairs", 10]
    code, _, err = run("sweep", "aux-weight", "--out", tmp_path, *args, *QUICK)
    assert code == 1
    expected = "Error: aux-weight-3e+38, fc-shared-aux, round 1: the loss is no longer finite"
    assert expected in err
    assert len(rows_of(tmp_path / "aux-weight-0")) == 2
    # Its page is that of the value with results.
    assert list(load_sweep(tmp_path).studies) == [0.0]


@pytest.mark.parametrize("kind", ["separate", "shared"])
def test_at_weight_0_the_auxiliary_loss_is_gone(kind, rng):
    """From the same first weights, the Boolean alone gives the same numbers but for rounding."""
    images = torch.rand(40, 2, 14, 14, generator=rng)
    classes = torch.randint(0, 10, (40, 2), generator=rng)
    pairs = Pairs(images, (classes[:, 0] <= classes[:, 1]).long(), classes)
    with_aux, without = MODELS[f"fc-{kind}-aux"], MODELS[f"fc-{kind}"]
    first, again = (
        model.net.init(torch.Generator().manual_seed(3), (2, 14, 14))[0]
        for model in (with_aux, without)
    )
    # At one rate, since each would have its own.
    settings = Settings(epochs=2, batch_size=10, lr=4e-3)

    def trained(model, params, weight):
        asked, draws = settings._replace(aux_weight=weight), torch.Generator().manual_seed(1)
        for epoch in train(model, params, pairs, [asked], [draws]):
            last = epoch
        return tree.ravel(last.params)[0]

    alone = trained(without, again, 1.0)
    torch.testing.assert_close(trained(with_aux, first, 0.0), alone)
    assert not torch.allclose(trained(with_aux, first, 1.0), alone)
    # And a model without an auxiliary loss is the same whatever the weight.
    assert torch.equal(trained(without, again, 7.0), alone)


def test_the_weight_reaches_the_rows(rng):
    images = torch.randint(0, 256, (200, 14, 14), generator=rng).to(torch.uint8)
    noise = Digits(images, torch.randint(0, 10, (200,), generator=rng))
    settings = Settings(epochs=15, lr=4e-3, train_pairs=50, test_pairs=50, augment="none")
    without, heavy = (
        run_round("fc-shared-aux", 0, settings._replace(aux_weight=w), Mnist(noise, noise))
        for w in (0.0, 100.0)
    )
    assert heavy.digit_error < without.digit_error - 0.2


def test_a_folder_of_other_weights_is_refused_and_so_is_one_that_does_not_say(tmp_path):
    Results(tmp_path, Settings(), "package").add(made("fc-plain", 0, 0.1))
    path = tmp_path / "summary.json"
    summary = json.loads(path.read_text())
    del summary["settings"]["aux_weight"]
    path.write_text(json.dumps(summary))
    with pytest.raises(ResultsError, match=r"aux_weight None where this run has 1\.0"):
        Results(tmp_path, Settings(), "package")
    summary["settings"]["aux_weight"] = 1.0
    path.write_text(json.dumps(summary))
    assert Results(tmp_path, Settings(), "package").done("fc-plain", 0)
    with pytest.raises(ResultsError, match=r"aux_weight 1\.0 where this run has 2\.0"):
        Results(tmp_path, Settings(aux_weight=2.0), "package")


def made(model, i, error, lr=None):
    return Row(model, i, 0, 70_000, 25, rate(model) if lr is None else lr, 0.0, error, None, 1.5)


def error_of(model, value, i):
    """Make up an error: no two are equal."""
    part = list(MODELS).index(model) / 100 + (i * 7 % 5) / 200
    return 0.1 + part + 0.3 / (1 + value) * (1 + part)


def sweep_of(folder, setting, asked, names, rounds=3):
    opened = plan(folder, setting, asked, Settings(), "package")
    for value, results in zip(asked, opened.values()):
        for i in range(rounds):
            for name in names:
                results.add(made(name, i, error_of(name, value, i)))
        results.finish()
    return folder


IDEAS = [f"{b}-{k}" for b in ("fc", "conv-bn") for k in ("separate", "separate-aux", "shared", "shared-aux")]  # fmt: skip


def test_the_page_has_a_figure_of_errors_and_one_of_effects_for_each_backbone(tmp_path):
    sweep_of(tmp_path, "train-pairs", [125, 8000], IDEAS)
    text = write_page(tmp_path).read_text(encoding="utf-8")
    headings = ["fc models", "conv-bn models", "How it was made"]
    assert re.findall(r"<h2 id=[^>]*>(.*) <a", text) == headings
    assert text.count("<figure>") == text.count('<svg role="img"') == 4
    assert text.count('class="band"') == 2 * 4
    assert text.count('class="whisker"') == 2 * 6 * 2
    assert len(re.findall(r'class="mark[a-z ]*"', text)) == (2 + 1) * 2 * (4 + 6)
    assert not [word for word in ("://", "<script", "src=") if word in text]
    names = re.findall(r'id="([^"]+)"', text)
    places = re.findall(r'href="?([^">]*)', text)
    assert {place[:1] for place in places} == {"#"}
    assert {place[1:] for place in places} <= set(names)
    assert len(names) == len(set(names)) == 8 + 3 + 4  # of figures, and of headings
    for labels in re.findall(r'aria-labelledby="([^"]+)"', text):
        assert set(labels.split()) <= set(names)
    # Its tables have the numbers of the rows.
    errors = [error_of("conv-bn-shared-aux", 8000, i) for i in range(3)]
    assert f"<td>{percent(spread(errors))}</td>" in text
    rows = load(tmp_path / "train-pairs-8000").rows
    for effect in effects(rows):
        assert f"<td>{difference(effect.difference)}</td>" in text
    assert "conv-bn-shared-aux: " in re.findall(r"<desc.*?>(.*)</desc>", text)[2]
    assert "125, 8000" in text


def test_words_stand_in_their_own_order_on_the_page_and_in_the_tables(tmp_path):
    """Whichever came first; a word is as far from the next as any."""
    names = ["fc-separate", "fc-shared"]
    for value, results in plan(tmp_path, "augment", ["warp", "none", "shift"], Settings(), "package").items():  # fmt: skip
        for i in range(3):
            for k, name in enumerate(names):
                results.add(made(name, i, 0.1 + i / 50 + k / 20 + len(value.augment) / 90))
    found = load_sweep(tmp_path)
    assert list(found.studies) == ["none", "shift", "warp"]
    text = write_page(tmp_path).read_text(encoding="utf-8")
    assert re.findall(r'text-anchor="middle">(\w+)</text>', text) == ["none", "shift", "warp"] * 2
    places = [float(x) for x in re.findall(r'<circle class="mark" cx="([\d.]+)%"', text)][:3]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], abs=0.02)
    assert places[1] - places[0] > 20
    rows = {value: saved.rows for value, saved in found.studies.items()}
    table, compared = sweep_tables.sweep_tables("augment", rows)
    for one in (table, compared):
        assert [column.header for column in one.columns][1:] == ["none", "shift", "warp"]
    assert "funcdl-cli sweep augment --models fc-separate,fc-shared --rounds 3 --out DIR" in text


def test_the_command_on_the_page_gives_the_sweep_again(tmp_path):
    args = [
        "epochs",
        "--values",
        "1,2",
        "--models",
        "fc-shared",
        "--train-pairs",
        10,
        *QUICK,
        "--validation",
    ]
    assert run("sweep", *args, "--out", tmp_path / "one")[0] == 0
    text = write_page(tmp_path / "one").read_text(encoding="utf-8")
    assert "this run was for tuning" in text
    (command,) = re.findall(r"<pre><code>(.*)</code></pre>", text)
    words = [str(tmp_path / "two") if word == "DIR" else word for word in shlex.split(command)]
    assert run(*words[1:])[0] == 0
    for name in ("epochs-1", "epochs-2"):
        one, two = (rows_of(tmp_path / folder / name) for folder in ("one", "two"))
        key = lambda row: row["round"]  # noqa: E731
        assert [{**row, "seconds": 0} for row in sorted(one, key=key)] == [
            {**row, "seconds": 0} for row in sorted(two, key=key)
        ]


@pytest.mark.parametrize(
    ("values", "base", "source", "words"),
    [
        ([5, 10, 25, 50, 100], {}, "package", " --rounds 1"),
        ([5, 10], {}, "files", " --values 5,10 --rounds 1 --data-dir MNIST"),
        ([5, 10], {"seed": 3}, "package", " --values 5,10 --rounds 1 --seed 3"),
        ([5, 10], {"batch_size": 7}, "package", None),
    ],
)  # fmt: skip
def test_the_command_on_the_page_has_what_is_not_a_default(tmp_path, values, base, source, words):
    """And there is none where only `pairs` can be given such settings."""
    for results in plan(tmp_path, "epochs", values, Settings(**base), source).values():
        for kind in ("separate", "separate-aux", "shared", "shared-aux"):
            model = f"conv-bn-{kind}"  # those of the default
            results.add(made(model, 0, 0.1)._replace(seed=results.settings["seed"]))
    text = write_page(tmp_path).read_text(encoding="utf-8")
    found = re.findall(r"<pre><code>(.*)</code></pre>", text)
    assert ("This command gives the same numbers again" in text) == bool(found)
    assert found == ([] if words is None else [f"funcdl-cli sweep epochs{words} --out DIR"])


def test_weights_are_compared_with_weight_0(tmp_path):
    names = ["fc-separate-aux", "fc-shared-aux"]
    sweep_of(tmp_path, "aux-weight", [0.0, 0.5, 2.0], names)
    rows = {value: saved.rows for value, saved in load_sweep(tmp_path).studies.items()}
    found = effects_by_value("aux-weight", rows)["fc"]
    assert {name: list(at) for name, at in found.items()} == {
        "sharing with the digits' loss, equal parameters": [0.0, 0.5, 2.0],
        "auxiliary loss, separate": [0.5, 2.0],
        "auxiliary loss, shared": [0.5, 2.0],
        "both": [0.5, 2.0],
        "sharing × auxiliary loss, equal parameters": [0.5, 2.0],
    }
    gained = [error_of(names[1], 2.0, i) - error_of(names[0], 0.0, i) for i in range(3)]
    assert found["both"][2.0].difference.mean == pytest.approx(sum(gained) / 3)
    text = write_page(tmp_path).read_text(encoding="utf-8")
    assert "At weight 0 a model learns the Boolean alone" in text
    tables = list(sweep_tables.sweep_tables("aux-weight", rows))
    assert [table.row_count for table in tables] == [2, 5]


def test_an_unfinished_sweep_has_a_page_and_other_folders_one_sentence(tmp_path):
    folder = sweep_of(tmp_path / "s", "epochs", [5, 10], ["fc-shared"], rounds=1)
    plan(folder, "epochs", [5, 10, 25], Settings(), "package")
    with (folder / "epochs-25" / "rounds.jsonl").open("w") as file:
        file.write('{"model": "fc-sh')
    (folder / "notes").mkdir()
    (folder / "epochs-old").mkdir()
    assert list(load_sweep(folder).studies) == [5, 10]
    code, out, err = run("report", folder)
    assert (code, out) == (0, f"{folder / 'report.html'}\n"), err
    assert (folder / "report.html").read_text(encoding="utf-8").count('<svg role="img"') == 1

    def refused(words):
        (folder / "report.html").unlink(missing_ok=True)
        code, _, err = run("report", folder)
        assert (code, err.count("\n")) == (2, 1), err
        assert words in err
        assert not (folder / "report.html").exists()

    other = folder / "epochs-10" / "summary.json"
    kept = other.read_text()
    other.write_text(kept.replace('"lr": null', '"lr": 0.1').replace('"epochs": 10', '"epochs": 9'))
    refused("differ from those of the other values by epochs alone, found another epochs, lr")
    other.write_text(kept)
    (folder / "rounds.jsonl").write_text("")
    refused("found rounds.jsonl beside the folders of a sweep")
    (folder / "rounds.jsonl").unlink()
    (folder / "epochs-5").rename(folder / "train-pairs-5")
    refused("expected a sweep of one setting, found epochs and train-pairs")
    (folder / "train-pairs-5").rename(folder / "epochs-5")
    for name in ("epochs-5", "epochs-10"):
        (folder / name / "rounds.jsonl").unlink()
    refused("expected at least one finished round, found none")
    (folder / "epochs-10" / "rounds.jsonl").mkdir()
    refused("epochs-10/rounds.jsonl: expected a file that can be read, got: Is a directory")


def test_a_folder_without_a_value_is_no_sweep(tmp_path):
    with pytest.raises(ResultsError) as caught:
        load_sweep(tmp_path)
    said = f"{tmp_path}: expected a folder that 'funcdl-cli sweep --out' wrote"
    assert str(caught.value) == said


def test_a_study_whose_folder_only_begins_like_a_value_is_left_alone(tmp_path):
    Results(tmp_path / "epochs-old", Settings(), "package").add(made("fc-plain", 0, 0.1))
    assert folders(tmp_path) is None
    sweep_of(tmp_path, "epochs", [5, 10], ["fc-shared"])
    assert list(load_sweep(tmp_path).studies) == [5, 10]


def test_hostile_names_are_only_words(tmp_path):
    folder = sweep_of(tmp_path, "epochs", [5, 10], ["fc-shared"])
    hostile = '"><script>alert(1)</script>\ud800-aux'
    with (folder / "epochs-5" / "rounds.jsonl").open("a") as file:
        file.write(json.dumps(made(hostile, 0, 0.5, lr=0.1)._asdict()) + "\n")
    text = write_page(folder).read_text(encoding="utf-8")
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 3


def test_curves_place_values_by_their_logarithms_and_0_before_all():
    points = [Point(value, 10.0, 5.0, 20.0) for value in (0.0, 1.0, 10.0, 100.0)]
    text = curves("a", "t", "x", "y", [Curve("one", points)])
    places = [float(x) for x in re.findall(r'<circle class="mark" cx="([\d.]+)%"', text)]
    steps = [round(b - a, 1) for a, b in pairwise(places)]
    assert len(places) == 4
    assert steps == [steps[0]] * 3
    assert steps[0] > 20
    # Side by side, where each has its own bar.
    both = curves("a", "t", "x", "y", [Curve("one", points), Curve("two", points)], whiskers=True)
    bars = [float(x) for x in re.findall(r'class="whisker" x1="([\d.]+)%"', both)]
    assert len(bars) == len(set(bars)) == 8
    # One round of one value: a mark, no interval.
    text = curves("a", "t", "x", "y", [Curve("one", [Point(3.0, 10.0, None, None)])])
    assert "band" not in text
    assert text.count('class="mark"') == 2


def test_a_value_whose_label_would_run_into_another_has_a_line_alone():
    drawn = list(ValueAxis([1000, 1001, 8000]).drawn("number of pairs", 100))
    assert sum("<line" in part for part in drawn) == 3
    words = [re.search(r">([^<]+)</text>", part) for part in drawn]
    assert [found[1] for found in words if found] == ["1,000", "8,000", "number of pairs"]


def test_lines_can_be_told_apart_without_colour():
    names = "abcdefghij"
    text = curves(
        "a", "t", "x", "y", [Curve(name, [Point(1.0, 1.0, None, None)]) for name in names]
    )
    looks = re.findall(
        r'<g class="s\d">\n<line class="curve" stroke-dasharray="([^"]*)".*\n<(\w+) class="([^"]*)"',
        text,
    )
    assert len(looks) == len(set(looks)) == len(names)


def test_many_models_are_drawn_by_how_they_are_tied_on_the_same_axes(tmp_path):
    names = find("fc-plain*,fc-sep*,fc-shared*")
    sweep_of(tmp_path, "lr", [0.001, 0.01], names)
    text = write_page(tmp_path).read_text(encoding="utf-8")
    figures = text.split("<figure>")[1:]
    errors = [one for one in figures if 'id="errors-' in one]
    legends = [re.findall(r'class="label" [^>]*>([^<]+)<', one) for one in errors]
    assert [name for legend in legends for name in legend] == names
    assert len(errors) == 3
    marks = [re.findall(r'text-anchor="end">([\d.]+)</text>', one) for one in errors]
    assert marks[0] == marks[1] == marks[2]
    effects_there = [one for one in figures if 'id="effects-' in one]
    assert len(effects_there) > 1
    for name in names:
        assert f'<th scope="row">{name}</th>' in text


def test_errors_that_span_a_decade_are_on_a_logarithmic_axis_and_differences_never():
    lines = [Curve("a", [Point(1.0, 1.0, -3.0, 5.0), Point(2.0, 40.0, 30.0, 180.0)])]
    text = curves("a", "t", "x", "error", lines, most=100, log=True)
    assert "error (logarithmic)" in text
    assert ">100</text>" in text
    assert ">200</text>" not in text
    assert "logarithmic" not in curves("a", "t", "x", "error", lines, whiskers=True)
