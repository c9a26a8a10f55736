"""What is printed where the encoding lacks a character: plain words, and nothing is lost."""

import ast
import io
import json
import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
import typer
from command import ask
from hypothesis import given
from hypothesis import strategies as st

import cli
from funcdl_cli import bench
from funcdl_cli.plain import plain, plain_streams
from pairs.rates import rate
from pairs.results import Results
from pairs.training import Row, Settings

ENCODINGS = ["cp1252", "cp437", "cp850", "cp932", "latin-1", "ascii", "utf-8"]
ROOT = Path(cli.__file__).parent
PACKAGES = ["funcdl", "funcdl_cli", "pairs", "disc", "studykit", "reports"]
RUN = ["--rounds", 2, "--epochs", 1, "--train-pairs", 20, "--test-pairs", 20, "--workers", 1]


def row(model, i):
    return Row(model, i, 0, 70_000, 1, rate(model), 0.125, 0.25 + i / 100, 0.5, 1.5)


@pytest.fixture
def folder(tmp_path):
    results = Results(tmp_path / "π≤数é", Settings(), "package")
    for i in range(3):
        for model in ("conv-separate", "conv-shared", "conv-shared-aux"):
            results.add(row(model, i))
    results.finish()
    return results.folder


@pytest.fixture
def picture(tmp_path):
    image = pytest.importorskip("PIL.Image", reason="needs the extra compare: pip install pillow")
    made = image.new("L", (20, 20), 255)
    made.paste(0, (9, 3, 12, 17))
    made.save(tmp_path / "é.png")
    return tmp_path / "é.png"


def numbers(text):
    return re.findall(r"\d+(?:[.,]\d+)*", text)


def written(text, encoding):
    """The bytes that a stream of an encoding makes of a text, by the way that all output goes."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding, newline="\n", write_through=True)
    with plain_streams(stream):
        stream.write(text)
    return stream.buffer.getvalue()


def strings(path):
    """The strings of a file; docstrings are read by nobody on the command line, but for helps."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    alone = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    alone = set() if path.parent.name == "funcdl_cli" else alone
    found = (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return [node.value for node in found if isinstance(node.value, str) and node not in alone]


def test_every_character_of_the_program_has_a_plain_form():
    rooms = [ROOT / name for name in PACKAGES]
    files = [ROOT / "cli.py", *(path for room in rooms for path in room.rglob("*.py"))]
    files.remove(ROOT / "pairs" / "scenes" / "shapes.py")  # its signs are drawn, never written
    used = {char for path in files for text in strings(path) for char in text} - {"\n"}
    assert {"±", "≤", "→", "–"} <= used
    # What the plain forms are made for; Greek by its names, of which formulas use some.
    used |= set("±∓×−≤≥≠≈√∞∑Σ∂→←⇒…–—’“”µμλθπσ²³½éüßøÅñç░▒▓█▏▕ │─┌┐└┘├┤┬┴┼━┃┏┓┗┛╸╺═║⠋⠙")
    for encoding in ENCODINGS:
        for char in sorted(used):
            text = plain(char, encoding)
            text.encode(encoding)
            assert text or unicodedata.category(char) == "Mn", char
            assert "<U+" not in text, char
            assert "?" not in text or char in "?¿", char
            assert "\\u" not in text, char
    assert plain("Σ p ± 3 µs, λ² ≤ ½ – “naïve” → x…", "ascii") == (
        'sum p +/- 3 us, lambda^2 <= 1/2 - "naive" -> x...'
    )


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=st.text(st.characters(blacklist_categories=())))
def test_any_text_can_be_written_and_as_it_was_laid_out(encoding, text):
    assert written(text, encoding) == plain(text, encoding).encode(encoding)
    assert plain(plain(text, encoding), encoding) == plain(text, encoding)
    if all(ord(char) < 128 for char in text):
        assert plain(text, encoding) == text


@given(text=st.text(st.characters(whitelist_categories=["Lo"]), min_size=1))
def test_names_in_letters_of_another_script_can_still_be_told_apart(text):
    kept = [
        char for char in text if unicodedata.normalize("NFKD", char) == char and ord(char) > 767
    ]
    found = re.findall(r"<U\+[0-9A-F]+>", plain(text, "ascii"))
    assert {f"<U+{ord(char):04X}>" for char in kept} <= set(found)


def test_bytes_of_a_name_that_is_no_utf8_are_written_as_such():
    undecoded = "é数".encode().decode("ascii", "surrogateescape")
    assert written(undecoded, "utf-8") == "é数".encode()
    assert written(undecoded, "ascii") == b"e<U+6570>"
    assert written("é\udcff", "utf-8") == "é<0xFF>".encode()


def test_streams_are_left_as_they_were():
    stream = io.TextIOWrapper(io.BytesIO(), "ascii", "strict")
    with plain_streams(stream, None, io.StringIO()):
        stream.write("≤")
    with pytest.raises(UnicodeEncodeError):
        stream.write("≤")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_tables_keep_their_numbers_and_stay_in_line(encoding, folder):
    args = ["pairs", "--models", "conv-separate,conv-shared,conv-shared-aux", "--out", folder]
    args += ["--rounds", 3, "--quiet"]
    there = ask(*args)
    code, out, err = ask(*args, encoding=encoding)
    assert (code, err) == (0, "")
    # A square is a digit more where there is no sign for it.
    assert numbers(out) == numbers(there.out.replace("²", plain("²", encoding)))
    tables = out.replace(plain("±", encoding) + plain("²", encoding), "")  # a caption begins so
    lines = [
        line for line in tables.splitlines() if line.startswith(("|", "+", "│", "┃", "┏", "└"))
    ]
    assert len(lines) >= 13
    assert len(set(map(len, lines))) == 2  # two tables
    sign = plain("±", encoding)
    assert f"26.00 {sign} 1.00" in out
    assert "?" not in out


@pytest.mark.parametrize(
    ("encoding", "terminal"),
    [("cp1252", False), ("cp437", True), ("cp932", False), ("ascii", True)],
)
def test_every_command_writes_in_every_encoding(
    encoding, terminal, folder, picture, tmp_path, monkeypatch
):
    """On a terminal with its bar, and redirected; ask has a stream that refuses what it lacks."""
    monkeypatch.setattr(bench, "REPEATS", 1)
    monkeypatch.setattr(bench, "SECONDS", 1e-6)
    first = bench.workloads()[:1]
    monkeypatch.setattr(bench, "workloads", lambda: first)
    where = {"encoding": encoding, "terminal": terminal, "TERM": "xterm", "COLUMNS": "80"}
    small = ["--points", 20, "--epochs", 2, "--rounds", 2]
    for args in (
        ["--version"],
        ["--help"],
        *([name, "--help"] for name in typer.main.get_command(cli.app).commands),
        ["pairs", "--models", "fc-plain,fc-shared", *RUN, "--out", tmp_path / "r→"],
        ["sweep", "epochs", "--models", "fc-plain", "--values", 1, *RUN[:2], *RUN[4:], "--out", tmp_path / "s→"],
        ["framework", *small, "--out", tmp_path / "d→"],
        ["report", folder],
        ["compare", picture, picture],
        ["check", "--only", "linear,relu"],
        ["bench"],
    ):  # fmt: skip
        code, out, err = ask(*args, **where)
        assert code == 0, (args, err)
        assert out
        assert "?" not in re.sub(r"Which of two .* is\s+larger\?", "", out) or "--help" in args
        assert "\\u" not in out + err
    assert (folder / "report.html").read_text(encoding="utf-8").count("±") > 3
    for args, words in (
        (["report", tmp_path / "≤数"], "<=<U+6570>"),
        (["compare", picture, tmp_path / "≤.png"], "<=.png"),
        (["pairs", "--models", "λ≤"], "got 'lambda<='"),
        (["check", "--config", tmp_path / "≤.toml"], "<=.toml"),
        (["framework", "--activation", "≤"], "<="),
        (["check", "--only", "…≤"], "<="),
    ):
        code, out, err = ask(*args, **where | {"encoding": "ascii", "COLUMNS": "200"})
        assert (code, out) == (2, "")
        assert words in err, args
        assert "\\u" not in err


def test_json_is_the_same_in_every_encoding(folder, picture):
    args = ["compare", picture, picture, "--json"]
    whole = ask(*args).out
    assert "×" in json.loads(whole)["left"]["steps"][-1]
    for encoding in ENCODINGS:
        assert ask(*args, encoding=encoding).out == whole


def process(*args, **environment):
    names = ("PYTHONIOENCODING", "PYTHONUTF8", "LC_ALL", "LANG")
    kept = {key: value for key, value in os.environ.items() if key not in names}
    command = [sys.executable, cli.__file__, *map(str, args)]
    done = subprocess.run(command, capture_output=True, env=kept | environment)
    return done.returncode, done.stdout, done.stderr


def test_a_process_under_another_encoding_or_none():
    """The streams are Python's own here, and the environment says what they are."""
    code, out, err = process("pairs", "--list", PYTHONIOENCODING="cp1252")
    assert (code, err) == (0, b"")
    assert b"over i <= j" in out
    small = ["--points", 20, "--epochs", 2, "--rounds", 2]
    c = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    code, out, err = process("framework", *small, **c)
    assert code == 0, err
    assert out.isascii()
    assert b" +/- " in out
    code, out, err = process("report", "/nowhere/é≤", **c)
    assert (code, out) == (2, b"")
    assert b"Error: /nowhere/e<=: expected a folder" in err
