"""The documents' figures are those of the published results, and those are of their rows."""

import importlib.util
import json
import math
import re
from pathlib import Path

import pytest
import torch

from pairs.calibration import measured
from pairs.models import MODELS
from pairs.rates import best, grid, rate
from pairs.results import Results, read_rows, summarise
from pairs.training import Row, Settings
from studykit.files import ResultsError
from studykit.seeds import generator
from studykit.statistics import interval
from studykit.wording import difference

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "published"
DOCUMENTS = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
FOLDERS = sorted(path.parent.name for path in RESULTS.glob("*/rounds.jsonl"))
SMALL = Settings(train_pairs=30, test_pairs=200)
KINDS = ["plain", "separate", "separate-wide", "shared", "separate-aux", "shared-aux"]
ABLATED = ["champion", "champion-without-warp", "champion-without-sharpening"]
DOCUMENT = """
Of <!--= setting default train_pairs -->?<!--/--> pairs and <!--= setting default rounds -->?<!--/-->
rounds, made with <!--= setting default made -->?<!--/-->: an error of
<!--= model default conv-bn-plain test -->?<!--/-->, <!--= model bare conv-shared mean -->?<!--/-->,
of digits <!--= model default conv-bn-shared-aux digit -->?<!--/-->; in
<!--= model default conv-bn-plain seconds -->?<!--/--> s, with
<!--= model default conv-bn-plain parameters -->?<!--/--> parameters and a loss of
<!--= model default conv-bn-plain nll -->?<!--/-->.

<!--= models default/conv-bn -->
<!--/-->

<!--= models default/conv-bn plain shared -->
<!--/-->

<!--= calibration default/conv-bn -->
<!--/-->

<!--= calibration bare/conv shared-aux -->
<!--/-->

<!--= ablation ablation -->
<!--/-->

<!--= kinds default/conv-bn bare/conv -->
<!--/-->

<!--= effects default/conv-bn bare/conv -->
<!--/-->

<!--= beside bare/conv default/conv-bn 2 -->
<!--/-->

Sharing <!--= effect default/conv-bn points sharing, equal width -->?<!--/-->, that is
<!--= effect bare/conv difference sharing, equal width -->?<!--/-->,
p <!--= effect default/conv-bn p both -->?<!--/-->, <!--= effect default/conv-bn holm both -->?<!--/-->.

<!--= rates conv-bn fc -->
<!--/-->

<!--= tuning rounds -->?<!--/--> rounds of <!--= tuning test_pairs -->?<!--/--> pairs.
It took from <!--= mark least -->?<!--/--> to <!--= mark most -->?<!--/--> s.
With the swap <!--= swap swap sharing -->?<!--/-->, <!--= swap swap conv-shared -->?<!--/-->, without
<!--= swap none sharing -->?<!--/-->.
Of <!--= doubt digits all pictures -->?<!--/--> pictures <!--= doubt digits MNIST right -->?<!--/-->
are right, of letters <!--= doubt untaught_letters all doubted -->?<!--/--> doubted, and
<!--= doubt all all wrong% -->?<!--/--> % wrong (<!--= doubt all all wrong± -->?<!--/--> %).
"""
ASKED = re.findall(r"<!--= (.+) -->", DOCUMENT.replace("<!--/-->", "\n"))


@pytest.fixture
def script():
    """The script, with nothing read yet."""
    spec = importlib.util.spec_from_file_location("published", ROOT / "docs" / "published.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stale(script, text):
    """The figures of a document that the files tell otherwise."""
    found = script.FIGURE.finditer(text)
    return [match["what"] for match in found if script.filled(match[0]) != match[0]]


def alike(theirs, ours):
    """Whether two parts of JSON are the same, but for the rounding of another processor."""
    if isinstance(ours, dict):
        return theirs.keys() == ours.keys() and all(alike(theirs[key], ours[key]) for key in ours)
    if isinstance(ours, list):
        return len(theirs) == len(ours) and all(map(alike, theirs, ours))
    if isinstance(ours, float):
        return math.isclose(theirs, ours, rel_tol=1e-9, abs_tol=1e-12)
    return theirs == ours


def true(folder):
    """Whether a folder's summary is that of its rows."""
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    settings = summary["settings"]
    rows = read_rows(folder / "rounds.jsonl", settings)
    ours = json.loads(json.dumps(summarise(rows, settings["test_pairs"])))
    return alike({key: summary[key] for key in ours}, ours)


def true_swap(path):
    """Whether the gains of the example are those of its errors."""
    told = json.loads(path.read_text("utf-8"))
    return all(
        alike(
            told[kind]["sharing"],
            interval([b - a for a, b in zip(*told[kind]["errors"].values())])._asdict(),
        )
        for kind in ("none", "swap")
    )


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_figure_of_a_document_is_that_of_the_files(script, name):
    text = (ROOT / name).read_text("utf-8")
    found = [match["what"] for match in script.FIGURE.finditer(text)]
    assert ROOT / name in script.DOCUMENTS
    assert text.count("<!--=") == text.count("<!--/-->") == len(found)
    assert stale(script, text) == [], "run python docs/published.py"


@pytest.mark.parametrize("name", FOLDERS)
def test_a_published_summary_says_what_its_rows_say(name):
    assert true(RESULTS / name)


def test_the_published_gain_of_the_swap_is_that_of_its_errors():
    assert true_swap(RESULTS / "leaking_swap.json")


def row(model, i, settings):
    """A round whose answers are drawn, with all that is counted of them."""
    rng = generator(0, model, i)
    classes = torch.randint(10, (settings.test_pairs, 2), generator=rng)
    target = (classes[:, 0] <= classes[:, 1]).long()
    logits = torch.randn(len(target), 2, generator=rng)
    logits[:, 1] += 2.0 * target - 1.0
    digits = None
    if model.endswith("-aux") or MODELS[model].recipe is not None:
        digits = torch.randn(len(target), 2, 10, generator=rng)
    swapped = torch.randn(int((classes[:, 0] != classes[:, 1]).sum()), 2, generator=rng)
    error = int((logits.argmax(-1) != target).sum()) / len(target)
    return Row(
        model,
        i,
        settings.seed,
        70_000 + len(model),
        settings.epochs,
        rate(model) if MODELS[model].recipe is None else 0.02,
        error / 2,
        error,
        None if digits is None else error / 3,
        1.5 + i,
        measured(logits, digits, swapped, target, classes),
    )


@pytest.fixture
def made(script, tmp_path, monkeypatch):
    """Small results, as the real ones are laid out."""
    studies = {
        "default": (SMALL, [f"conv-bn-{kind}" for kind in KINDS]),
        "bare": (SMALL._replace(augment="none"), [f"conv-{kind}" for kind in KINDS]),
        "ablation": (SMALL._replace(validation=True), ABLATED),
        "mark": (SMALL, ["conv-bn-plain"]),
    }
    for study, (settings, names) in studies.items():
        results = Results(tmp_path / "published" / study, settings, "package")
        for i in range(4):
            for name in names:
                results.add(row(name, i, settings))
        results.finish()
    errors = {"conv-separate": [0.17, 0.18, 0.165], "conv-shared": [0.15, 0.155, 0.16]}
    sharing = interval([-0.02, -0.025, -0.005])._asdict()
    swap = {kind: {"errors": errors, "sharing": sharing} for kind in ("none", "swap")}
    (tmp_path / "published" / "leaking_swap.json").write_text(json.dumps(swap))
    monkeypatch.setattr(script, "ROOT", tmp_path)
    monkeypatch.setattr(script, "RESULTS", tmp_path / "published")
    monkeypatch.setattr(script, "DOCUMENTS", [tmp_path / "README.md"])
    data = tmp_path / "pairs" / "data"
    data.mkdir(parents=True)
    (data / "rates.json").write_bytes((ROOT / "pairs" / "data" / "rates.json").read_bytes())
    (tmp_path / "README.md").write_text(DOCUMENT, "utf-8")
    return tmp_path


def cells(text, first):
    """The row of a table of GitHub's that begins with a cell."""
    (line,) = re.findall(rf"^\| {re.escape(first)} \|.*$", text, re.M)
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_script_fills_documents_and_then_finds_nothing_to_do(script, made, capsys):
    assert script.main() == 0
    assert capsys.readouterr().out == "README.md: filled anew\n"
    text = (made / "README.md").read_text("utf-8")
    assert "?" not in text
    assert stale(script, text) == []
    assert script.main() == 0
    assert capsys.readouterr().out == ""
    plain = [row("conv-bn-plain", i, SMALL).test_error for i in range(4)]
    shown = f"{25 * sum(plain):.2f} ± {100 * torch.tensor(plain, dtype=torch.double).std():.2f}"
    assert f"<!--= model default conv-bn-plain test -->{shown}<!--/-->" in text
    parts = text.split("<!--= ")
    table = next(part for part in parts if part.startswith("models default/conv-bn -->"))
    assert len(re.findall(r"^\| `", table, re.M)) == len(KINDS)
    line = cells(table, "`conv-bn-plain`")
    assert line == ["`conv-bn-plain`", "70,013", f"{rate('conv-bn-plain'):g}", shown, "–"]
    table = next(part for part in parts if part.startswith("beside "))
    name, few, everything, _, told, seen = cells(table, "sharing, equal parameters")
    differences = [
        row("conv-bn-shared", i, SMALL).test_error - row("conv-bn-separate", i, SMALL).test_error
        for i in range(4)
    ]
    assert few == script.gain(script.effect("bare", "conv", name)["difference"])
    assert everything == difference(interval(differences))
    halves = [interval(differences[:2]), interval(differences[2:])]
    mean = sum(differences) / 4
    assert told == f"{sum(half.low <= mean <= half.high for half in halves)} of 2"
    assert seen == "0 of 2"  # two rounds have a p of 0.5 at the least
    table = next(part for part in parts if part.startswith("rates "))
    errors = grid()["fc-plain"]
    least = f"**{100 * min(sum(found) / len(found) for found in errors.values()):.2f}**"
    line = cells(table, "`fc-plain`")
    assert [cell for cell in line if "*" in cell] == [least]
    assert float(cells(table, "model")[line.index(least)]) == best(errors)


@pytest.mark.parametrize("what", ASKED)
def test_a_figure_that_is_altered_in_a_document_is_found(script, made, what):
    text = script.filled(DOCUMENT)
    start = text.index(f"<!--= {what} -->") + len(f"<!--= {what} -->")
    end = text.index("<!--/-->", start)
    digit = max(i for i in range(start, end) if text[i].isdigit())
    other = text[:digit] + str((int(text[digit]) + 1) % 10) + text[digit + 1 :]
    assert stale(script, other) == [what]


def test_a_summary_that_is_altered_is_found_in_the_documents_and_beside_its_rows(script, made):
    text = script.filled(DOCUMENT)
    folder = made / "published" / "default"
    assert true(folder)
    path = folder / "summary.json"
    kept = path.read_text("utf-8")
    for group, key, named in (("models", "test_error", "conv-bn-plain"), ("effects", "p", "both")):
        summary = json.loads(kept)
        for part in summary[group]:
            if named in (part.get("model"), part.get("name")):
                if key == "p":
                    part[key] *= 0.9
                else:
                    part[key]["mean"] += 1e-4
        path.write_text(json.dumps(summary), "utf-8")
        script.summary.cache_clear()
        assert not true(folder)
        assert any("conv-bn" in what for what in stale(script, text))


@pytest.mark.parametrize("change", [{"test_error": 0.5}, {"seconds": 9.0}, {"digit_error": 0.01}])
def test_a_row_that_is_altered_is_found(made, change):
    folder = made / "published" / "bare"
    assert true(folder)
    path = folder / "rounds.jsonl"
    first, *others = path.read_text("utf-8").splitlines()
    fields = json.loads(first)
    if "digit_error" in change:
        i = next(i for i, line in enumerate(others) if '"conv-shared-aux"' in line)
        others[i] = json.dumps({**json.loads(others[i]), **change})
        change = {}
    path.write_text("\n".join([json.dumps({**fields, **change}), *others]) + "\n", "utf-8")
    if "test_error" in change:  # its calibration has the number of wrong answers too
        with pytest.raises(ResultsError, match="line 1"):
            true(folder)
    else:
        assert not true(folder)


def test_a_row_that_is_missing_is_found(made):
    folder = made / "published" / "default"
    path = folder / "rounds.jsonl"
    path.write_text("\n".join(path.read_text("utf-8").splitlines()[:-1]) + "\n", "utf-8")
    assert not true(folder)


def test_an_error_of_the_swap_that_is_altered_is_found(script, made):
    path = made / "published" / "leaking_swap.json"
    text = script.filled(DOCUMENT)
    assert true_swap(path)
    told = json.loads(path.read_text("utf-8"))
    told["swap"]["errors"]["conv-shared"][0] += 0.01
    path.write_text(json.dumps(told), "utf-8")
    assert not true_swap(path)
    assert stale(script, text) == ["swap swap conv-shared"]


def test_every_kind_of_figure_is_tried(script):
    assert {what.split()[0] for what in ASKED} == {*script.FIGURES}
    assert len({*ASKED}) == len(ASKED)
    assert all(f"conv-{kind}" in MODELS for kind in KINDS)
