"""What a command line may be given on a bad day: one sentence, and nothing is lost."""

import json
import os
import signal
import sys

import pytest

import cli
from funcdl import FuncdlError
from funcdl_cli import console
from pairs.rates import rate
from pairs.results import Results, ResultsError
from pairs.saved import load
from pairs.training import Row, Settings

QUICK = ["--models", "fc-plain", "--rounds", "1", "--epochs", "1", "--train-pairs", "20", "--test-pairs", "20", "--workers", "1"]  # fmt: skip


@pytest.fixture
def run(monkeypatch, capfd, tmp_path):
    """Run the command line in this process and an empty folder: exit code, output, errors."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def call(*args):
        monkeypatch.setattr(sys, "argv", ["funcdl-cli", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        return ended.value.code or 0, out, " ".join(err.replace("│", " ").split())

    yield call
    console.hush(False)


@pytest.mark.parametrize(
    "args",
    [
        ["pairs", *QUICK, "--out", ""],
        ["pairs", *QUICK, "--data-dir", ""],
        ["pairs", *QUICK, "--config", ""],
        ["sweep", "epochs", "--out", ""],
        ["framework", "--out", ""],
        ["report", ""],
        ["report", "x", "--out", ""],
        ["draw", "--out", ""],
        ["compare", "", "x"],
        ["compare", "x", "y", "--model", ""],
    ],
)
def test_an_empty_name_is_no_folder_and_no_file(run, args, tmp_path):
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    assert "expected the name of a file or a folder, got ''" in err
    assert os.listdir(tmp_path / "here") == []


def test_a_name_in_a_file_of_options_is_looked_at_too(run, tmp_path):
    for text, came in (("", "''"), ("a\\u0000b", r"'a\x00b'")):
        (tmp_path / "c.toml").write_text(f'[pairs]\nout = "{text}"\n')
        code, _, err = run("pairs", "--config", tmp_path / "c.toml")
        assert code == 2
        assert f"pairs.out: expected the name of a file or a folder, got {came}" in err


def test_a_file_of_options_has_an_end(run, tmp_path):
    pipe, large = tmp_path / "pipe", tmp_path / "large"
    os.mkfifo(pipe)
    large.write_bytes(b"#" * (1 << 20) + b"\n")
    for path, came in (
        (pipe, "a file of options, got: Not a regular file"),
        ("/dev/zero", "a file of options, got: Not a regular file"),
        (tmp_path, "a file of options, got: Is a directory"),
        (large, "a file of at most 1,048,576 bytes, got more"),
    ):
        assert run("pairs", "--config", path) == (2, "", f"Error: {path}: expected {came}")
    large.write_bytes(b"#" * ((1 << 20) - 1) + b"\n")
    assert run("pairs", *QUICK, "--config", large)[0] == 0


def test_a_mark_before_the_text_is_read_and_utf_16_is_refused(run, tmp_path):
    path, text = tmp_path / "c.toml", "[framework]\r\nrounds = 0\r\n"
    path.write_text(text, encoding="utf-8-sig")
    code, _, err = run("framework", "--config", path)
    assert code == 2
    assert err.startswith(f"Error: {path}: framework.rounds: ")
    path.write_text(text, encoding="utf-16")
    code, _, err = run("framework", "--config", path)
    assert code == 2
    assert err.startswith(f"Error: {path}: expected TOML in UTF-8, got: ")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["pairs", "--seed", 2**63], "less than or equal to 9223372036854775807"),
        (["pairs", "--rounds", 10**12], "less than or equal to 100000"),
        (["pairs", "--test-pairs", 10**23], "test_count: expected an integer from 1 to"),
        (["pairs", "--aux-weight", "nan"], "greater than or equal to 0"),
        (["sweep", "epochs", "--values", 10**23, "--out", "s"], "at most 1000000"),
        (["framework", "--momentum", "nan"], "greater than or equal to 0"),
        (["framework", "--hidden", ",".join(["1"] * 101)], "expected at most 100 layers, got 101"),
    ],
)  # fmt: skip
def test_a_number_that_is_too_much_is_refused_before_any_work(run, tmp_path, args, words):
    code, out, err = run(*args, *(["--out", "s"] if "--out" not in args else []))
    assert (code, out) == (2, "")
    assert words in err
    assert os.listdir(tmp_path / "here") == []


SAID = "Error: there is not enough memory for this; the finished rounds are kept."


def test_no_memory_is_no_misfit_of_shapes(run, monkeypatch):
    assert run("framework", "--hidden", ",".join(["10000"] * 99), "--rounds", 100) == (1, "", SAID)

    def reworded(*_):
        try:
            raise RuntimeError("can't allocate memory: you tried to allocate 8 bytes")
        except RuntimeError as error:
            raise FuncdlError("linear: expected other shapes") from error

    monkeypatch.setattr("funcdl_cli.framework.disc.learn", reworded)
    code, _, err = run("framework")
    assert (code, err) == (1, SAID)


def starve(*_, **__):
    raise MemoryError


def test_no_memory_in_a_worker_is_the_same_sentence(run, monkeypatch):
    monkeypatch.setattr("pairs.study.work", starve)
    code, _, err = run("pairs", *QUICK)
    assert (code, err) == (1, SAID)


def closed(number, *args):
    """Run the command line in a process in which a standard stream is closed; its exit code."""
    pid = os.fork()
    if pid == 0:
        try:
            os.close(number)
            setattr(sys, {1: "stdout", 2: "stderr"}[number], None)
            if number == 1:
                sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
            sys.argv = ["funcdl-cli", *map(str, args)]
            cli.main()
        except SystemExit as end:
            os._exit(end.code or 0)
        finally:
            os._exit(70)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_closed_standard_output_is_one_sentence_and_keeps_the_rounds(tmp_path, capfd):
    assert closed(1, "pairs", *QUICK, "-q", "--out", tmp_path) == 1
    said = "Error: standard output is closed; the finished rounds are kept.\n"
    assert capfd.readouterr().err == said
    # Nothing was written to a file that took its place.
    lines = (tmp_path / "rounds.jsonl").read_text().splitlines()
    assert [json.loads(line)["round"] for line in lines] == [0]


def test_a_closed_standard_error_loses_nothing(tmp_path, capfd):
    assert closed(2, "pairs", *QUICK, "--out", tmp_path) == 0
    assert "fc-plain" in capfd.readouterr().out
    assert len((tmp_path / "rounds.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_disc_ends_with_130_and_leaves_the_earlier_one(
    run, tmp_path, monkeypatch, number
):
    monkeypatch.setattr("funcdl_cli.framework.disc.learn", lambda *_: signal.raise_signal(number))
    (tmp_path / "framework.json").write_text("earlier")
    assert run("framework", "--out", tmp_path) == (130, "", "")
    assert (tmp_path / "framework.json").read_text() == "earlier"
    assert sorted(os.listdir(tmp_path)) == ["framework.json", "here"]


ROW = Row("fc-plain", 0, 0, 70_000, 25, rate("fc-plain"), 0.125, 0.25, None, 1.5)


@pytest.fixture
def folder(tmp_path):
    results = Results(tmp_path / "study", Settings(), "package")
    for i in range(2):
        results.add(ROW._replace(round=i))
    results.finish()
    return tmp_path / "study"


WANTED = {
    "digit_error": "a number from 0 to 1 or null",
    "test_error": "a number from 0 to 1",
    "train_error": "a number from 0 to 1",
    "seconds": "a number of at least 0",
    "round": "an integer of at least 0",
    "parameters": "an integer of at least 0",
    "model": "a string",
    "device": "a string",
    "stack": "an integer of at least 1",
}


def told(value):
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        *(
            ({key: value}, f": {key}: expected {WANTED[key]}, got {told(value)}")
            for key, values in {
                "digit_error": ["", "0.1", [], False, {}, float("nan"), -0.1, 1.5],
                "test_error": ["", None, True, float("inf"), 10**400],
                "train_error": ["0"],
                "seconds": ["", None, -1, float("nan")],
                "round": ["1", 1.0, -1, True, None, 2**63],
                "parameters": ["7", 7.5],
                "model": [3, None, ["fc-plain"]],
                "device": [0, None],
                "stack": [0, 2.0, "2", None],
            }.items()
            for value in values
        ),
        (
            {"colour": "blue"},
            ": colour: expected one of the keys model, round, seed, parameters, epochs, lr, train_error, test_error, digit_error, seconds, calibration, device, stack",
        ),
        (
            {"secnods": 1.5},
            f": secnods: expected one of the keys {', '.join(Row._fields)}; did you mean seconds?",
        ),
        ({"seed": 7}, " is of seed 7, and its folder of seed 0"),
        ({"round": 0}, " has a round that line 1 has already"),
    ],
)
def test_a_row_that_cannot_be_is_one_sentence_with_its_line(run, folder, change, words):
    path = folder / "rounds.jsonl"
    first, second = path.read_text().splitlines()
    text = "\n".join([first, json.dumps({**json.loads(second), **change})]) + "\n"
    path.write_text(text)
    for args in (["report", folder], ["pairs", "--models", "fc-plain", "--out", folder]):
        assert run(*args) == (2, "", f"Error: {path}: line 2{words}")
        assert path.read_text() == text


@pytest.mark.parametrize("name", ["rounds.jsonl", "details.jsonl", "summary.json"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "zero"])
def test_a_file_of_results_that_is_none_is_one_sentence(folder, name, kind):
    path = folder / name
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    for read in (lambda: load(folder), lambda: Results(folder, Settings(), "package")):
        with pytest.raises(ResultsError) as caught:
            read()
        assert "\n" not in str(caught.value)
        assert str(folder) in str(caught.value)


def test_rows_that_an_editor_saved_are_read(folder):
    path = folder / "rounds.jsonl"
    lines = path.read_text().splitlines()
    path.write_bytes("\r\n".join([*lines, "", ""]).encode("utf-8-sig"))
    assert len(Results(folder, Settings(), "package").rows) == len(load(folder).rows) == 2
