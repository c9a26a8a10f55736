"""Results as CSV, LaTeX and Markdown: the summary's numbers, and syntax that holds for any words."""

import csv
import json
import re
import xml.etree.ElementTree as ET

import pytest
import torch
from command import ask
from markdown_it import MarkdownIt

import disc
from disc.file import save_disc
from pairs.effects import Effect, effects
from pairs.lines import lines
from pairs.rates import rate
from pairs.results import Results
from pairs.saved import load
from pairs.sweep.folders import plan
from pairs.training import Row, Settings
from reports import FORMATS, write_files
from studykit.files import ResultsError
from studykit.formats.latex import latex
from studykit.formats.records import as_csv, records
from studykit.statistics import Interval, Spread
from studykit.wording import difference, percent, probability

MODELS = ["conv-separate", "conv-shared", "conv-shared-aux", "fc-plain"]
HOSTILE = ["a_b & 50 % of $x$ #{\\} ~^", "<b>|x|</b> `*", "=cmd()", "数 é ± −\n--'[", "\ud800"]
FIGURES = {"study": 2, "sweep": 3, "experiment": 2}
SVG = "{http://www.w3.org/2000/svg}"


def row(model, i, k, error=None):
    digit = 0.03 + i / 500 if model.endswith("aux") else None
    error = 0.1 + 0.02 * k + (i * (k + 3) % 5) / 100 if error is None else error
    lr = rate(model) if model in MODELS else 0.01
    return Row(model, i, 0, 70_000 + k, 25, lr, 0.01 * k, error, digit, 1.5 + i)


@pytest.fixture
def study(tmp_path):
    results = Results(tmp_path / "study", Settings(), "package")
    for i in range(4):
        for k, model in enumerate(MODELS):
            results.add(row(model, i, k))
    results.finish()
    return tmp_path / "study"


@pytest.fixture
def sweep(tmp_path):
    folder = tmp_path / "sweep"
    for results in plan(folder, "augment", ["none", "warp"], Settings(), "package").values():
        for i in range(3):
            for k, model in enumerate(MODELS):
                results.add(row(model, i, k))
        results.finish()
    return folder


@pytest.fixture
def experiment(tmp_path):
    folder = tmp_path / "disc"
    folder.mkdir()
    setting = disc.Experiment(points=20, hidden=(4,), epochs=3, batch_size=10)
    rngs = [torch.Generator().manual_seed(i) for i in range(2)]
    save_disc(folder, setting, 3, disc.run(setting, rngs))
    return folder


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_csv_has_the_numbers_of_the_rows_and_of_the_summary(study):
    assert [path.name for path in write_files(study, "csv")] == [
        "rounds.csv",
        "models.csv",
        "effects.csv",
    ]
    kept = [json.loads(line) for line in (study / "rounds.jsonl").read_text().splitlines()]
    found = table(study / "report" / "rounds.csv")
    assert [{k: v for k, v in one.items() if v} for one in found] == [
        {key: str(value) for key, value in one.items() if value is not None} for one in kept
    ]
    summary = json.loads((study / "summary.json").read_text())
    for part in ("models", "effects"):
        found = table(study / "report" / f"{part}.csv")
        assert len(found) == len(summary[part]) > 0
        for told, one in zip(found, summary[part]):
            flat = {}
            for key, value in one.items():
                if isinstance(value, dict):
                    flat |= {f"{key}_{inner}": number for inner, number in value.items()}
                elif value is not None:
                    flat[key] = value
            assert {k: v for k, v in told.items() if v} == {
                k: str(v) for k, v in flat.items() if v is not None
            }


def test_what_was_not_found_has_its_columns_all_the_same(tmp_path):
    assert as_csv(records(Effect, [])).startswith("name,before,after,less,rounds,difference_mean,")
    Results(tmp_path, Settings(), "package").add(row("fc-plain", 0, 0))
    write_files(tmp_path, "csv")
    assert table(tmp_path / "report" / "effects.csv") == []
    write_files(tmp_path, "latex")
    assert "tab:effects" not in (tmp_path / "report" / "tables.tex").read_text()


class Latex:
    """The tables of a file, read as LaTeX would read what is in them; anything else is an error."""

    TOKEN = re.compile(r"\\\\|\\[a-zA-Z]+|\\[&%$#_{}]|[&${}]|%[^\n]*\n|[^\\&${}%]+")

    def __init__(self, text):
        self.rows, self.open, self.names = [], [], []
        self.tokens = []
        at = 0
        while at < len(text):
            found = self.TOKEN.match(text, at)
            assert found, text[at : at + 40]
            self.tokens.append(found[0])
            at = found.end()
        assert all(ord(char) < 128 for char in text)
        self.balanced()
        for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
            if kind == "begin":
                self.open.append(name)
            else:
                assert self.open.pop() == name
        assert self.open == []
        self.labels = re.findall(r"\\label\{([\w:-]+)\}", text)
        assert len(self.labels) == len(set(self.labels)) == text.count("\\caption{")
        self.tables = [self.table(*found) for found in re.findall(
            r"\\begin\{tabular\}\{((?:[lr]|p\{[^}]*\})+)\}\n(.*?)\\end\{tabular\}", text, re.DOTALL
        )]  # fmt: skip

    def balanced(self):
        depth, math = 0, False
        for token in self.tokens:
            depth += (token == "{") - (token == "}")
            math ^= token == "$"
            assert depth >= 0
            # Characters that text has not, and math has, or the other way round.
            assert (
                math or not re.search(r"[\^_#~<>|]", token.removeprefix("\\")) or token[0] in "%\\"
            )
        assert depth == 0
        assert not math

    def table(self, columns, text):
        count = len(re.sub(r"\{[^}]*\}", "", columns))
        lines = [line.strip() for line in text.strip().split("\n")]
        rules = [line for line in lines if not line.endswith("\\\\")]
        assert [rule for rule in rules if rule != r"\addlinespace"] == [
            r"\toprule", r"\midrule", r"\bottomrule"
        ]  # fmt: skip
        rows = [line for line in lines if line.endswith("\\\\")]
        cells = [re.split(r"(?<!\\)&", line.removesuffix("\\\\")) for line in rows]
        assert {len(row) for row in cells} == {count}
        assert not any(
            row[0].strip().startswith("[") for row in cells
        )  # an option of the row's end
        return [[cell.strip() for cell in row] for row in cells]


def test_latex_tables_hold_and_say_what_the_summary_says(study):
    write_files(study, "latex")
    text = (study / "report" / "tables.tex").read_text()
    found = Latex(text)
    assert found.labels == ["tab:models", "tab:effects", "tab:settings", "tab:made"]
    models, told = found.tables[:2]
    rows = load(study).rows
    assert [r[:2] for r in models[1:]] == [
        [x.model, latex(percent(x.test_error))] for x in lines(rows)
    ]
    assert [r[:3] for r in told[1:]] == [
        [latex(e.name), latex(difference(e.difference)), latex(probability(e.p))]
        for e in effects(rows)
    ]  # fmt: skip


@pytest.mark.parametrize("words", HOSTILE)
def test_words_from_outside_stay_words(study, words):
    with (study / "rounds.jsonl").open("a") as file:
        file.write(json.dumps(row(words, 0, 1)._asdict()) + "\n")
    for kind in FORMATS:
        write_files(study, kind)
    report = study / "report"
    Latex((report / "tables.tex").read_text())
    Latex((report / "figures.tex").read_text())
    html = (
        MarkdownIt("commonmark").enable("table").render((report / "report.md").read_text("utf-8"))
    )
    assert "<b>" not in html
    assert "<code>" not in html
    rows = [
        re.findall(r"<t[dh][ >]", line) for line in re.findall(r"<tr>.*?</tr>", html, re.DOTALL)
    ]
    assert rows
    names = [one["model"] for one in table(report / "models.csv")]
    assert len(names) == len(MODELS) + 1
    assert not names[-1].startswith("=")
    for path in (report / "figures").iterdir():
        ET.parse(path)


@pytest.mark.parametrize("name", ["study", "sweep", "experiment"])
def test_markdown_tables_are_tables_and_figures_are_there(request, name):
    folder = request.getfixturevalue(name)
    write_files(folder, "markdown")
    text = (folder / "report" / "report.md").read_text(encoding="utf-8")
    html = MarkdownIt("commonmark").enable("table").render(text)
    assert html.count("<table>") == text.count("*Table.*") >= 3
    for body in re.findall(r"<table>(.*?)</table>", html, re.DOTALL):
        widths = {len(re.findall(r"<t[dh][ >]", line)) for line in body.split("</tr>")[:-1]}
        assert len(widths) == 1
    pictures = re.findall(r'<img src="([^"]+)" alt="([^"]+)"', html)
    assert len(pictures) == FIGURES[name] == text.count("*Figure.*")
    assert all((folder / "report" / path).exists() and len(about) > 40 for path, about in pictures)


@pytest.mark.parametrize("name", ["study", "sweep", "experiment"])
def test_a_figure_stands_alone(request, name):
    folder = request.getfixturevalue(name)
    paths = [path for path in write_files(folder, "latex") if path.suffix == ".svg"]
    told = (folder / "report" / "figures.tex").read_text()
    assert len(paths) == FIGURES[name]
    for path in paths:
        text = path.read_text(encoding="utf-8")
        root = ET.fromstring(text)
        assert root.tag == f"{SVG}svg"
        assert float(root.attrib["width"]) == 720
        assert root.attrib["viewBox"].split()[2:] == [root.attrib["width"], root.attrib["height"]]
        assert "var(" not in text
        assert f"figures/{path.stem}}}" in told
        # Each class that something has is drawn as the style says.
        style = root.find(f"{SVG}style").text
        used = {name for e in root.iter() for name in e.attrib.get("class", "").split()}
        assert {name for name in used if f".{name}" not in style} <= {"label", "stretched"}


def test_a_sweep_says_at_which_value_and_the_disc_has_rounds_and_a_model(sweep, experiment):
    write_files(sweep, "csv")
    found = table(sweep / "report" / "models.csv")
    assert [one["swept_augment"] for one in found] == ["none"] * 4 + ["warp"] * 4
    assert {one["swept_augment"] for one in table(sweep / "report" / "effects.csv")} == {
        "none",
        "warp",
    }
    write_files(experiment, "csv")
    kept = json.loads((experiment / "framework.json").read_text())
    told = table(experiment / "report" / "rounds.csv")
    assert [float(one["test_error"]) for one in told] == kept["test_errors"]
    assert [float(one["loss"]) for one in told] == kept["losses"][-1]
    (line,) = table(experiment / "report" / "models.csv")
    assert line["parameters"] == str(kept["parameters"])


def test_the_command_writes_where_it_is_told_and_says_so(study, tmp_path):
    done = ask("report", study, "--format", "csv", "--out", tmp_path / "mine")
    assert done.code == 0
    assert done.out.split() == [
        str(tmp_path / "mine" / f"{n}.csv") for n in ("rounds", "models", "effects")
    ]
    assert not (study / "report").exists()
    before = (study / "summary.json").read_bytes()
    assert ask("report", study, "--format", "latex").code == 0
    assert (study / "summary.json").read_bytes() == before


@pytest.mark.parametrize("kind", FORMATS)
def test_what_cannot_be_written_or_read_is_one_sentence(study, tmp_path, kind):
    (tmp_path / "file").write_text("")
    for args, words in [
        ((tmp_path / "nowhere", "--format", kind), "expected a folder that 'funcdl-cli pairs --out' wrote"),
        ((study, "--format", kind, "--out", tmp_path / "file"), "expected a folder that can be written"),
        ((study, "--format", "pdf"), "'pdf' is not one of"),
    ]:  # fmt: skip
        done = ask("report", *args)
        assert done.code == 2
        assert words in " ".join(done.err.split())
        assert "Traceback" not in done.err
    with pytest.raises(ResultsError):
        write_files(tmp_path / "nowhere", kind)


def test_a_name_that_a_spreadsheet_would_run_is_none():
    text = as_csv(records(Interval, [Interval(-1.5, None, 0.0)], [{"name": "=1+1"}]))
    assert text == "name,mean,low,high\r\n'=1+1,-1.5,,0.0\r\n"
    assert as_csv(records(Spread, [])) == "mean,deviation\r\n"
