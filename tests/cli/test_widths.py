"""What is printed on terminals of every width: whole names and numbers, and no line too long."""

import re

import pytest
import typer
from command import ask
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import cli
from funcdl_cli import bench
from pairs.models import MODELS
from pairs.rates import rate
from pairs.results import Results
from pairs.sweep.folders import plan
from pairs.training import Row, Settings
from studykit.terminal import FittedTable

WIDTHS = [40, 60, 77, 80, 200]
KINDS = ["separate", "separate-aux", "shared", "shared-aux", "shared-explicit", "shared-explicit-aux"]  # fmt: skip
NAMES = [f"conv-{kind}" for kind in KINDS]
SMALL = ["--rounds", 3, "--quiet"]
COMMANDS = ["pairs", "sweep", "framework", "report", "compare", "draw", "check", "learn", "bench"]
NOTE = "Left out for lack of width: "


def row(model, i, settings):
    error = 0.1525 + i / 100 + 0.01 * (len(model) % 5)
    digit = None if not model.endswith("aux") else error
    return Row(model, i, 0, 70_906, settings.epochs, rate(model), error, error, digit, 1.5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    results = Results(tmp_path_factory.mktemp("study"), Settings(), "package")
    for i in range(3):
        for name in NAMES:
            results.add(row(name, i, Settings()))
    results.finish()
    return results.folder


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Seven values, as the default has."""
    whole = tmp_path_factory.mktemp("sweep")
    values = [125, 250, 500, 1000, 2000, 4000, 8000]
    for settings, results in plan(whole, "train-pairs", values, Settings(), "package").items():
        for i in range(3):
            for name in NAMES[:4]:
                results.add(row(name, i, settings))
        results.finish()
    return whole


def on(columns, *args):
    """What a terminal of so many columns shows, without its colours."""
    said = ask(*args, terminal=True, COLUMNS=str(columns), TERM="xterm")
    return said._replace(out=re.sub(r"\x1b\[[\d;?]*\w", "", said.out))


def whole(text):
    """What a table's first column says, its lines put together again."""
    cells = re.split(r"^[├┡╞┠].*$", text, flags=re.M)
    lines = [re.findall(r"^│ (\S+?) *│", cell, re.M) for cell in cells]
    return {"".join(names) for names in lines if names}


def fits(text, columns):
    """No line is too long for the terminal, and nothing is cut."""
    assert max(map(len, text.splitlines())) <= columns, text
    assert "…" not in text.replace("(…", "")
    return " ".join(text.split())


@pytest.mark.parametrize("columns", WIDTHS)
def test_the_tables_of_pairs_are_whole(columns, folder):
    code, out, err = on(columns, "pairs", "--models", ",".join(NAMES), *SMALL, "--out", folder)
    assert (code, err) == (0, "")
    said = fits(out, columns)
    assert all(re.search(rf"│ {name} *│", out) for name in NAMES)
    assert out.count("± 1.00") == len(NAMES)
    for effect in ("auxiliary loss,", "explicit comparison", "−1.00"):
        assert effect in said
    headings = ["params", "rounds", "train", "pairs", "rest", "digit", "s", "needed", "p", "Holm"]
    for heading in headings:
        shown = re.search(rf"┃ +{heading} *┃", out)
        assert shown or re.search(rf"{NOTE}[^.]*\b{heading}\b", said), heading
    # What is left out first, the parts of a deviation, is so in 80 columns too, and it alone.
    assert (
        re.findall(rf"{NOTE}([^.]*)", said)
        == {
            40: ["rest, pairs, s, params, rounds, train, digit", "needed, p, Holm"],
            60: ["rest, pairs, s, params, rounds", "needed, p"],
            77: ["rest, pairs"],
            80: ["rest, pairs"],
            200: [],
        }[columns]
    )
    assert said.count("A wider terminal shows all, and so does --json.") == said.count(NOTE)


@pytest.mark.parametrize("columns", WIDTHS)
def test_the_tables_of_a_sweep_are_whole(columns, sweep):
    args = ["sweep", "train-pairs", "--models", ",".join(NAMES[:4]), *SMALL, "--out", sweep]
    code, out, err = on(columns, *args)
    assert (code, err) == (0, "")
    said = fits(out, columns)
    assert all(re.search(rf"│ {name} *│", out) for name in NAMES[:4])
    values = ["125", "250", "500", "1000", "2000", "4000", "8000"]
    for value in values:
        shown = re.search(rf"┃ +{value} *┃", out)
        assert shown or re.search(rf"{NOTE}[^.]*\b{value}\b", said), value
    # The smallest and the largest are what a reader wants to compare.
    assert all(re.search(rf"┃ +{value} *┃", out) for value in ("125", "8000"))
    assert (NOTE in said) == (columns < 77)


@pytest.mark.parametrize("columns", [40, 41, 50, 60])
def test_the_longest_names_are_whole(columns, tmp_path):
    """None of them fits beside two numbers in 40 columns."""
    kinds = ["separate-explicit-digits", "shared-explicit-aux", "shared-explicit-digits"]
    names = ["conv-shared-explicit-digits", *(f"conv-bn-{kind}" for kind in kinds)]
    values = [0.001, 0.002, 0.004]
    for settings, results in plan(tmp_path, "lr", values, Settings(), "package").items():
        for i in range(3):
            for name in names:
                own = row(name, i, settings)._replace(lr=settings.lr)
                results.add(own._replace(test_error=0.8) if name.endswith("-aux") else own)
        results.finish()
    asked = ["--models", ",".join(names), *SMALL, "--out"]
    for args in (
        ["pairs", *asked, tmp_path / "lr-0.001", "--lr", "0.001"],
        ["sweep", "lr", "--values", "0.001,0.002,0.004", *asked, tmp_path],
    ):
        code, out, err = on(columns, *args)
        assert (code, err) == (0, "")
        fits(out, columns)
        models, effects = out.split("What it gives")
        assert {*names} <= (whole(models) | {*re.findall(r"│ (\S+) *│", models)})
        words = " ".join(re.findall(r"^│ (.*?) *│", effects, re.M)).replace("- ", "-")
        assert ": the Boolean beside the digits" in f": {words}"
        assert args[0] == "sweep" or "shared-explicit-digits → shared-explicit-aux" in words
        assert re.search(r"\[?\+6\d\.\d\d", effects)


@pytest.mark.parametrize("columns", WIDTHS)
def test_the_other_tables_are_whole(columns, monkeypatch):
    monkeypatch.setattr(bench, "REPEATS", 1)
    monkeypatch.setattr(bench, "SECONDS", 1e-6)
    first = bench.workloads()[:3]
    monkeypatch.setattr(bench, "workloads", lambda: first)
    code, out, _ = on(columns, "bench", "--quiet")
    assert code == 0
    said = fits(out, columns)
    assert re.search(r"batch\b.*\b1000\b", said)
    assert "staged" in said
    code, out, _ = on(columns, "check", "--only", "linear,global_max_pool2d", "--quiet")
    assert code == 0
    assert "global_max_pool2d" in fits(out, columns)
    assert out.count("pass") == 2
    args = ["framework", "--points", 20, "--epochs", 2, "--rounds", 2, "--quiet"]
    code, out, _ = on(columns, *args)
    assert code == 0
    assert re.search(r"│ test +│ +[\d.]+ ± [\d.]+ *│", out)
    fits(out, columns)
    listed = on(columns, "pairs", "--list").out
    said = fits(listed, columns)
    assert all(re.search(rf"│ {name} *│", listed) for name in MODELS)
    for heading in ("params", "tie", "answer", "losses", "norm", "epochs"):
        shown = re.search(rf"┃ +{heading} *┃", listed)
        assert shown or re.search(rf"{NOTE}[^.]*\b{heading}\b", said), heading
    assert re.search(r"┃ tie +┃ answer *┃ losses *┃", listed) or columns < 80
    fits(on(columns, "pairs", "--list", "--models", "conv-bn-*,champion").out, columns)


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_two_digits_stand_side_by_side_or_one_above_the_other(columns, tmp_path):
    image = pytest.importorskip("PIL.Image", reason="needs the extra compare: pip install pillow")
    picture = image.new("L", (20, 20), 255)
    picture.paste(0, (9, 3, 12, 17))
    picture.save(tmp_path / "1.png")
    code, out, _ = on(columns, "compare", tmp_path / "1.png", tmp_path / "1.png")
    assert code == 0
    fits(out, columns)
    assert len(re.findall(r"^▕.*▏$", out, re.M)) == (14 if columns == 80 else 28)


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_has_whole_words_at_every_width(command, columns):
    args = [] if command is None else [command]
    code, out, _ = on(columns, *args, "--help")
    assert code == 0
    said = re.sub(r"[│\s]+", " ", out)
    fits(out, columns)
    group = typer.main.get_command(cli.app)
    asked = group if command is None else group.commands[command]
    for param in asked.params:
        for name in param.opts if param.param_type_name == "option" else ():
            assert re.search(rf"{name}\b", said), name
    if columns < 60:  # prose, not a word a line
        words = asked.help.replace("\n", " ").split()
        assert " ".join(words[:12]) in said
        assert sum(map(len, out.split())) / len(out.splitlines()) > 12
    else:
        assert "╭─ Options ─" in out


def test_what_is_no_terminal_has_full_width_and_no_colour(folder, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    args = ["pairs", "--models", ",".join(NAMES), *SMALL, "--out", folder]
    out = ask(*args).out
    assert "\x1b" not in out
    assert NOTE not in out
    assert "over the rounds; s to train one" in out
    lines = ask("pairs", "--list", "--models", "conv-shared-explicit-digits").out.splitlines()
    assert "conv-shared-explicit-digits  68,221 parameters: the same network for each digit, which learns the digits alone; answers with the sum of p_i q_j over i ≤ j" in lines  # fmt: skip
    # The title, which is in the middle of its table, alone ends in spaces.
    assert all(line == line.rstrip() for line in lines[1:])
    assert ask(*args, COLUMNS="40").out == on(40, *args).out


def test_a_terminal_breaks_a_sentence_between_words_and_a_file_does_not(tmp_path):
    name = tmp_path / ("long-" * 20)
    code, out, err = on(40, "report", name)
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert str(name) in "".join(lines)
    assert f"{name}:" in lines
    assert all(len(line) <= 40 for line in lines if str(name) not in line)
    assert " ".join(lines) + "\n" == ask("report", name, COLUMNS="40").err


def test_a_word_between_colons_is_no_picture(tmp_path):
    """Rich would write :x: as a cross; here it is a file's name."""
    assert "/:x::" in ask("report", tmp_path / ":x:").err


HEADINGS = st.lists(st.text("abc", min_size=1, max_size=9), min_size=1, max_size=6, unique=True)


@given(headings=HEADINGS, width=st.integers(1, 90), wraps=st.booleans(), data=st.data())
def test_a_table_shows_a_number_whole_or_not_at_all(headings, width, wraps, data):
    least = data.draw(st.permutations(headings[1:]))[: data.draw(st.integers(0, 5))]
    table = FittedTable("A title of some words", least, broken=lambda cell: cell.replace("|", "\n"))
    for i, heading in enumerate(headings):
        table.add_column(heading, no_wrap=not (wraps and i == 0), min_width=4)
    cells = [f"{10**i}.{i}" for i in range(len(headings))]
    table.add_row(*cells)
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(table, crop=False)
    out = captured.get()
    assert "…" not in out
    gone = [heading for heading in least if not re.search(rf"┃ *{heading} *┃", out)]
    if max(map(len, out.splitlines())) > width + 1:  # nothing more could go
        assert gone == least
    assert gone == least[: len(gone)]
    for heading, cell in zip(headings, cells):
        assert (heading in gone) or wraps or re.search(rf"│ *{re.escape(cell)} *│", out), out
    assert ("Left out" in " ".join(out.split())) == bool(gone) or width < 12
