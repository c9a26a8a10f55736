"""The page of a study: whole, self-contained, true to the summary, and safe."""

import json
import re

import pytest
from command import ask
from helpers import HOSTILE, Page

from pairs.models import MODELS as ALL
from pairs.page import render
from pairs.rates import rate
from pairs.results import Results, ResultsError
from pairs.saved import load
from pairs.training import Row, Settings
from reports import write_page
from studykit.page.parts import document
from studykit.statistics import Interval, Spread
from studykit.svg.forest import Bar, forest
from studykit.svg.scale import scale, ticks
from studykit.svg.strips import Strip, strips
from studykit.wording import difference, percent, probability, rounds, starred

MODELS = ["conv-plain", "conv-separate", "conv-shared", "conv-shared-aux", "fc-plain"]


def row(model, i, k):
    digit = 0.03 + i / 500 if model.endswith("aux") else None
    return Row(
        model,
        i,
        7,
        70_000 + k,
        25,
        rate(model),
        0.01 * k,
        0.1 + 0.02 * k + (i * (k + 3) % 5) / 100,
        digit,
        1.5 + i,
    )


@pytest.fixture
def folder(tmp_path):
    results = Results(tmp_path / "study", Settings(seed=7), "package")
    for i in range(4):
        for k, model in enumerate(MODELS):
            results.add(row(model, i, k))
    results.finish()
    return tmp_path / "study"


def made(folder):
    path = write_page(folder)
    assert path == folder / "report.html"
    text = path.read_text(encoding="utf-8")
    return Page(text), text


def test_the_page_is_well_formed_and_alone(folder):
    found, text = made(folder)
    assert text.startswith("<!DOCTYPE html>")
    assert found.all("html") == [{"lang": "en-GB"}]
    assert any(attrs.get("name") == "viewport" for attrs in found.all("meta"))
    for tag in ("title", "main", "h1", "style"):
        assert found.tags.count((tag, {})) == 1
    assert "script" not in {tag for tag, _ in found.tags}
    # Nothing is loaded: no address anywhere, in markup or in style, but places of the page itself.
    places = [value for key, value in found.attributes if key == "href"]
    assert {place[0] for place in places} == {"#"}
    assert not {"src", "srcset", "action", "data", "style"} & {k for k, _ in found.attributes}
    assert not [word for word in ("://", "url(", "@import", "javascript:") if word in text]
    identifiers = [value for key, value in found.attributes if key == "id"]
    assert len(identifiers) == len(set(identifiers))
    assert {place[1:] for place in places} <= set(identifiers)
    assert text.count("prefers-color-scheme: dark") == 1


def test_each_heading_is_in_the_contents_and_links_to_itself(folder):
    found, text = made(folder)
    headings = found.all("h2")
    contents = re.findall(r'<li><a href="#([^"]+)">([^<]+)</a></li>', text)
    assert [name for name, _ in contents] == [attrs["id"] for attrs in headings]
    assert [words for _, words in contents] == [words.strip() for words in found.text("h2")]
    links = [a["href"] for a in found.all("a") if a.get("class") == "here"]
    assert links == [f"#{attrs['id']}" for attrs in headings]
    assert text.index("<nav") < text.index("<section")


def test_headings_alike_have_addresses_of_their_own():
    text = document("t", [], ["<h2>A &amp; b</h2>", "<h3>c</h3>", "<h2>A b</h2>", "<h3>c</h3>"])
    assert re.findall(r'<h\d id="([^"]+)"', text) == [
        "section-a-b",
        "section-a-b-c",
        "section-a-b-2",
        "section-a-b-c-2",
    ]
    assert "<li>" not in text.partition("</ul>")[2]


def test_what_a_figure_shows_is_said_before_it(folder):
    _, text = made(folder)
    assert len(re.findall(r"<figure>\n<figcaption>[^<]+</figcaption>\n<svg", text)) == 2


def test_every_figure_has_a_text_alternative(folder):
    found, _ = made(folder)
    figures = found.all("svg")
    named = {attrs["id"]: tag for tag, attrs in found.tags if "id" in attrs}
    assert len(figures) == len(found.all("figure")) == len(found.all("figcaption")) == 2
    for attrs in figures:
        assert attrs["role"] == "img"
        assert [named[name] for name in attrs["aria-labelledby"].split()] == ["title", "desc"]
    for said in found.text("desc"):
        assert len(said) > 100
    assert all(f"{model}: 4 values from " in found.text("desc")[0] for model in MODELS)
    assert len(found.all("circle")) == 4 * len(MODELS) + 4


def test_the_tables_say_what_the_summary_says(folder):
    found, text = made(folder)
    rows = {cells[0]: cells[1:] for cells in found.rows[: 1 + len(MODELS)]}
    summary = json.loads((folder / "summary.json").read_text())
    assert [line["model"] for line in summary["models"]] == [
        name for name in rows if name != "model"
    ][-5:]
    for line in summary["models"]:
        spreads = [
            line[key] and Spread(**line[key])
            for key in ("test_error", "train_error", "digit_error")
        ]
        expected = [
            *map(percent, spreads),
            f"{line['parameters']:,}",
            "4",
            f"{line['seconds']['mean']:.2f}",
        ]
        assert rows[line["model"]][:6] == expected
    effects = {cells[0]: cells[1:] for cells in found.rows}
    assert len(summary["effects"]) == 4
    for effect in summary["effects"]:
        assert effects[effect["name"]] == [
            difference(Interval(**effect["difference"])),
            probability(effect["p"]),
            starred(effect["holm"]),
            "4",
            rounds(effect["rounds_needed"]),
            f"{effect['before']} → {effect['after']}",
        ]
    said = dict(zip(found.text("dt"), found.text("dd")))
    own = ("epochs", "batch_size", "lr", "aux_weight", "augment")
    assert "cpu capability" in summary["versions"]
    expected = {**summary["settings"], **summary["versions"]}
    assert said == {
        key.replace("_", " "): value if isinstance(value, str) else json.dumps(value)
        for key, value in expected.items()
        if key not in own
    }
    settings = found.rows[-len(MODELS) :]
    assert settings == [
        [m, f"{rate(m):g}", "25", "50", "shift", "1.0" if m == "conv-shared-aux" else "–"]
        for m in MODELS
    ]
    (again,) = re.findall(r"<pre><code>(.*)</code></pre>", text)
    asked = ",".join(sorted(MODELS, key=list(ALL).index))
    assert again == f"funcdl-cli pairs --models {asked} --rounds 4 --seed 7 --out DIR"


def test_a_champion_has_the_settings_of_its_recipe_and_no_others(tmp_path):
    settings = Settings(batch_size=33, augment="shift", aux_weight=0.77, epochs=19, lr=0.123)
    results = Results(tmp_path, settings, "package")
    recipe = ALL["champion"].recipe
    results.add(Row("champion", 0, 0, 99, recipe.epochs, recipe.lr, 0.0, 0.1, 0.1, 1.0))
    results.finish()
    found, text = made(tmp_path)
    name, lr, epochs, batch, augment, weight, beside = found.rows[-1]
    assert (name, lr, epochs) == ("champion", f"{recipe.lr:g}", f"{recipe.epochs}")
    assert (batch, augment, weight) == (f"{recipe.batch_size}", "warp", "–")
    assert f"weight decay {recipe.weight_decay:g}" in beside
    shown = text.replace(re.search(r"<pre>.*</pre>", text)[0], "")
    for value in (">33<", ">19<", "0.77", "0.123", ">shift<"):
        assert value not in shown


def test_one_round_of_one_model_makes_a_page(tmp_path):
    Results(tmp_path, Settings(seed=7, validation=True), "package").add(
        row("fc-plain", 0, 0)._replace(test_error=0)
    )
    found, text = made(tmp_path)
    assert len(found.all("svg")) == 1
    assert "0.00 % over one round" in text
    assert "for tuning" in text


def test_hostile_names_and_settings_are_only_words(folder):
    with (folder / "rounds.jsonl").open("a") as file:
        for name in (HOSTILE, "\ud800", "x" * 500):
            file.write(json.dumps(row("fc-plain", 0, 1)._replace(model=name)._asdict()) + "\n")
    path = folder / "summary.json"
    summary = json.loads(path.read_text())
    summary["settings"] |= {HOSTILE: {"a": HOSTILE}, "digits": HOSTILE}
    summary["versions"]["torch"] = HOSTILE
    path.write_text(json.dumps(summary))
    found, _ = made(folder)
    assert not {"script", "img"} & {tag for tag, _ in found.tags}
    assert not [key for key, _ in found.attributes if key.startswith("on")]
    assert HOSTILE in {cells[0] for cells in found.rows}
    assert f"{HOSTILE}: 1 values" in found.text("desc")[0]
    assert found.text("dd").count(HOSTILE) == 2
    assert HOSTILE.replace("_", " ") in found.text("dt")
    assert "x" * 500 not in found.text("text")


def test_a_half_row_is_left_out_and_nothing_else_is_touched(folder):
    path = folder / "rounds.jsonl"
    expected = render(load(folder))
    path.write_text(path.read_text() + '{"model": "conv-pl')
    before = {file: file.read_bytes() for file in folder.iterdir()}
    written = write_page(folder, folder.parent / "new" / "page.html")
    assert written.read_text(encoding="utf-8") == expected
    assert {file: file.read_bytes() for file in folder.iterdir()} == before


BAD = json.dumps(row("fc-plain", 0, 0)._asdict())


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("rounds.jsonl", None, "expected a folder that 'funcdl-cli pairs --out' wrote, found no rounds.jsonl in it"),
        ("summary.json", None, "found no summary.json in it"),
        ("rounds.jsonl", "", "expected at least one finished round, found none"),
        ("rounds.jsonl", BAD, "expected at least one finished round, found none"),
        ("rounds.jsonl", "{}\n", "line 1: model: expected a string, found none"),
        ("rounds.jsonl", BAD + "\nnonsense\n", "line 2: expected JSON, got 'nonsense'"),
        ("rounds.jsonl", "[" * 99_999 + "\n", "line 1: expected JSON"),
        ("rounds.jsonl", "3\n", "line 1: expected an object, got '3'"),
        ("rounds.jsonl", BAD.replace("0.1", '"0.1"', 1) + "\n", "line 1: test_error: expected a number from 0 to 1, got '0.1'"),
        ("rounds.jsonl", BAD.replace("1.5", "NaN", 1) + "\n", "line 1: seconds: expected a number of at least 0, got nan"),
        ("rounds.jsonl", BAD.replace('"fc-plain"', "[]", 1) + "\n", "line 1: model: expected a string, got []"),
        ("rounds.jsonl", b"\xff\n", "expected UTF-8 text"),
        ("summary.json", "[1]", "summary.json: expected an object"),
        ("summary.json", "{}", "summary.json: settings: expected an object, found none"),
        ("summary.json", '{"settings": {}}', "summary.json: versions: expected an object, found none"),
        ("summary.json", '{"settings": {"test_pairs": "x"}, "versions": {}}', "summary.json: settings: test_pairs: expected an integer of at least 1 or null, got 'x'"),
        ("summary.json", '{"settings": {"seed": 0.5}, "versions": {}}', "settings: seed: expected an integer of at least 0 or null, got 0.5"),
    ],
)  # fmt: skip
def test_foreign_files_are_one_sentence(folder, file, text, words):
    if text is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ResultsError) as caught:
        write_page(folder)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize("file", ["rounds.jsonl", "summary.json"])
def test_a_file_that_cannot_be_read_is_one_sentence(folder, file):
    (folder / file).unlink()
    (folder / file).mkdir()
    with pytest.raises(ResultsError) as caught:
        write_page(folder)
    said = f"{folder / file}: expected a file that can be read, got: Is a directory"
    assert str(caught.value) == said


def test_the_command_writes_and_says_where(folder, tmp_path):
    done = ask("report", folder, "--out", tmp_path / "page.html")
    said = "This is the page: open it in a browser.\n"
    assert done == (0, f"{tmp_path / 'page.html'}\n", said)
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == render(load(folder))


def test_the_command_refuses_in_one_sentence(folder, tmp_path):
    code, out, err = ask("report", tmp_path / "nowhere")
    assert (code, out) == (2, "")
    assert err.startswith("Error: ")
    assert "expected a folder that 'funcdl-cli pairs --out' wrote" in err
    assert not (tmp_path / "nowhere").exists()
    code, _, err = ask("report", folder, "--out", tmp_path)
    assert code == 2
    assert "expected a file that can be written, got: Is a directory" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("low", "high"), [(0, 0), (0, 0.1), (-12.3, 0.7), (0, 100), (-1e-9, 0), (0, 17.2)]
)
def test_ticks_are_round_and_reach_both_ends(low, high):
    marks = ticks(low, high)
    assert 2 <= len(marks) <= 11
    assert marks == sorted(set(marks))
    assert marks[0] <= low <= high <= marks[-1]


def test_figures_place_values_on_their_axis():
    text = strips("a", "t", "x", [Strip("one", "", [5.0, 10.0]), Strip("two", "", [20.0])])
    assert [attrs["cx"] for attrs in Page(text).all("circle")] == ["27.50%", "50.00%", "95.00%"]
    bars = [
        Bar("up", "", "", 1.0, 0.5, 2.0),
        Bar("none", "", "", 0.5, -1.0, 2.0),
        Bar("one", "", "", 1.0, None, None),
    ]
    dots = Page(forest("b", "t", "x", bars)).all("circle")
    assert [attrs["class"] for attrs in dots] == ["dot", "dot open", "dot open"]


def test_values_that_span_a_decade_are_on_a_logarithmic_axis_which_says_so():
    text = strips("a", "t", "error", [Strip("one", "", [1.0, 10.0]), Strip("two", "", [100.0])])
    places = [float(attrs["cx"][:-1]) for attrs in Page(text).all("circle")]
    assert places == [5.0, 50.0, 95.0]
    assert "error (logarithmic)" in Page(text).text("text")
    even = strips("a", "t", "error", [Strip("one", "", [0.0, 100.0])])  # 0 has no logarithm
    assert "error" in Page(even).text("text")
    assert "logarithmic" not in even


@pytest.mark.parametrize("values", [[0.1], [0.0, 0.0], [1e-9, 1e9], [3.0, 30.0], [0.0, 1e-3]])
def test_a_scale_holds_its_values_in_order(values):
    found = scale(values, [-1.0])
    places = [found(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(0 <= place <= 1 for place in places)
    assert found(-1.0) == 0
    assert found.log == (values[0] > 0 and max(values) / values[0] >= 10)


def test_rows_stand_under_the_name_of_their_group_once():
    rows = [Strip(name, "", [1.0], group) for name, group in (("a", "x"), ("b", "x"), ("c", "y"))]
    words = Page(strips("a", "t", "e", rows)).text("text")
    assert [w for w in words if w in "abcxy"] == ["x", "a", "b", "y", "c"]
